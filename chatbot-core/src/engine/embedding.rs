//! Gives chunks their vectors, in the background: a document answers by its words first, and by meaning soon after.
//!
//! One task embeds, batch by batch, and stores each batch by itself, so that a process that dies loses no more than one.
//! What is asked for comes from the store, which names only chunks without a vector; so nothing is embedded twice. The
//! writes wait in the store's lane for long work: nobody who writes a message waits behind them.
//!
//! An embedder that is down holds up everything and is asked again after a while. One that refuses a document for good
//! costs that document its vectors, not its answers.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::sync::watch;

use super::Engine;
use super::worker::LEASE_TTL;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::{EmbedKind, EmbedRequest, Embedder, NewEmbeddings, Signal};
use crate::types::{
    ChunkHash, DocumentFailure, EmbeddingJob, EmbeddingOutcome, EmbeddingProgress, Lease,
    Unembedded,
};

/// Batches of one document before another has its turn: a small document waits for about a thousand passages at most.
const BATCHES_PER_TURN: usize = 32;
/// How often a lease is renewed: three tries before it is lost.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long the task relies on signals before it looks for itself.
const IDLE_POLL: Duration = Duration::from_secs(5);
/// The first pause after a failure; doubled each time, up to the longest.
const RETRY_BASE: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);
/// How much the last batch counts in the rate: about ten batches are remembered.
const SMOOTHING: f64 = 0.2;

/// What others may know and want of the embedding.
#[derive(Debug)]
pub(super) struct Embedding {
    paused: watch::Sender<bool>,
    /// Chunks a second, and why the last batch failed, where it did.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    per_second: f64,
    failure: Option<DocumentFailure>,
}

impl Embedding {
    pub(super) fn new(paused: bool) -> Self {
        Self { paused: watch::Sender::new(paused), state: Mutex::default() }
    }

    pub(super) fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    fn is_paused(&self) -> bool {
        *self.paused.borrow()
    }

    /// Why the embedder gives no vectors now, where it does not.
    pub(super) fn failure(&self) -> Option<Error> {
        let failure = self.state().failure.clone()?;
        let error = Error::new(failure.code, failure.message);
        Some(match failure.reason {
            Some(reason) => error.with_reason(reason),
            None => error,
        })
    }

    fn failed(&self, error: &Error) {
        self.state().failure = Some(error.into());
    }

    #[allow(clippy::cast_precision_loss, reason = "a batch has few chunks")]
    fn embedded(&self, n_chunks: usize, took: Duration) {
        let now = n_chunks as f64 / took.as_secs_f64().max(1e-6);
        let mut state = self.state();
        state.failure = None;
        let before = state.per_second;
        state.per_second = if before > 0.0 { before + SMOOTHING * (now - before) } else { now };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Works until the engine is closed or gone.
pub(super) async fn run(weak: Weak<Engine>, ctx: Context) {
    let Some((mut signals, mut paused)) = weak
        .upgrade()
        .map(|engine| (engine.parts.bus.subscribe(), engine.embedding.paused.subscribe()))
    else {
        return;
    };
    let mut n_failures = 0;
    loop {
        let Some(engine) = weak.upgrade() else { return };
        let idle = *paused.borrow_and_update();
        let worked = if idle { Ok(false) } else { engine.embed_once(&ctx).await };
        drop(engine);
        match worked {
            _ if ctx.is_cancelled() => return,
            Ok(true) => {
                n_failures = 0;
                continue;
            }
            Ok(false) => {
                let changed = async {
                    while signals.next().await.is_some_and(|signal| signal != Signal::Changed) {}
                };
                tokio::select! {
                    () = ctx.cancelled() => return,
                    () = changed => {}
                    _ = paused.changed() => {}
                    () = tokio::time::sleep(IDLE_POLL) => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, ?error, "embedding failed; it is tried again");
                tokio::select! {
                    () = ctx.cancelled() => return,
                    () = tokio::time::sleep(pause_after(n_failures)) => {}
                }
                n_failures += 1;
            }
        }
    }
}

fn pause_after(n_failures: u32) -> Duration {
    RETRY_BASE.saturating_mul(1 << n_failures.min(10)).min(RETRY_MAX)
}

impl Engine {
    /// Does one step, where there is one to do: looks further for what lacks vectors, or embeds some of a document.
    async fn embed_once(&self, ctx: &Context) -> Result<bool> {
        let Some(embedder) = self.parts.embedder.clone() else { return Ok(false) };
        if self.store().queue_embeddings(ctx).await? {
            return Ok(true);
        }
        let Some(job) = self.store().lease_embedding(ctx, LEASE_TTL).await? else {
            return Ok(false);
        };
        let worked = tokio::select! {
            worked = self.embed_some(ctx, &embedder, &job) => worked,
            lost = self.keep_embedding(ctx, &job.lease) => Err(lost),
        };
        let ended = self.end_turn(ctx, &job, worked).await;
        self.signal(Signal::Changed).await;
        self.signal(Signal::Document(job.document)).await;
        ended
    }

    async fn embed_some(
        &self,
        ctx: &Context,
        embedder: &Arc<dyn Embedder>,
        job: &EmbeddingJob,
    ) -> Result<EmbeddingOutcome> {
        for _ in 0..BATCHES_PER_TURN {
            if self.embedding.is_paused() {
                break;
            }
            let limit = self.settings.embedding_batch;
            let chunks = self.store().unembedded(ctx, &job.lease, limit).await?;
            if chunks.is_empty() {
                return Ok(EmbeddingOutcome::Done);
            }
            let began = Instant::now();
            let new = ctx.run(embed(ctx, embedder, &chunks)).await?;
            self.store().store_embeddings(ctx, &job.lease, new).await?;
            self.embedding.embedded(chunks.len(), began.elapsed());
            self.signal(Signal::Changed).await;
            self.signal(Signal::Document(job.document)).await;
        }
        Ok(EmbeddingOutcome::Later)
    }

    /// Renews the lease until that fails.
    async fn keep_embedding(&self, ctx: &Context, lease: &Lease) -> Error {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            if let Err(error) = self.store().renew_embedding(ctx, lease, LEASE_TTL).await
                && error.kind() == ErrorKind::Conflict
            {
                return error;
            }
        }
    }

    /// Gives the lease back, with what became of it. Fails where the embedder should be left alone for a while.
    async fn end_turn(
        &self,
        ctx: &Context,
        job: &EmbeddingJob,
        worked: Result<EmbeddingOutcome>,
    ) -> Result<bool> {
        let (outcome, error) = match worked {
            Ok(outcome) => (outcome, None),
            // The document was deleted or replaced, its embedding was stopped, or the engine is closing.
            Err(error) if error.reason() == Some(Reason::LeaseLost) => return Ok(true),
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) if error.is_retryable() || error.kind() == ErrorKind::Storage => {
                (EmbeddingOutcome::Later, Some(error))
            }
            Err(error) => {
                tracing::warn!(document = %job.document, %error, "a document cannot be embedded");
                self.embedding.failed(&error);
                (EmbeddingOutcome::Failed((&error).into()), None)
            }
        };
        let ended = self.store().finish_embedding(ctx, &job.lease, outcome).await;
        match (error, ended) {
            (Some(error), _) => {
                self.embedding.failed(&error);
                Err(error)
            }
            (None, Err(error)) if error.reason() != Some(Reason::LeaseLost) => Err(error),
            (None, _) => Ok(true),
        }
    }

