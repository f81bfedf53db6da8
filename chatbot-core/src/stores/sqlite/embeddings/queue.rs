//! Who waits for vectors.

use sqlx::sqlite::SqliteConnection;

use super::spaces;
use crate::error::Result;
use crate::stores::sqlite::sql::{Columns as _, sql};
use crate::stores::sqlite::{Lane, SqliteStore};
use crate::types::{DocumentId, JobId, Timestamp, VersionId};

/// Versions looked at in one step: a few thousand chunks in most libraries, read beside the writer.
const VERSIONS_PER_STEP: u32 = 64;

/// What was known of a version before the write that needs it: how many of its chunks have a vector of a space. It may
/// have more of them when the write happens, never fewer.
#[derive(Debug, Clone, Copy)]
pub(in crate::stores::sqlite) struct Known {
    embedder: i64,
    n_done: u32,
}

/// Looks in a snapshot, so that publishing stays one small transaction. `None` where no space is in use.
pub(in crate::stores::sqlite) async fn known(
    store: &SqliteStore,
    version: VersionId,
) -> Result<Option<Known>> {
    let mut tx = store.snapshot().await?;
    let Some(embedder) = spaces::current(&mut tx).await? else { return Ok(None) };
    Ok(Some(Known { embedder, n_done: count(&mut tx, embedder, version).await? }))
}

async fn count(conn: &mut SqliteConnection, embedder: i64, version: VersionId) -> Result<u32> {
    let row = sql("SELECT count(*) AS n FROM chunks c WHERE c.version = ?1
           AND EXISTS (SELECT 1 FROM embeddings e WHERE e.embedder = ?2 AND e.hash = c.hash)")
    .bind(version)
    .bind(embedder)
    .one(conn)
    .await?;
    row.col("n")
}

/// Queues a version that was just made live, unless it lacks nothing; the one that it replaces waits no more.
pub(in crate::stores::sqlite) async fn publish(
    conn: &mut SqliteConnection,
    (version, replaced): (VersionId, Option<VersionId>),
    known: Option<Known>,
    now: Timestamp,
) -> Result<()> {
    if let Some(replaced) = replaced {
        sql("DELETE FROM embedding_jobs WHERE version = ?").bind(replaced).run(conn).await?;
    }
    let Some(embedder) = spaces::current(conn).await? else { return Ok(()) };
    let n_done = known.filter(|known| known.embedder == embedder).map_or(0, |known| known.n_done);
    add(conn, version, n_done, now).await
}

/// Sets a live version's share, and queues it where that is not all.
async fn add(
    conn: &mut SqliteConnection,
    version: VersionId,
    n_done: u32,
    now: Timestamp,
) -> Result<()> {
    let row = sql("SELECT d.id, v.chunk_count FROM documents d JOIN versions v ON v.id = d.live
         WHERE d.live = ?")
    .bind(version)
    .maybe(conn)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let n_chunks: u32 = row.col("chunk_count")?;
    super::cover(conn, version, share(n_done, n_chunks)).await?;
    if n_done >= n_chunks {
        return Ok(());
    }
    sql("INSERT OR IGNORE INTO embedding_jobs (version, document, id, place, due_at, n_done)
         SELECT ?, ?, ?, coalesce(max(place), 0) + 1, ?, ? FROM embedding_jobs")
    .bind(version)
    .bind(row.col::<DocumentId>("id")?)
    .bind(JobId::new())
    .bind(now)
    .bind(n_done)
    .run(conn)
    .await
    .map(|_| ())
}

/// The share of `n_chunks` that `n_done` are; everything of nothing.
#[allow(clippy::cast_precision_loss, reason = "a share, shown to a person")]
pub(super) fn share(n_done: u32, n_chunks: u32) -> f32 {
    if n_done >= n_chunks { 1.0 } else { n_done as f32 / n_chunks as f32 }
}

/// Gives a version back; it waits behind all others.
pub(super) async fn put_back(
    conn: &mut SqliteConnection,
    version: VersionId,
    now: Timestamp,
) -> Result<()> {
    sql("UPDATE embedding_jobs SET token = NULL, due_at = ?1,
            place = (SELECT max(place) + 1 FROM embedding_jobs) WHERE version = ?2")
    .bind(now)
    .bind(version)
    .run(conn)
    .await
    .map(|_| ())
}

/// Ends the embedding of a document. Returns whether there was something to end.
pub(in crate::stores::sqlite) async fn void_document(
    conn: &mut SqliteConnection,
    document: DocumentId,
) -> Result<bool> {
    let n = sql("DELETE FROM embedding_jobs WHERE document = ?").bind(document).run(conn).await?;
    Ok(n > 0)
}

/// See [`EmbeddingStore::queue_embeddings`](crate::traits::EmbeddingStore::queue_embeddings).
pub(super) async fn look_further(store: &SqliteStore) -> Result<bool> {
    let mut tx = store.snapshot().await?;
    let (Some(embedder), Some(seen)) =
        (spaces::current(&mut tx).await?, spaces::seen(&mut tx).await?)
    else {
        return Ok(false);
    };
    // What a person stopped, or the embedder refused for good, is not queued again.
    let rows = sql("SELECT d.live FROM documents d JOIN versions v ON v.id = d.live
         WHERE d.live > ? AND v.dense_failure IS NULL ORDER BY d.live LIMIT ?")
    .bind(seen)
    .bind(VERSIONS_PER_STEP)
    .all(&mut tx)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let version: VersionId = row.col("live")?;
        found.push((version, count(&mut tx, embedder, version).await?));
    }
    drop(tx);
    let now = store.now();
    let write = store.writer.write(Lane::Bulk, move |conn| {
        Box::pin(async move {
            if spaces::current(conn).await? != Some(embedder) {
                return Ok(true);
            }
            for (version, n_done) in &found {
                add_unless_queued(conn, *version, *n_done, now).await?;
            }
            spaces::set_seen(conn, found.last().map(|(version, _)| *version)).await?;
            Ok(!found.is_empty())
        })
    });
    write.await
}

/// What was published meanwhile is queued already, and may be further than was seen.
async fn add_unless_queued(
    conn: &mut SqliteConnection,
    version: VersionId,
    n_done: u32,
    now: Timestamp,
) -> Result<()> {
    let row = sql("SELECT 1 AS found FROM embedding_jobs WHERE version = ?").bind(version);
    if row.maybe(conn).await?.is_some() {
        return Ok(());
    }
    add(conn, version, n_done, now).await
}
