//! Jobs: leased, fenced by their token, given up after too many tries.
//!
//! A lease that ran out is still good until somebody takes the job: only then does the token change, and with it every
//! write of the former holder is refused.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::accept::touch;
use super::document_rows::media_type;
use super::edits::{discard, mark_ready};
use super::error::lease_lost;
use super::sql::{Columns as _, sql, to_json};
use super::{Lane, SqliteStore, embeddings, history, parts, publish, staging};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{JobStore, PublishVersion, StagedPart};
use crate::types::{
    DocumentFailure, DocumentId, Job, JobId, JobOutcome, Lease, LeaseToken, Stage, StagedChunk,
    Timestamp, VersionId,
};

/// How often a job is tried. A document that brought down or outlasted this many workers will do so again.
const MAX_ATTEMPTS: u32 = 5;

#[async_trait]
impl JobStore for SqliteStore {
    async fn lease_job(&self, _ctx: &Context, ttl: Duration) -> Result<Option<Job>> {
        let now = self.now();
        let expires_at = after(now, ttl);
        let lease = self
            .writer
            .write(Lane::Interactive, move |conn| Box::pin(lease(conn, now, expires_at)));
        lease.await
    }

    async fn renew_lease(&self, _ctx: &Context, lease: &Lease, ttl: Duration) -> Result<Lease> {
        let renewed = Lease { expires_at: after(self.now(), ttl), ..lease.clone() };
        let renew = self.writer.write(Lane::Bulk, move |conn| {
            Box::pin(async move {
                let n = sql("UPDATE jobs SET due_at = ? WHERE id = ? AND token = ?")
                    .bind(renewed.expires_at)
                    .bind(renewed.job)
                    .bind(renewed.token)
                    .run(conn)
                    .await?;
                if n == 1 { Ok(renewed) } else { Err(lease_lost()) }
            })
        });
        renew.await
    }

    async fn release_leases(&self, _ctx: &Context) -> Result<u64> {
        let now = self.now();
        let release = self.writer.write(Lane::Interactive, move |conn| {
            Box::pin(async move {
                let mut n_released = 0;
                for statement in [
                    "UPDATE jobs SET token = NULL, due_at = ? WHERE token IS NOT NULL",
                    "UPDATE embedding_jobs SET token = NULL, due_at = ? WHERE token IS NOT NULL",
                ] {
                    n_released += sql(statement).bind(now).run(conn).await?;
                }
                Ok(n_released)
            })
        });
        release.await
    }

    async fn set_stage(
        &self,
        _ctx: &Context,
        lease: &Lease,
        stage: Stage,
        progress: f32,
    ) -> Result<()> {
        let (lease, now) = (lease.clone(), self.now());
        let set = self.writer.write(Lane::Bulk, move |conn| {
            Box::pin(async move {
                let held = held(conn, &lease).await?;
                sql("UPDATE versions SET stage = ?, progress = ? WHERE id = ?")
                    .bind(stage.as_str())
                    .bind(progress.clamp(0.0, 1.0))
                    .bind(held.version)
                    .run(conn)
                    .await?;
                touch(conn, held.document, now).await
            })
        });
        set.await
    }

    async fn stage_text(
        &self,
        ctx: &Context,
        lease: &Lease,
        offset: usize,
        part: String,
    ) -> Result<()> {
        staging::text(self, ctx, lease, offset, part).await
    }

    async fn stage_chunks(
        &self,
        ctx: &Context,
        lease: &Lease,
        chunks: Vec<StagedChunk>,
    ) -> Result<()> {
        staging::chunks(self, ctx, lease, chunks).await
    }

    async fn stage_parts(
        &self,
        ctx: &Context,
        lease: &Lease,
        parts: Vec<StagedPart>,
    ) -> Result<()> {
        parts::stage(self, ctx, lease, parts).await
    }

    async fn n_parts_around(&self, ctx: &Context, document: DocumentId) -> Result<u32> {
        ctx.run(async { parts::n_around(&mut *self.snapshot().await?, document).await }).await
    }

    async fn publish_version(
        &self,
        _ctx: &Context,
        lease: &Lease,
        publish: PublishVersion,
    ) -> Result<u64> {
        let (lease, now) = (lease.clone(), self.now());
        let known = embeddings::known(self, publish.version).await?;
        let difference = history::difference(self, publish.version).await?;
        let publish = self.writer.write(Lane::Interactive, move |conn| {
            Box::pin(publish::publish(conn, lease, (publish, known, difference), now))
        });
        publish.await
    }

    async fn finish_job(&self, _ctx: &Context, lease: &Lease, outcome: JobOutcome) -> Result<()> {
        let (lease, now) = (lease.clone(), self.now());
        let finish = self.writer.write(Lane::Interactive, move |conn| {
            Box::pin(async move {
                let held = held(conn, &lease).await?;
                finish(conn, &held, outcome, now).await?;
                touch(conn, held.document, now).await
            })
        });
        finish.await
    }

    async fn next_job_due(&self, ctx: &Context) -> Result<Option<Timestamp>> {
        ctx.run(async {
            let mut tx = self.snapshot().await?;
            sql("SELECT min(due_at) AS due_at FROM jobs").one(&mut tx).await?.col("due_at")
        })
        .await
    }
}

