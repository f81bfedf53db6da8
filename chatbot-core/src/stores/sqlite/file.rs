//! The store's file as somebody sees it who does not write to it: copied while it is in use, checked, and made the
//! beginning of a new life.
//!
//! `VACUUM INTO` copies: one snapshot of a reader, so that no writer waits, and only what is there, not what was deleted
//! from it. The log cannot start anew while the snapshot is read, and grows by what is written meanwhile.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::error::{damaged, fault};
use super::sql::{Columns as _, sql};
use super::{SqliteStore, connect, migrate};
use crate::background;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::traits::{Blob, Snapshots, StoreCopy};
use crate::types::{Lineage, StoreCounts};

/// Steps of SQLite's machine between two looks at the context: well below a millisecond.
const STEPS_PER_LOOK: i32 = 10_000;

/// What must be empty in a store that is whole: rows that refer to something that is not there.
const LOOSE: [(&str, &str); 7] = [
    (
        "summaries of no message",
        "SELECT count(*) AS n FROM summaries WHERE message NOT IN (SELECT seq FROM messages)",
    ),
    (
        "versions of no document",
        "SELECT count(*) AS n FROM versions WHERE document NOT IN (SELECT id FROM documents)",
    ),
    (
        "documents without their version",
        "SELECT count(*) AS n FROM documents WHERE live IS NOT NULL AND live NOT IN (SELECT id FROM versions)",
    ),
    (
        "texts of no version",
        "SELECT count(*) AS n FROM (SELECT DISTINCT version FROM texts)
         WHERE version NOT IN (SELECT id FROM versions)",
    ),
    (
        "chunks of no version",
        "SELECT count(*) AS n FROM (SELECT DISTINCT version FROM chunks)
         WHERE version NOT IN (SELECT id FROM versions)",
    ),
    (
        "parts of no version",
        "SELECT count(*) AS n FROM (SELECT DISTINCT version FROM parts)
         WHERE version NOT IN (SELECT id FROM versions)",
    ),
    (
        "messages of no session",
        "SELECT count(*) AS n FROM messages WHERE session NOT IN (SELECT id FROM sessions)",
    ),
];

/// The file of a [`SqliteStore`] that another process may have open.
#[derive(Debug, Clone)]
pub struct SqliteFile {
    path: PathBuf,
}

impl SqliteFile {
    /// The schema that this release writes.
    pub const SCHEMA_VERSION: u32 = migrate::newest();

    /// The file at `path`.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Checks the file and says what it holds. Nobody may be writing to it.
    ///
    /// # Errors
    /// `storage`: `corrupt`, `newer_schema`.
    pub async fn check(&self) -> Result<StoreCopy> {
        let mut conn = connect::alone(&self.path).await?;
        let checked = contents(&mut conn).await;
        conn.close().await.ok();
        checked
    }

    /// Gives the store a new lineage, so that every index that followed the earlier one notices. Nobody may have the file
    /// open.
    ///
    /// # Errors
    /// `storage`.
    pub async fn begin_new_life(&self) -> Result<Lineage> {
        let mut conn = connect::writer(&self.path).await?;
        let fresh = Uuid::now_v7();
        let begun = sql("UPDATE meta SET value = ? WHERE name = 'lineage'")
            .bind(fresh.as_bytes().as_slice())
            .run(&mut conn)
            .await;
        // Closing copies the log into the file.
        conn.close().await.map_err(fault)?;
        match begun? {
            1 => Ok(Lineage(fresh)),
            _ => Err(damaged("the lineage")),
        }
    }

    async fn copy(&self, ctx: &Context, to: &Path) -> Result<()> {
        let to = to.to_str().ok_or_else(|| Error::invalid("The path is no valid Unicode."))?;
        let mut conn = connect::alone(&self.path).await?;
        migrate::version(&mut conn).await?;
        // Also when this future is dropped: the connection's thread would go on copying.
        let stop = CancellationToken::new();
        let _stopped = stop.clone().drop_guard();
        let asked = ctx.clone();
        let mut is_first = true;
        let look = move || {
            if std::mem::take(&mut is_first) {
                background::step_back();
            }
            !stop.is_cancelled() && asked.check().is_ok()
        };
        conn.lock_handle().await.map_err(fault)?.set_progress_handler(STEPS_PER_LOOK, look);
        let copied = sql("VACUUM INTO ?").bind(to).run(&mut conn).await;
        conn.close().await.ok();
        // A stop comes back as an interrupted statement.
        ctx.check()?;
        copied.map(|_| ())
    }
}

