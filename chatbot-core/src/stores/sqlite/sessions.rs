//! Sessions of one principal: made, listed, searched, changed, removed.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::fold::{fold, snippet};
use super::idempotency::Once;
use super::sql::{Columns as _, Sql, sql, to_json};
use super::{Lane, SqliteStore, cursor};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::traits::Idempotency;
use crate::types::{
    ListSessions, MessageId, Page, PageRequest, PrincipalId, Session, SessionId, SessionPatch,
    Snippet, Timestamp,
};

/// The longest title that is made from a first message, in characters: what a narrow list shows.
const MADE_TITLE_CHARS: usize = 60;

macro_rules! select_sessions {
    ($tail:literal) => {
        concat!(
            "SELECT s.seq, s.id, s.title, s.folded, s.collection_ids, s.model, s.pinned, s.folder,
                    s.message_count, s.created_at, s.updated_at
             FROM sessions s WHERE s.principal = ?1 AND s.deleted_at IS NULL AND ",
            $tail
        )
    };
}

/// A session that is being changed, as [`session_of`] reads it.
macro_rules! returning_session {
    () => {
        "RETURNING id, title, collection_ids, model, pinned, folder, message_count, created_at, updated_at"
    };
}
pub(super) use returning_session;

/// See [`ConversationStore::create_session`](crate::traits::ConversationStore::create_session).
pub(super) async fn create(
    store: &SqliteStore,
    ctx: &Context,
    new: SessionPatch,
    key: Option<Idempotency>,
) -> Result<Session> {
    let once = Once { principal: ctx.principal()?.clone(), operation: "create_session", key };
    let now = store.now();
    let create = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            let id = match once.replay(conn).await? {
                Some(id) => id.try_into().map(SessionId::from_bytes).map_err(|_| no_session())?,
                None => {
                    let id = SessionId::new();
                    insert_session(id, &once.principal, &new, ("", now))?.run(conn).await?;
                    once.remember(conn, id.as_bytes().to_vec(), now).await?;
                    id
                }
            };
            by_id(conn, &once.principal, id).await
        })
    });
    create.await
}

/// The statement that stores a new session; `made_title` is what it is called where nobody names it.
pub(super) fn insert_session(
    id: SessionId,
    principal: &PrincipalId,
    new: &SessionPatch,
    (made_title, now): (&str, Timestamp),
) -> Result<Sql> {
    let title = new.title.as_deref().unwrap_or(made_title);
    Ok(sql("INSERT INTO sessions (id, principal, title, folded, named, collection_ids, model, pinned, folder,
            created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?)")
    .bind(id)
    .bind(principal.as_str())
    .bind(title)
    .bind(fold(title))
    .bind(new.title.is_some())
    .bind(new.collection_ids.as_ref().map(to_json).transpose()?)
    .bind(new.model.as_deref())
    .bind(new.pinned.unwrap_or_default())
    .bind(new.folder.as_deref())
    .bind(now)
    .bind(now))
}

/// A title made from a first message: its first line, cut at a word's end.
pub(super) fn made_title(content: &str) -> String {
    let line = content.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let Some((end, _)) = line.char_indices().nth(MADE_TITLE_CHARS) else {
        return line.to_owned();
    };
    // One character is left for the ellipsis.
    let end = line.get(..end).and_then(|s| s.char_indices().next_back()).map_or(0, |(at, _)| at);
    let head = line.get(..end).unwrap_or_default();
    let at_word = line.get(end..).is_some_and(|rest| rest.starts_with(char::is_whitespace));
    let kept = match head.rsplit_once(char::is_whitespace) {
        Some((words, _)) if !at_word && !words.trim().is_empty() => words,
        _ => head,
    };
    format!("{}…", kept.trim_end())
}

/// The error for a session that is not there for this caller.
pub(super) fn no_session() -> Error {
    Error::not_found("session")
}

/// One session.
pub(super) async fn by_id(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
    id: SessionId,
) -> Result<Session> {
    let row = sql(select_sessions!("s.id = ?2")).bind(principal.as_str()).bind(id).maybe(conn);
    session_of(&row.await?.ok_or_else(no_session)?)
}

/// Fails where the session is not the principal's.
pub(super) async fn require(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
    id: SessionId,
) -> Result<()> {
    by_id(conn, principal, id).await.map(|_| ())
}