/// `ttl` after `now`.
pub(super) fn after(now: Timestamp, ttl: Duration) -> Timestamp {
    now.plus_millis(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
}

/// What the holder of a lease works on.
pub(super) struct Held {
    pub(super) job: JobId,
    pub(super) document: DocumentId,
    pub(super) version: VersionId,
    /// Bytes of text staged so far.
    pub(super) text_bytes: usize,
    /// The change that published the version, where it is published.
    pub(super) published_seq: Option<u64>,
}

/// The fence: fails unless the lease is still held.
pub(super) async fn held(conn: &mut SqliteConnection, lease: &Lease) -> Result<Held> {
    let row = sql("SELECT j.document, j.version, v.text_bytes, v.published_seq FROM jobs j
         JOIN versions v ON v.id = j.version WHERE j.id = ? AND j.token = ?")
    .bind(lease.job)
    .bind(lease.token)
    .maybe(conn)
    .await?
    .ok_or_else(lease_lost)?;
    Ok(Held {
        job: lease.job,
        document: row.col("document")?,
        version: row.col("version")?,
        text_bytes: row.col("text_bytes")?,
        published_seq: row.col("published_seq")?,
    })
}

async fn lease(
    conn: &mut SqliteConnection,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Option<Job>> {
    loop {
        let row = sql("SELECT j.id, j.attempts, j.document, j.version, d.collection, d.title_host,
                d.host_metadata, d.depth, v.blob, v.size_bytes, v.source, v.declared, v.published_seq
             FROM jobs j JOIN versions v ON v.id = j.version JOIN documents d ON d.id = j.document
             WHERE j.due_at <= ? ORDER BY j.due_at, j.seq LIMIT 1")
        .bind(now)
        .maybe(conn)
        .await?;
        let Some(row) = row else { return Ok(None) };
        if row.col::<u32>("attempts")? >= MAX_ATTEMPTS {
            give_up(conn, &row, now).await?;
        } else {
            return take(conn, &row, expires_at).await.map(Some);
        }
    }
}

async fn take(conn: &mut SqliteConnection, row: &SqliteRow, expires_at: Timestamp) -> Result<Job> {
    let (job, token) = (row.col::<JobId>("id")?, LeaseToken::new());
    sql("UPDATE jobs SET token = ?, due_at = ?, attempts = attempts + 1 WHERE id = ?")
        .bind(token)
        .bind(expires_at)
        .bind(job)
        .run(conn)
        .await?;
    sql("UPDATE versions SET state = 'processing' WHERE id = ?")
        .bind(row.col::<VersionId>("version")?)
        .run(conn)
        .await?;
    Ok(Job {
        lease: Lease { job, token, expires_at },
        attempts: row.col("attempts")?,
        collection: row.col("collection")?,
        document: row.col("document")?,
        version: row.col("version")?,
        blob: row.col("blob")?,
        size_bytes: row.col("size_bytes")?,
        title: row.col("title_host")?,
        source: row.col("source")?,
        declared: row.col::<Option<String>>("declared")?.map(media_type),
        metadata: row.json("host_metadata")?,
        depth: row.col("depth")?,
        published_seq: row.col("published_seq")?,
    })
}

/// Fails a document whose job was tried too often, with what the last try said, if it said something.
async fn give_up(conn: &mut SqliteConnection, row: &SqliteRow, now: Timestamp) -> Result<()> {
    let version: VersionId = row.col("version")?;
    let held = Held {
        job: row.col("id")?,
        document: row.col("document")?,
        version,
        text_bytes: 0,
        published_seq: row.col("published_seq")?,
    };
    let said = sql("SELECT failure FROM versions WHERE id = ?").bind(version).one(conn).await?;
    let failure = said.maybe_json("failure")?.unwrap_or_else(|| DocumentFailure {
        code: ErrorKind::Internal,
        reason: None,
        message: "The document could not be processed: every try broke off.".to_owned(),
    });
    finish(conn, &held, JobOutcome::Failed(failure), now).await?;
    touch(conn, held.document, now).await
}

async fn finish(
    conn: &mut SqliteConnection,
    held: &Held,
    outcome: JobOutcome,
    now: Timestamp,
) -> Result<()> {
    match outcome {
        JobOutcome::Retry(failure, at) => return retry(conn, held, &failure, at).await,
        JobOutcome::Ready if held.published_seq.is_none() => return Err(unpublished()),
        JobOutcome::Ready | JobOutcome::Failed(_) | JobOutcome::Cancelled => {}
    }
    sql("DELETE FROM jobs WHERE id = ?").bind(held.job).run(conn).await?;
    if held.published_seq.is_some() {
        return mark_ready(conn, held.document, held.version, now).await;
    }
    match outcome {
        JobOutcome::Failed(failure) => {
            sql("UPDATE versions SET state = 'failed', stage = NULL, progress = 0, failure = ? WHERE id = ?")
                .bind(to_json(&failure)?)
                .bind(held.version)
                .run(conn)
                .await?;
            discard(conn, held.version).await
        }
        JobOutcome::Cancelled | JobOutcome::Ready | JobOutcome::Retry(..) => {
            set_cancelled(conn, held.version).await?;
            discard(conn, held.version).await
        }
    }
}

async fn set_cancelled(conn: &mut SqliteConnection, version: VersionId) -> Result<()> {
    sql("UPDATE versions SET state = 'cancelled', stage = NULL, progress = 0 WHERE id = ?")
        .bind(version)
        .run(conn)
        .await
        .map(|_| ())
}

async fn retry(
    conn: &mut SqliteConnection,
    held: &Held,
    failure: &DocumentFailure,
    at: Timestamp,
) -> Result<()> {
    sql("UPDATE jobs SET token = NULL, due_at = ? WHERE id = ?")
        .bind(at)
        .bind(held.job)
        .run(conn)
        .await?;
    sql("UPDATE versions SET state = 'queued', stage = NULL, progress = 0, failure = ? WHERE id = ?")
        .bind(to_json(failure)?)
        .bind(held.version)
        .run(conn)
        .await
        .map(|_| ())
}

fn unpublished() -> Error {
    Error::new(ErrorKind::Conflict, "A version is ready once it was published, not before.")
}