#[async_trait]
impl Snapshots for SqliteFile {
    async fn copy_to(&self, ctx: &Context, to: &Path) -> Result<StoreCopy> {
        ctx.run(async {
            self.copy(ctx, to).await?;
            let copy = to.to_owned();
            let flush = move || std::fs::File::options().write(true).open(copy)?.sync_all();
            background::run(flush).await??;
            Self::at(to).check().await
        })
        .await
    }
}

#[async_trait]
impl Snapshots for SqliteStore {
    async fn copy_to(&self, ctx: &Context, to: &Path) -> Result<StoreCopy> {
        self.file.copy_to(ctx, to).await
    }
}

async fn contents(conn: &mut SqliteConnection) -> Result<StoreCopy> {
    let schema_version = migrate::version(conn).await?;
    whole(conn).await?;
    Ok(StoreCopy {
        lineage: connect::lineage(conn).await?,
        schema_version,
        counts: counts(conn).await?,
        originals: originals(conn).await?,
    })
}

/// Fails where a page, an index or a reference is broken.
async fn whole(conn: &mut SqliteConnection) -> Result<()> {
    let said = sql("PRAGMA integrity_check(1)").one(conn).await?;
    let said: String = said.col("integrity_check")?;
    if said != "ok" {
        return Err(damaged("the database").with_context("integrity_check", said));
    }
    if sql("PRAGMA foreign_key_check").maybe(conn).await?.is_some() {
        return Err(damaged("a reference"));
    }
    for (what, count) in LOOSE {
        let n: u64 = sql(count).one(conn).await?.col("n")?;
        if n > 0 {
            return Err(damaged(what).with_context("rows", n));
        }
    }
    Ok(())
}

async fn counts(conn: &mut SqliteConnection) -> Result<StoreCounts> {
    let row =
        sql("SELECT (SELECT count(*) FROM collections WHERE deleted_at IS NULL) AS collections,
            (SELECT count(*) FROM documents WHERE deleted_at IS NULL) AS documents,
            (SELECT coalesce(sum(chunk_count), 0) FROM versions WHERE id IN
                (SELECT live FROM documents WHERE live IS NOT NULL)) AS chunks,
            (SELECT count(*) FROM sessions WHERE deleted_at IS NULL) AS sessions,
            (SELECT count(*) FROM messages WHERE session IN
                (SELECT id FROM sessions WHERE deleted_at IS NULL)) AS messages")
        .one(conn)
        .await?;
    Ok(StoreCounts {
        collections: row.col("collections")?,
        documents: row.col("documents")?,
        chunks: row.col("chunks")?,
        sessions: row.col("sessions")?,
        messages: row.col("messages")?,
    })
}

/// What somebody may still read, or work on: the originals of deleted documents stay behind. Of what lies inside a version
/// that is still being made, nothing is sure to be there; it comes out of the version again.
async fn originals(conn: &mut SqliteConnection) -> Result<Vec<Blob>> {
    let rows =
        sql("WITH kept AS (SELECT v.id, v.blob, v.size_bytes, v.published_seq FROM versions v
            JOIN documents d ON d.id = v.document WHERE v.swept_at IS NULL AND d.deleted_at IS NULL)
         SELECT blob, max(size_bytes) AS size_bytes FROM (SELECT blob, size_bytes FROM kept
            UNION ALL SELECT p.blob, p.size_bytes FROM parts p JOIN kept ON kept.id = p.version
                WHERE kept.published_seq IS NOT NULL)
         GROUP BY blob ORDER BY blob")
        .all(conn)
        .await?;
    let blob = |row: &SqliteRow| -> Result<Blob, Error> {
        Ok(Blob { hash: row.col("blob")?, size_bytes: row.col("size_bytes")? })
    };
    rows.iter().map(blob).collect()
}
