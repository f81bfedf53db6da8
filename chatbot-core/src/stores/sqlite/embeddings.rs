//! Giving chunks their vectors: a queue beside the jobs, whose rows are fenced in the same way.
//!
//! A version is walked from its first chunk to its last; `next_ordinal` says how far. What another document brought a
//! vector for is passed over, and named in the change all the same, so that an index gets it.

mod queue;
mod spaces;
mod sweep;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::accept::touch;
use super::error::lease_lost;
use super::jobs::after;
use super::sql::{Columns as _, sql, to_json};
use super::{Lane, SqliteStore, texts, vectors};
use crate::context::{Context, ReadSet};
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{EmbedderInfo, EmbeddingStore, NewEmbeddings};
use crate::types::{
    ChunkHash, CollectionId, DocumentId, EmbeddingCount, EmbeddingJob, EmbeddingOutcome, JobId,
    Lease, LeaseToken, Span, Timestamp, Unembedded, VersionId, embedded_text,
};

pub(super) use queue::{Known, known, publish, void_document};
pub(super) use sweep::note_loose;

/// What one vector and its index entry take in the log beside the components.
const ROW_BYTES: usize = 120;

#[async_trait]
impl EmbeddingStore for SqliteStore {
    async fn use_embedder(&self, _ctx: &Context, embedder: Option<&EmbedderInfo>) -> Result<()> {
        let (embedder, now) = (embedder.cloned(), self.now());
        let change = self
            .writer
            .write(Lane::Interactive, move |conn| Box::pin(spaces::change(conn, embedder, now)));
        change.await
    }

    async fn queue_embeddings(&self, ctx: &Context) -> Result<bool> {
        ctx.check()?;
        queue::look_further(self).await
    }

    async fn is_embedded(&self, ctx: &Context) -> Result<bool> {
        ctx.run(async { spaces::is_whole(&mut *self.snapshot().await?).await }).await
    }

    async fn lease_embedding(&self, _ctx: &Context, ttl: Duration) -> Result<Option<EmbeddingJob>> {
        let now = self.now();
        let expires_at = after(now, ttl);
        let take =
            self.writer.write(Lane::Bulk, move |conn| Box::pin(lease(conn, now, expires_at)));
        take.await
    }

    async fn renew_embedding(&self, _ctx: &Context, lease: &Lease, ttl: Duration) -> Result<()> {
        let (lease, due_at) = (lease.clone(), after(self.now(), ttl));
        let renew = self.writer.write(Lane::Bulk, move |conn| {
            Box::pin(async move {
                let held = held(conn, &lease).await?;
                sql("UPDATE embedding_jobs SET due_at = ? WHERE version = ?")
                    .bind(due_at)
                    .bind(held.version)
                    .run(conn)
                    .await
                    .map(|_| ())
            })
        });
        renew.await
    }

    async fn unembedded(
        &self,
        ctx: &Context,
        lease: &Lease,
        limit: u32,
    ) -> Result<Vec<Unembedded>> {
        ctx.run(async {
            let mut tx = self.snapshot().await?;
            let held = held(&mut tx, lease).await?;
            unembedded(&mut tx, &held, limit).await
        })
        .await
    }

    async fn store_embeddings(
        &self,
        _ctx: &Context,
        lease: &Lease,
        new: NewEmbeddings,
    ) -> Result<u64> {
        let (lease, now) = (lease.clone(), self.now());
        let n_bytes: usize = new.vectors.iter().map(|(_, v)| v.len() * 4 + ROW_BYTES).sum();
        self.writer.note_bytes(u64::try_from(n_bytes).unwrap_or_default());
        let store =
            self.writer.write(Lane::Bulk, move |conn| Box::pin(store(conn, lease, new, now)));
        store.await
    }

    async fn finish_embedding(
        &self,
        _ctx: &Context,
        lease: &Lease,
        outcome: EmbeddingOutcome,
    ) -> Result<()> {
        let (lease, now) = (lease.clone(), self.now());
        let finish =
            self.writer.write(Lane::Bulk, move |conn| Box::pin(finish(conn, lease, outcome, now)));
        finish.await
    }

    async fn embedding_count(&self, ctx: &Context, read_set: &ReadSet) -> Result<EmbeddingCount> {
        ctx.run(async { count(&mut *self.snapshot().await?, read_set).await }).await
    }