/// The session of a row.
pub(super) fn session_of(row: &SqliteRow) -> Result<Session> {
    Ok(Session {
        id: row.col("id")?,
        title: row.col("title")?,
        collection_ids: row.maybe_json("collection_ids")?,
        model: row.col("model")?,
        pinned: row.col("pinned")?,
        folder: row.col("folder")?,
        message_count: row.col("message_count")?,
        snippet: None,
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

/// See [`ConversationStore::sessions`](crate::traits::ConversationStore::sessions).
pub(super) async fn list(
    store: &SqliteStore,
    ctx: &Context,
    list: &ListSessions,
    page: &PageRequest,
) -> Result<Page<Session>> {
    let principal = ctx.principal()?;
    let needle = list.q.as_deref().map(fold).filter(|needle| !needle.is_empty());
    let after = cursor::numbers::<3>(page)?.unwrap_or([i64::MAX; 3]);
    ctx.run(async {
        let mut tx = store.snapshot().await?;
        let [pinned, updated_at, seq] = after;
        let rows = sql(select_sessions!(
            "(s.pinned, s.updated_at, s.seq) < (?2, ?3, ?4)
             AND (?5 IS NULL OR instr(s.folded, ?5) > 0 OR EXISTS (
                 SELECT 1 FROM message_search t WHERE t.session = s.id AND instr(t.folded, ?5) > 0
                    AND NOT EXISTS (SELECT 1 FROM message_documents c JOIN documents d ON d.id = c.document
                        WHERE c.message = t.message AND d.deleted_at IS NOT NULL)))
             ORDER BY s.pinned DESC, s.updated_at DESC, s.seq DESC LIMIT ?6"
        ))
        .bind(principal.as_str())
        .bind(pinned)
        .bind(updated_at)
        .bind(seq)
        .bind(needle.clone())
        .bind(cursor::limit(page) + 1)
        .all(&mut tx)
        .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows.iter() {
            let mut session = session_of(row)?;
            if let Some(needle) = &needle {
                session.snippet = snippet_of(&mut tx, &session, needle).await?;
            }
            found.push((row.col::<i64>("seq")?, session));
        }
        let place = |(seq, last): &(i64, Session)| {
            let pinned = i64::from(last.pinned);
            cursor::of_numbers(&[pinned, last.updated_at.as_millis(), *seq])
        };
        Ok(cursor::page_of(found, page, place).map(|(_, session)| session))
    })
    .await
}

async fn snippet_of(
    conn: &mut SqliteConnection,
    session: &Session,
    needle: &str,
) -> Result<Option<Snippet>> {
    if fold(&session.title).contains(needle) {
        return Ok(Some(Snippet { message_id: None, text: snippet(&session.title, needle) }));
    }
    let row =
        sql("SELECT m.id, m.content FROM message_search t JOIN messages m ON m.seq = t.message
         WHERE t.session = ? AND instr(t.folded, ?) > 0
           AND NOT EXISTS (SELECT 1 FROM message_documents c JOIN documents d ON d.id = c.document
               WHERE c.message = t.message AND d.deleted_at IS NOT NULL)
         ORDER BY t.message LIMIT 1")
        .bind(session.id)
        .bind(needle)
        .maybe(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (id, content): (MessageId, String) = (row.col("id")?, row.col("content")?);
    Ok(Some(Snippet { message_id: Some(id), text: snippet(&content, needle) }))
}

/// See [`ConversationStore::update_session`](crate::traits::ConversationStore::update_session).
pub(super) async fn update(
    store: &SqliteStore,
    ctx: &Context,
    id: SessionId,
    patch: SessionPatch,
) -> Result<Session> {
    let (principal, now) = (ctx.principal()?.clone(), store.now());
    let update = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            require(conn, &principal, id).await?;
            sql("UPDATE sessions SET
                    title = coalesce(?1, title), folded = coalesce(?2, folded), named = named OR ?1 IS NOT NULL,
                    collection_ids = coalesce(?3, collection_ids), model = coalesce(?4, model),
                    pinned = coalesce(?5, pinned),
                    folder = CASE WHEN ?6 IS NULL THEN folder ELSE nullif(?6, '') END, updated_at = ?7
                 WHERE id = ?8")
            .bind(patch.title.as_deref())
            .bind(patch.title.as_deref().map(fold))
            .bind(patch.collection_ids.as_ref().map(to_json).transpose()?)
            .bind(patch.model.as_deref())
            .bind(patch.pinned)
            .bind(patch.folder.as_deref())
            .bind(now)
            .bind(id)
            .run(conn)
            .await?;
            by_id(conn, &principal, id).await
        })
    });
    update.await
}

/// See [`ConversationStore::suggest_title`](crate::traits::ConversationStore::suggest_title).
pub(super) async fn suggest_title(
    store: &SqliteStore,
    ctx: &Context,
    id: SessionId,
    title: String,
) -> Result<bool> {
    let principal = ctx.principal()?.clone();
    let suggest = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            require(conn, &principal, id).await?;
            let n = sql("UPDATE sessions SET title = ?1, folded = ?2
                 WHERE id = ?3 AND named = 0")
            .bind(title.as_str())
            .bind(fold(&title))
            .bind(id)
            .run(conn)
            .await?;
            Ok(n == 1)
        })
    });
    suggest.await
}

/// See [`ConversationStore::delete_session`](crate::traits::ConversationStore::delete_session).
pub(super) async fn delete(store: &SqliteStore, ctx: &Context, id: SessionId) -> Result<()> {
    let (principal, now) = (ctx.principal()?.clone(), store.now());
    let delete = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            require(conn, &principal, id).await?;
            sql("UPDATE sessions SET deleted_at = ? WHERE id = ?")
                .bind(now)
                .bind(id)
                .run(conn)
                .await?;
            sql("UPDATE messages SET token = NULL WHERE session = ? AND token IS NOT NULL")
                .bind(id)
                .run(conn)
                .await?;
            sql("INSERT INTO garbage (kind, id) VALUES ('session', ?)").bind(id).run(conn).await?;
            Ok(())
        })
    });
    delete.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_first_lines_cut_at_words() {
        assert_eq!(made_title("\n  How do I return a book? \nThanks"), "How do I return a book?");
        let long = "word ".repeat(30);
        let title = made_title(&long);
        assert!(title.ends_with("word…") && title.chars().count() <= 60, "{title}");
        let one_word = "語".repeat(100);
        assert_eq!(made_title(&one_word), format!("{}…", "語".repeat(59)));
        assert_eq!(made_title("  \n "), "");
    }
}
