//! Workers: each takes one job after the other and turns it into a version that answers.
//!
//! A worker holds a lease while it works and renews it; whoever loses it writes nothing more. Waiting for the index is
//! not the worker's: many small documents are published one after the other and become searchable together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::StreamExt as _;

use super::{Engine, lease};
use crate::context::Context;
use crate::crash;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::Signal;
use crate::types::{DocumentFailure, DocumentId, Job, JobId, JobOutcome, Lease};

/// How long a worker relies on signals before it looks for itself.
const IDLE_POLL: Duration = Duration::from_secs(5);
/// The first pause before a document is tried again; doubled each time.
const RETRY_BASE_MS: i64 = 1_000;
/// Tries before a document is given up.
const MAX_ATTEMPTS: u32 = 5;

/// The jobs that are being done in this process, with the document of each.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<HashMap<JobId, (DocumentId, Context)>>);

impl Running {
    /// Stops the work on a document, if there is any here. The job `but` goes on: it is what is wanted now, and a worker
    /// may have taken it before its caller comes here.
    pub(super) fn stop(&self, id: DocumentId, but: Option<JobId>) {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (job, (document, ctx)) in running.iter() {
            if *document == id && Some(*job) != but {
                ctx.cancel();
            }
        }
    }

    fn begin(&self, job: &Job, ctx: Context) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(job.lease.job, (job.document, ctx));
    }

    fn end(&self, job: &Job) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&job.lease.job);
    }
}

/// Works until the engine is closed or gone.
pub(super) async fn run(weak: Weak<Engine>, ctx: Context) {
    let Some(mut signals) = weak.upgrade().map(|engine| engine.parts.bus.subscribe()) else {
        return;
    };
    loop {
        let Some(engine) = weak.upgrade() else { return };
        let worked = engine.work_once(&ctx).await;
        drop(engine);
        if ctx.is_cancelled() {
            return;
        }
        match worked {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, ?error, "taking a job failed; it is tried again"),
        }
        let queued = async {
            while signals.next().await.is_some_and(|signal| signal != Signal::JobQueued) {}
        };
        tokio::select! {
            () = ctx.cancelled() => return,
            () = queued => {}
            () = tokio::time::sleep(IDLE_POLL) => {}
        }
    }
}

impl Engine {
    /// Does one job, where there is one.
    async fn work_once(self: &Arc<Self>, ctx: &Context) -> Result<bool> {
        let Some(job) = self.store().lease_job(ctx, lease::TTL).await? else { return Ok(false) };
        crash::point("ingest/leased");
        let ctx = ctx.child();
        self.running.begin(&job, ctx.clone());
        self.signal(Signal::Document(job.document)).await;
        let done = tokio::select! {
            done = self.make_version(&ctx, &job) => done,
            lost = self.keep_lease(&ctx, &job.lease) => Err(lost),
        };
        self.running.end(&job);
        match done {
            Ok(seq) => {
                let engine = self.clone();
                self.tasks.spawn(async move { engine.finish_when_searchable(job, seq).await });
            }
            Err(error) => self.give_up(&job, &error).await,
        }
        Ok(true)
    }

    async fn keep_lease(&self, ctx: &Context, lease: &Lease) -> Error {
        lease::keep(ctx, || self.store().renew_lease(ctx, lease, lease::TTL)).await
    }

    /// Marks a published version as ready once the index has it.
    async fn finish_when_searchable(self: Arc<Self>, job: Job, seq: u64) {
        let ctx = self.ctx.clone();
        let outcome = tokio::select! {
            waited = ctx.run(self.lexical.reached(seq)) => waited,
            lost = self.keep_lease(&ctx, &job.lease) => Err(lost),
        };
        crash::point("ingest/before_ready");
        if outcome.is_ok()
            && let Err(error) = self.store().finish_job(&ctx, &job.lease, JobOutcome::Ready).await
        {
            tracing::debug!(document = %job.document, %error, "the document was changed meanwhile");
        }
        crash::point("ingest/after_ready");
        self.signal(Signal::Document(job.document)).await;
    }

    /// Says in the store why a job ended without a version.
    async fn give_up(&self, job: &Job, error: &Error) {
        if error.reason() == Some(Reason::LeaseLost) || error.kind() == ErrorKind::Cancelled {
            // Somebody else decided: a cancel, a delete, a newer version, or the engine is closing.
            tracing::debug!(document = %job.document, %error, "the work was stopped");
            self.signal(Signal::Document(job.document)).await;
            return;
        }
        tracing::info!(document = %job.document, kind = %error.kind(), reason = ?error.reason(),
            operation = error.operation(), "a document could not be read");
        let outcome = self.outcome_of(job, error);
        if let Err(error) = self.store().finish_job(&self.ctx, &job.lease, outcome).await {
            tracing::warn!(document = %job.document, %error, "the failure could not be stored");
        }
        self.signal(Signal::Document(job.document)).await;
    }

    fn outcome_of(&self, job: &Job, error: &Error) -> JobOutcome {
        let failure = DocumentFailure::from(error);
        let temporary = error.is_retryable() || error.kind() == ErrorKind::Storage;
        if !temporary || job.attempts >= MAX_ATTEMPTS {
            return JobOutcome::Failed(failure);
        }
        let pause_ms = RETRY_BASE_MS << job.attempts.min(10);
        JobOutcome::Retry(failure, self.parts.clock.now().plus_millis(pause_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{BlobHash, CollectionId, LeaseToken, Metadata, Timestamp, VersionId};

    fn job(document: DocumentId) -> Job {
        let expires_at = Timestamp::from_millis(0);
        Job {
            lease: Lease { job: JobId::new(), token: LeaseToken::new(), expires_at },
            attempts: 0,
            collection: CollectionId::new(),
            document,
            version: VersionId::new(),
            blob: BlobHash::from_bytes([0; 32]),
            size_bytes: 0,
            title: None,
            source: String::new(),
            declared: None,
            metadata: Metadata::default(),
            depth: 0,
            published_seq: None,
        }
    }

    #[test]
    fn what_is_wanted_now_is_not_stopped_with_what_was_wanted_before() {
        let (running, document) = (Running::default(), DocumentId::new());
        let jobs = [job(document), job(document), job(DocumentId::new())];
        let contexts = jobs.each_ref().map(|job| {
            let ctx = Context::local();
            running.begin(job, ctx.clone());
            ctx
        });
        running.stop(document, Some(jobs[1].lease.job));
        assert_eq!(contexts.each_ref().map(Context::is_cancelled), [true, false, false]);
        running.end(&jobs[0]);
        running.stop(document, None);
        assert_eq!(contexts.each_ref().map(Context::is_cancelled), [true, true, false]);
    }
}
