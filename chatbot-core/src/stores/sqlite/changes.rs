//! The feed that indexes follow. Its numbers are given out by the one writer, so that the order of commits is theirs.

use std::ops::Range;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::error::damaged;
use super::sql::{Columns as _, sql};
use super::{Lane, SqliteStore, chunks, vectors};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{ChangeFeed, ChunkVector, LiveVersion};
use crate::types::{Change, ChangeKind, Checkpoint, Chunk, Lineage, Timestamp, VersionId};

#[async_trait]
impl ChangeFeed for SqliteStore {
    async fn lineage(&self, _ctx: &Context) -> Result<Lineage> {
        Ok(self.lineage)
    }

    async fn last_change(&self, ctx: &Context) -> Result<u64> {
        ctx.run(async { last(&mut *self.snapshot().await?).await }).await
    }

    async fn changes_after(
        &self,
        ctx: &Context,
        seq: u64,
        limit: u32,
    ) -> Result<Option<Vec<Change>>> {
        ctx.run(async { after(&mut *self.snapshot().await?, seq, limit).await }).await
    }

    async fn live_versions(
        &self,
        ctx: &Context,
        after: Option<VersionId>,
        limit: u32,
    ) -> Result<Vec<LiveVersion>> {
        ctx.run(async {
            let mut tx = self.snapshot().await?;
            let rows = sql(
                "SELECT collection, id, live FROM documents WHERE live > ? ORDER BY live LIMIT ?",
            )
            .bind(after.map_or_else(Vec::new, |id| id.as_bytes().to_vec()))
            .bind(limit)
            .all(&mut tx)
            .await?;
            rows.iter().map(live_version_of).collect()
        })
        .await
    }

    async fn chunks_of(
        &self,
        ctx: &Context,
        version: VersionId,
        ordinal: u32,
        limit: u32,
    ) -> Result<Vec<Chunk>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        ctx.run(async {
            chunks::range(&mut *self.snapshot().await?, version, i64::from(ordinal), limit).await
        })
        .await
    }

    async fn vectors_of(
        &self,
        ctx: &Context,
        version: VersionId,
        fingerprint: &str,
        ordinals: Range<u32>,
        limit: u32,
    ) -> Result<Vec<ChunkVector>> {
        ctx.run(async {
            let mut tx = self.snapshot().await?;
            vectors::of_version(&mut tx, version, fingerprint, ordinals, limit).await
        })
        .await
    }

    async fn forget_checkpoints(&self, _ctx: &Context, used: &[&str]) -> Result<()> {
        let used = serde_json::json!(used).to_string();
        let forget = self.writer.write(Lane::Bulk, move |conn| {
            Box::pin(async move {
                sql("DELETE FROM checkpoints
                     WHERE index_name NOT IN (SELECT value FROM json_each(?))")
                .bind(used)
                .run(conn)
                .await
                .map(|_| ())
            })
        });
        forget.await
    }

    async fn record_checkpoint(
        &self,
        _ctx: &Context,
        index: &str,
        checkpoint: Checkpoint,
    ) -> Result<()> {
        if checkpoint.lineage != self.lineage {
            return Err(Error::new(
                ErrorKind::Conflict,
                "This checkpoint is of another life of the store. Rebuild the index.",
            ));
        }
        let (index, now) = (index.to_owned(), self.now());
        let record = self.writer.write(Lane::Bulk, move |conn| {
            Box::pin(async move {
                note(conn, &index, checkpoint.seq, now).await?;
                trim(conn).await
            })
        });
        record.await
    }
}

async fn last(conn: &mut SqliteConnection) -> Result<u64> {
    let row = sql("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").maybe(conn).await?;
    row.map_or(Ok(0), |row| row.col("seq"))
}

/// `None` where the feed does not reach back to `seq`, or `seq` is ahead of it.
async fn after(conn: &mut SqliteConnection, seq: u64, limit: u32) -> Result<Option<Vec<Change>>> {
    if seq < trimmed(conn).await? || seq > last(conn).await? {
        return Ok(None);
    }
    let rows = sql("SELECT seq, kind, collection, document, version, replaced, ordinal_start, ordinal_end FROM changes
         WHERE seq > ? ORDER BY seq LIMIT ?")
    .bind(seq)
    .bind(limit)
    .all(conn)
    .await?;
    rows.iter().map(change_of).collect::<Result<Vec<Change>>>().map(Some)
}

fn change_of(row: &SqliteRow) -> Result<Change> {
    let (document, version) = (row.col("document")?, row.col("version")?);
    let kind = match row.col::<String>("kind")?.as_str() {
        "published" => ChangeKind::Published {
            collection: row.col("collection")?,
            document,
            version,
            replaced: row.col("replaced")?,
        },
        "deleted" => ChangeKind::Deleted { document, version },
        "embedded" => ChangeKind::Embedded {
            version,
            ordinals: row.col("ordinal_start")?..row.col("ordinal_end")?,
        },
        _ => return Err(damaged("a change")),
    };
    Ok(Change { seq: row.col("seq")?, kind })
}

fn live_version_of(row: &SqliteRow) -> Result<LiveVersion> {
    Ok(LiveVersion {
        collection: row.col("collection")?,
        document: row.col("id")?,
        version: row.col("live")?,
    })
}

/// The last change that was trimmed; 0 where none was.
async fn trimmed(conn: &mut SqliteConnection) -> Result<u64> {
    let row = sql("SELECT value FROM meta WHERE name = 'trimmed'").maybe(conn).await?;
    row.map_or(Ok(0), |row| row.col("value"))
}

async fn note(conn: &mut SqliteConnection, index: &str, seq: u64, now: Timestamp) -> Result<()> {
    sql("INSERT INTO checkpoints (index_name, seq, updated_at) VALUES (?, ?, ?)
         ON CONFLICT (index_name) DO UPDATE SET seq = excluded.seq, updated_at = excluded.updated_at")
    .bind(index)
    .bind(seq)
    .bind(now)
    .run(conn)
    .await
    .map(|_| ())
}

async fn trim(conn: &mut SqliteConnection) -> Result<()> {
    let seen = sql("SELECT min(seq) AS seq FROM checkpoints").one(conn).await?;
    let seen = seen.col::<u64>("seq")?.min(last(conn).await?);
    sql("DELETE FROM changes WHERE seq <= ?").bind(seen).run(conn).await?;
    sql("INSERT INTO meta (name, value) VALUES ('trimmed', ?1)
         ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)")
    .bind(seen)
    .run(conn)
    .await
    .map(|_| ())
}
