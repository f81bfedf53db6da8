//! Removing vectors that nothing refers to.
//!
//! There is no index from hashes to chunks: it would cost every document that is taken in a page of log for each chunk.
//! Instead all hashes are read once, beside the writer, after chunks were removed and while nothing is taken in. That no
//! job has been queued since is looked at again with every step that removes something, for only a job stages chunks.

use std::collections::HashSet;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteConnection;

use super::spaces;
use crate::context::Context;
use crate::crash;
use crate::error::Result;
use crate::stores::sqlite::error::fault;
use crate::stores::sqlite::scrub::note_removed;
use crate::stores::sqlite::sql::{Columns as _, sql};
use crate::stores::sqlite::{Lane, SqliteStore};
use crate::types::{ChunkHash, Timestamp};

/// Vectors that one request removes: about two milliseconds.
const VECTORS_PER_REMOVAL: usize = 100;

/// Notes that chunks were removed, so that some vector may have lost its last one.
pub(in crate::stores::sqlite) async fn note_loose(conn: &mut SqliteConnection) -> Result<()> {
    sql("INSERT OR IGNORE INTO meta (name, value) VALUES ('embeddings_loose', 1)")
        .run(conn)
        .await
        .map(|_| ())
}

/// See [`EmbeddingStore::sweep_embeddings`](crate::traits::EmbeddingStore::sweep_embeddings).
pub(super) async fn sweep(store: &SqliteStore, ctx: &Context, limit: u32) -> Result<u64> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let Some(plan) = plan(store, limit, store.now()).await? else { return Ok(0) };
    let n_found = plan.keys.len();
    let mut n_removed = 0_u64;
    for some in plan.keys.chunks(VECTORS_PER_REMOVAL) {
        ctx.check()?;
        let (some, quiet, now) = (some.to_vec(), plan.quiet, store.now());
        let step = store.writer.write(Lane::Bulk, move |conn| {
            Box::pin(async move {
                let removed = remove(conn, some, quiet).await?;
                if removed.is_some_and(|n| n > 0) {
                    note_removed(conn, now).await?;
                }
                Ok(removed)
            })
        });
        let Some(n) = step.await? else { return Ok(n_removed) };
        crash::point("sweep/vectors_removed");
        n_removed += n;
    }
    if n_found < limit {
        let quiet = plan.quiet;
        let done = store.writer.write(Lane::Bulk, move |conn| Box::pin(all_swept(conn, quiet)));
        done.await?;
    }
    Ok(n_removed)
}

/// What to remove, as long as the last job that was queued stays the last.
struct Plan {
    quiet: i64,
    keys: Vec<(i64, ChunkHash)>,
}

/// `None` where nothing is to be done, or not now.
async fn plan(store: &SqliteStore, limit: usize, now: Timestamp) -> Result<Option<Plan>> {
    let mut tx = store.snapshot().await?;
    let Some(quiet) = quiet(&mut tx).await? else { return Ok(None) };
    let mut keys = of_other_spaces(&mut tx, limit, now).await?;
    let loose = sql("SELECT 1 AS found FROM meta WHERE name = 'embeddings_loose'");
    let loose = loose.maybe(&mut tx).await?.is_some();
    if loose && keys.len() < limit {
        let rest = limit - keys.len();
        keys.extend(without_chunks(&mut tx, rest).await?);
    }
    Ok((loose || !keys.is_empty()).then_some(Plan { quiet, keys }))
}

/// The number of the last job, where none is there.
async fn quiet(conn: &mut SqliteConnection) -> Result<Option<i64>> {
    let row =
        sql("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'jobs'), 0) AS last,
            EXISTS (SELECT 1 FROM jobs) AS busy")
        .one(conn)
        .await?;
    Ok(if row.col("busy")? { None } else { Some(row.col("last")?) })
}

/// Vectors of spaces that are not in use, once the one in use lacks nothing; the one before it is spared for a while.
async fn of_other_spaces(
    conn: &mut SqliteConnection,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<(i64, ChunkHash)>> {
    let Some(current) = spaces::current(conn).await? else { return Ok(Vec::new()) };
    if !spaces::is_whole(conn).await? {
        return Ok(Vec::new());
    }
    let spared = spaces::kept_before(conn, now).await?.unwrap_or(current);
    let rows =
        sql("SELECT e.embedder, e.hash FROM embedders s JOIN embeddings e ON e.embedder = s.id
         WHERE s.id <> ? AND s.id <> ? LIMIT ?")
        .bind(current)
        .bind(spared)
        .bind(limit)
        .all(conn)
        .await?;
    rows.iter().map(|row| Ok((row.col("embedder")?, row.col("hash")?))).collect()
}

/// Vectors whose text is in no chunk.
async fn without_chunks(
    conn: &mut SqliteConnection,
    limit: usize,
) -> Result<Vec<(i64, ChunkHash)>> {
    let mut asked: HashSet<u64> = HashSet::new();
    let mut rows = sqlx::query("SELECT hash FROM chunks").fetch(&mut *conn);
    while let Some(row) = rows.try_next().await.map_err(fault)? {
        asked.insert(beginning(row.col("hash")?));
    }
    drop(rows);
    let mut keys = Vec::new();
    let mut rows =
        sqlx::query("SELECT embedder, hash FROM embeddings ORDER BY embedder, hash").fetch(conn);
    while let Some(row) = rows.try_next().await.map_err(fault)? {
        let hash: ChunkHash = row.col("hash")?;
        if !asked.contains(&beginning(hash)) {
            keys.push((row.col("embedder")?, hash));
        }
        if keys.len() == limit {
            break;
        }
    }
    Ok(keys)
}

/// Eight bytes tell hashes apart well enough: two that begin alike keep a vector, and lose none.
fn beginning(hash: ChunkHash) -> u64 {
    hash.0.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

async fn remove(
    conn: &mut SqliteConnection,
    keys: Vec<(i64, ChunkHash)>,
    as_of: i64,
) -> Result<Option<u64>> {
    if quiet(conn).await? != Some(as_of) {
        return Ok(None);
    }
    let mut n_removed = 0;
    for (embedder, hash) in keys {
        n_removed += sql("DELETE FROM embeddings WHERE embedder = ? AND hash = ?")
            .bind(embedder)
            .bind(hash)
            .run(conn)
            .await?;
    }
    Ok(Some(n_removed))
}

async fn all_swept(conn: &mut SqliteConnection, as_of: i64) -> Result<()> {
    if quiet(conn).await? == Some(as_of) {
        sql("DELETE FROM meta WHERE name = 'embeddings_loose'").run(conn).await?;
    }
    Ok(())
}