    async fn sweep_embeddings(&self, ctx: &Context, limit: u32) -> Result<u64> {
        sweep::sweep(self, ctx, limit).await
    }
}

/// What the holder of an embedding lease works on.
struct Held {
    document: DocumentId,
    collection: CollectionId,
    version: VersionId,
    embedder: i64,
    dimensions: usize,
    next_ordinal: u32,
    n_done: u32,
    n_chunks: u32,
}

/// The fence. A job goes with its document, its version and its space, so holding it says that they are there.
async fn held(conn: &mut SqliteConnection, lease: &Lease) -> Result<Held> {
    let row =
        sql("SELECT j.document, j.version, j.next_ordinal, j.n_done, d.collection, v.chunk_count,
            e.id AS embedder, e.dimensions
         FROM embedding_jobs j JOIN versions v ON v.id = j.version
         JOIN documents d ON d.id = j.document AND d.live = j.version
         JOIN embedders e ON e.id = (SELECT value FROM meta WHERE name = 'embedder')
         WHERE j.id = ? AND j.token = ?")
        .bind(lease.job)
        .bind(lease.token)
        .maybe(conn)
        .await?
        .ok_or_else(lease_lost)?;
    Ok(Held {
        document: row.col("document")?,
        collection: row.col("collection")?,
        version: row.col("version")?,
        embedder: row.col("embedder")?,
        dimensions: row.col("dimensions")?,
        next_ordinal: row.col("next_ordinal")?,
        n_done: row.col("n_done")?,
        n_chunks: row.col("chunk_count")?,
    })
}

async fn lease(
    conn: &mut SqliteConnection,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Option<EmbeddingJob>> {
    let token = LeaseToken::new();
    let row = sql("UPDATE embedding_jobs SET token = ?1, due_at = ?2 WHERE version =
            (SELECT version FROM embedding_jobs WHERE due_at <= ?3 ORDER BY place, version LIMIT 1)
         RETURNING id, document, version")
    .bind(token)
    .bind(expires_at)
    .bind(now)
    .maybe(conn)
    .await?;
    let job = |row: SqliteRow| {
        Ok(EmbeddingJob {
            lease: Lease { job: row.col::<JobId>("id")?, token, expires_at },
            document: row.col("document")?,
            version: row.col("version")?,
        })
    };
    row.map(job).transpose()
}

async fn unembedded(
    conn: &mut SqliteConnection,
    held: &Held,
    limit: u32,
) -> Result<Vec<Unembedded>> {
    let rows = sql("SELECT c.ordinal, c.hash, c.heading, c.byte_start, c.byte_end, coalesce(v.title, '') AS title
         FROM chunks c JOIN versions v ON v.id = c.version
         WHERE c.version = ?1 AND c.ordinal >= ?2
           AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.embedder = ?3 AND e.hash = c.hash)
         ORDER BY c.ordinal LIMIT ?4")
    .bind(held.version)
    .bind(held.next_ordinal)
    .bind(held.embedder)
    .bind(limit)
    .all(conn)
    .await?;
    let spans: Vec<_> = rows
        .iter()
        .map(|row| Ok((held.version, Span::new(row.col("byte_start")?, row.col("byte_end")?))))
        .collect::<Result<_>>()?;
    let texts = texts::pieces(conn, &spans).await?;
    let chunks = rows.iter().zip(texts).map(|(row, text)| {
        let heading = row.col::<Option<String>>("heading")?;
        let (title, text) = (row.col::<String>("title")?, texts::required(text)?);
        Ok(Unembedded {
            ordinal: row.col("ordinal")?,
            hash: row.col("hash")?,
            text: embedded_text(&title, heading.as_deref(), &text),
        })
    });
    chunks.collect()
}

async fn store(
    conn: &mut SqliteConnection,
    lease: Lease,
    new: NewEmbeddings,
    now: Timestamp,
) -> Result<u64> {
    let held = held(conn, &lease).await?;
    if new.vectors.iter().any(|(_, vector)| vector.len() != held.dimensions) {
        return Err(Error::new(
            ErrorKind::DimensionMismatch,
            format!("The embedder's vectors must have {} components.", held.dimensions),
        ));
    }
    let next = new.next_ordinal.clamp(held.next_ordinal, held.n_chunks);
    let n_new = missing_before(conn, &held, next).await?;
    for (hash, vector) in &new.vectors {
        sql("INSERT OR IGNORE INTO embeddings (embedder, hash, vector) VALUES (?, ?, ?)")
            .bind(held.embedder)
            .bind(*hash)
            .bind(vectors::to_bytes(vector))
            .run(conn)
            .await?;
    }
    let n_done = held.n_done.saturating_add(n_new).max(next);
    sql("UPDATE embedding_jobs SET next_ordinal = ?, n_done = ? WHERE version = ?")
        .bind(next)
        .bind(n_done)
        .bind(held.version)
        .run(conn)
        .await?;
    cover(conn, held.version, queue::share(n_done, held.n_chunks)).await?;
    touch(conn, held.document, now).await?;
    write_change(conn, &held, next, now).await
}

/// Chunks from the job's place to before `next` that have no vector yet.
async fn missing_before(conn: &mut SqliteConnection, held: &Held, next: u32) -> Result<u32> {
    let row = sql("SELECT count(*) AS n FROM chunks c
         WHERE c.version = ?1 AND c.ordinal >= ?2 AND c.ordinal < ?3
           AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.embedder = ?4 AND e.hash = c.hash)")
    .bind(held.version)
    .bind(held.next_ordinal)
    .bind(next)
    .bind(held.embedder)
    .one(conn)
    .await?;
    row.col("n")
}

async fn cover(conn: &mut SqliteConnection, version: VersionId, dense: f32) -> Result<()> {
    sql("UPDATE versions SET dense = ? WHERE id = ?")
        .bind(dense)
        .bind(version)
        .run(conn)
        .await
        .map(|_| ())
}

async fn write_change(
    conn: &mut SqliteConnection,
    held: &Held,
    next: u32,
    now: Timestamp,
) -> Result<u64> {
    sql("INSERT INTO changes (kind, collection, document, version, ordinal_start, ordinal_end, created_at)
         VALUES ('embedded', ?, ?, ?, ?, ?, ?) RETURNING seq")
    .bind(held.collection)
    .bind(held.document)
    .bind(held.version)
    .bind(held.next_ordinal)
    .bind(next)
    .bind(now)
    .one(conn)
    .await?
    .col("seq")
}

async fn finish(
    conn: &mut SqliteConnection,
    lease: Lease,
    outcome: EmbeddingOutcome,
    now: Timestamp,
) -> Result<()> {
    let held = held(conn, &lease).await?;
    match outcome {
        EmbeddingOutcome::Later => return queue::put_back(conn, held.version, now).await,
        EmbeddingOutcome::Done => {
            if missing_before(conn, &held, held.n_chunks).await? > 0 {
                return Err(Error::new(ErrorKind::Conflict, "Some passages have no vector yet."));
            }
            if held.next_ordinal < held.n_chunks {
                write_change(conn, &held, held.n_chunks, now).await?;
            }
            cover(conn, held.version, 1.0).await?;
        }
        EmbeddingOutcome::Failed(failure) => {
            sql("UPDATE versions SET dense_failure = ? WHERE id = ?")
                .bind(to_json(&failure)?)
                .bind(held.version)
                .run(conn)
                .await?;
        }
    }
    sql("DELETE FROM embedding_jobs WHERE version = ?").bind(held.version).run(conn).await?;
    touch(conn, held.document, now).await
}

async fn count(conn: &mut SqliteConnection, read_set: &ReadSet) -> Result<EmbeddingCount> {
    let rows = sql("SELECT d.collection, sum(v.chunk_count) AS n_total,
            sum(CAST(v.chunk_count * v.dense + 0.5 AS INTEGER)) AS n_done
         FROM documents d JOIN versions v ON v.id = d.live GROUP BY d.collection")
    .all(conn)
    .await?;
    let mut count = EmbeddingCount::default();
    for row in &rows {
        if read_set.contains(row.col("collection")?) {
            count.n_total += row.col::<u64>("n_total")?;
            count.n_done += row.col::<u64>("n_done")?;
        }
    }
    Ok(count)
}

impl super::sql::Column for ChunkHash {
    fn read(row: &SqliteRow, name: &str) -> Result<Self> {
        let bytes: Vec<u8> = row.col(name)?;
        bytes.try_into().map(Self).map_err(|_| super::error::damaged("a hash"))
    }
}

impl From<ChunkHash> for super::sql::Value {
    fn from(hash: ChunkHash) -> Self {
        Self::Blob(hash.0.to_vec())
    }
}