    /// How far the embedding of everything has come.
    pub(crate) async fn embedding_progress(&self) -> Result<EmbeddingProgress> {
        let everything = self.store().read_set(&self.ctx).await?;
        let count = self.store().embedding_count(&self.ctx, &everything).await?;
        let per_second = self.embedding.state().per_second;
        #[allow(clippy::cast_precision_loss, reason = "an estimate, shown to a person")]
        let n_left = count.n_total.saturating_sub(count.n_done) as f64;
        Ok(EmbeddingProgress {
            n_done: count.n_done,
            n_total: count.n_total,
            per_second,
            seconds_left: if n_left == 0.0 {
                Some(0.0)
            } else {
                (per_second > 0.0).then(|| n_left / per_second)
            },
            paused: self.embedding.is_paused(),
        })
    }

    pub(crate) fn pause_embedding(&self, paused: bool) {
        self.embedding.pause(paused);
    }

    /// Waits until searches use every vector that is stored now. The only place that knows what says so.
    pub(super) async fn vectors_applied(&self, ctx: &Context) -> Result<()> {
        let Some(dense) = &self.dense else { return Ok(()) };
        let last = self.store().last_change(ctx).await?;
        ctx.run(dense.reached(last)).await
    }
}

/// Vectors for the chunks; texts that are the same are embedded once.
async fn embed(
    ctx: &Context,
    embedder: &Arc<dyn Embedder>,
    chunks: &[Unembedded],
) -> Result<NewEmbeddings> {
    let next_ordinal = chunks.last().map_or(0, |chunk| chunk.ordinal.saturating_add(1));
    let mut known: HashSet<ChunkHash> = HashSet::new();
    let chunks: Vec<_> = chunks.iter().filter(|chunk| known.insert(chunk.hash)).collect();
    let texts = chunks.iter().map(|chunk| chunk.text.clone()).collect();
    let request = EmbedRequest { kind: EmbedKind::Document, texts };
    let vectors = embedder.embed(ctx, request).await?;
    if vectors.len() != chunks.len() {
        return Err(Error::new(
            ErrorKind::BadResponse,
            "The embedder did not give one vector for each text.",
        ));
    }
    let vectors = chunks.iter().map(|chunk| chunk.hash).zip(vectors.iter().map(<[f32]>::to_vec));
    Ok(NewEmbeddings { next_ordinal, vectors: vectors.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_smoothed_and_pauses_grow_to_a_minute() {
        let embedding = Embedding::new(false);
        embedding.embedded(10, Duration::from_secs(1));
        assert!((embedding.state().per_second - 10.0).abs() < 1e-9);
        embedding.embedded(20, Duration::from_secs(1));
        assert!((embedding.state().per_second - 12.0).abs() < 1e-9);
        assert_eq!(pause_after(0), RETRY_BASE);
        assert_eq!(pause_after(3), Duration::from_secs(8));
        assert_eq!(pause_after(99), RETRY_MAX);
    }

    #[test]
    fn a_failure_is_forgotten_once_a_batch_was_embedded() {
        let embedding = Embedding::new(false);
        embedding.failed(&Error::new(ErrorKind::Unavailable, "It is down."));
        assert_eq!(embedding.failure().map(|error| error.kind()), Some(ErrorKind::Unavailable));
        embedding.embedded(1, Duration::from_secs(1));
        assert!(embedding.failure().is_none());
    }
}
