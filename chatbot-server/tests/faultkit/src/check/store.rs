//! What lies in the store while no server runs: read with SQLite itself, and changed by nobody.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Row as _};

use crate::Result;
use crate::actor::Actor;
use crate::ledger::Known;
use crate::report::{Findings, Kind};

/// Statements that count what must not be, whenever the server died.
const NEVER: &[(Kind, &str, &str)] = &[
    (
        Kind::Half,
        "live versions whose chunks are not all there",
        "SELECT count(*) FROM documents d JOIN versions v ON v.id = d.live
         WHERE v.chunk_count <> (SELECT count(*) FROM chunks c WHERE c.version = v.id)",
    ),
    (
        Kind::Half,
        "live versions whose text is not all there",
        "SELECT count(*) FROM documents d JOIN versions v ON v.id = d.live
         WHERE v.text_bytes <> (SELECT coalesce(sum(length(t.content)), 0) FROM texts t WHERE t.version = v.id)",
    ),
    (
        Kind::Half,
        "live versions that were never published, or versions that wait without a job",
        "SELECT (SELECT count(*) FROM documents d JOIN versions v ON v.id = d.live WHERE v.published_seq IS NULL)
              + (SELECT count(*) FROM versions v JOIN documents d ON d.id = v.document AND d.deleted_at IS NULL
                 WHERE v.state IN ('queued', 'processing') AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.version = v.id))",
    ),
    (
        Kind::Half,
        "sessions that count other messages than they have",
        "SELECT count(*) FROM sessions s WHERE s.deleted_at IS NULL
         AND s.message_count <> (SELECT count(*) FROM messages m WHERE m.session = s.id)",
    ),
    (
        Kind::Half,
        "collections that count other documents than they have",
        "SELECT count(*) FROM collections c WHERE c.document_count <>
            (SELECT count(*) FROM documents d WHERE d.collection = c.id AND d.deleted_at IS NULL)",
    ),
    (
        Kind::Half,
        "questions without an answer",
        "SELECT count(*) FROM messages q JOIN sessions s ON s.id = q.session AND s.deleted_at IS NULL
         WHERE q.role = 'user' AND NOT EXISTS (SELECT 1 FROM messages a WHERE a.parent = q.seq)",
    ),
    (
        Kind::Duplicate,
        "documents with one name",
        "SELECT count(*) FROM (SELECT source FROM documents WHERE deleted_at IS NULL
         GROUP BY source HAVING count(*) > 1)",
    ),
    (
        Kind::Duplicate,
        "questions that were asked twice",
        "SELECT count(*) FROM (SELECT content FROM messages WHERE role = 'user' GROUP BY content HAVING count(*) > 1)",
    ),
    (
        Kind::Duplicate,
        "versions with the same bytes",
        "SELECT count(*) FROM (SELECT document FROM versions GROUP BY document, blob HAVING count(*) > 1)",
    ),
    (
        Kind::Other,
        "messages that the search would not find",
        // Answers that rest on a deleted document are meant not to be found.
        "SELECT count(*) FROM messages m WHERE m.state = 'complete'
         AND NOT EXISTS (SELECT 1 FROM message_search s WHERE s.message = m.seq)
         AND NOT EXISTS (SELECT 1 FROM json_each(m.details, '$.sources') s WHERE s.value ->> '$.deleted')
         AND NOT EXISTS (SELECT 1 FROM message_documents md JOIN documents d ON d.id = md.document
                         WHERE md.message = m.seq AND d.deleted_at IS NOT NULL)",
    ),
];

const BEHIND: &str = "SELECT count(*) FROM checkpoints
         WHERE seq <> coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)";

/// Statements that count what must not be once everything was done.
const WHEN_SETTLED: &[(Kind, &str, &str)] = &[
    (Kind::Half, "jobs that are left", "SELECT count(*) FROM jobs"),
    (
        Kind::Half,
        "answers that are open",
        "SELECT count(*) FROM messages m JOIN sessions s ON s.id = m.session AND s.deleted_at IS NULL
         WHERE m.state IN ('pending', 'streaming') OR m.token IS NOT NULL",
    ),
    (
        Kind::Half,
        "indexes that are not at the last change",
        BEHIND,
    ),
    (
        Kind::Half,
        "passages without their vector",
        "SELECT count(*) FROM chunks c JOIN documents d ON d.live = c.version, meta m
         WHERE m.name = 'embedder' AND m.value IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.embedder = m.value AND e.hash = c.hash)",
    ),
    (
        Kind::Duplicate,
        "vectors that no passage has, and that nobody will remove",
        "SELECT count(*) FROM embeddings e WHERE NOT EXISTS (SELECT 1 FROM chunks c WHERE c.hash = e.hash)
         AND NOT EXISTS (SELECT 1 FROM meta WHERE name = 'embeddings_loose')",
    ),
    (
        Kind::Duplicate,
        "answers that were charged more or less than once",
        "SELECT count(*) FROM messages m WHERE m.role = 'assistant' AND m.state = 'complete'
         AND (SELECT count(*) FROM calls c WHERE c.message = m.id AND c.purpose = 'answer') <> 1 - m.abstained",
    ),
];

/// A store that no server has open.
#[derive(Debug)]
pub struct Store(SqliteConnection);

impl Store {
    /// Opens the store of this data directory for reading; `None` where there is none yet.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub async fn open(data: &Path) -> Result<Option<Self>> {
        let path = data.join("store.db");
        if !path.exists() {
            return Ok(None);
        }
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        Ok(Some(Self(SqliteConnection::connect_with(&options).await?)))
    }

    /// What must hold whenever the server died.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn is_sound(&mut self, findings: &mut Findings) -> Result<()> {
        let said: String =
            sqlx::query("PRAGMA integrity_check").fetch_one(&mut self.0).await?.try_get(0)?;
        findings.check(said == "ok", Kind::Half, || format!("the store is damaged: {said}"));
        let has_schema =
            self.number("SELECT count(*) FROM sqlite_schema WHERE name = 'embedding_jobs'");
        if has_schema.await? == 1 {
            self.counts_nothing(NEVER, findings).await?;
        }
        Ok(())
    }

    /// What must hold once everything that was queued is done, and every client knows what became of its requests.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn is_settled(&mut self, actors: &[Actor], findings: &mut Findings) -> Result<()> {
        self.counts_nothing(WHEN_SETTLED, findings).await?;
        let sessions = actors.iter().flat_map(|actor| &actor.ledger.sessions);
        let sessions: Vec<_> = sessions.filter(|one| one.deleted == Known::Never).collect();
        let turns = sessions.iter().flat_map(|session| &session.turns);
        let n_questions = turns.clone().filter(|turn| turn.text.is_some()).count();
        let expected = [
            (
                "documents",
                "SELECT count(*) FROM documents WHERE deleted_at IS NULL",
                actors.iter().map(|actor| actor.ledger.n_documents()).sum(),
            ),
            ("sessions", "SELECT count(*) FROM sessions WHERE deleted_at IS NULL", sessions.len()),
            (
                "messages",
                "SELECT count(*) FROM messages m JOIN sessions s ON s.id = m.session WHERE s.deleted_at IS NULL",
                turns.count() + n_questions,
            ),
        ];
        for (what, statement, n_expected) in expected {
            let n_found = self.number(statement).await?;
            let n_expected = i64::try_from(n_expected)?;
            let kind = if n_found > n_expected { Kind::Duplicate } else { Kind::Loss };
            findings.check(n_found == n_expected, kind, || {
                format!("there should be {n_expected} {what}, and there are {n_found}")
            });
        }
        Ok(())
    }

    /// Indexes that have not noted the last change.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn n_behind(&mut self) -> Result<i64> {
        self.number(BEHIND).await
    }

    /// Bytes of the pages that hold something.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn bytes_in_use(&mut self) -> Result<i64> {
        let pages = self.number("PRAGMA page_count").await?;
        Ok((pages - self.number("PRAGMA freelist_count").await?)
            * self.number("PRAGMA page_size").await?)
    }

    /// The hashes of originals, in hex: those that are needed, and those that somebody is about to remove.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn originals(&mut self) -> Result<(Vec<String>, Vec<String>)> {
        let needed = "SELECT lower(hex(blob)) FROM versions WHERE swept_at IS NULL
            UNION SELECT lower(hex(p.blob)) FROM parts p JOIN versions v ON v.id = p.version
                WHERE v.published_seq IS NOT NULL";
        Ok((self.texts(needed).await?, self.texts("SELECT lower(hex(blob)) FROM orphans").await?))
    }

    async fn texts(&mut self, statement: &'static str) -> Result<Vec<String>> {
        let rows = sqlx::query(statement).fetch_all(&mut self.0).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    async fn counts_nothing(
        &mut self,
        statements: &'static [(Kind, &str, &str)],
        findings: &mut Findings,
    ) -> Result<()> {
        for (kind, what, statement) in statements {
            let n_found = self.number(statement).await?;
            findings.check(n_found == 0, *kind, || format!("{n_found} {what}"));
        }
        Ok(())
    }

    async fn number(&mut self, statement: &'static str) -> Result<i64> {
        Ok(sqlx::query(statement).fetch_one(&mut self.0).await?.try_get(0)?)
    }
}
