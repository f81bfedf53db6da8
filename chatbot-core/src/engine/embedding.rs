//! Gives chunks their vectors, in the background: a document answers by its words first, and by meaning soon after.
//!
//! One task embeds, batch by batch, and stores each batch by itself, so that a process that dies loses no more than one.
//! A batch is filled with the chunks of as many documents as it takes: a thousand notes are embedded as fast as one book.
//! What is asked for comes from the store, which names only chunks without a vector; so nothing is embedded twice. The
//! writes wait in the store's lane for long work: nobody who writes a message waits behind them.
//!
//! An embedder that is down holds up everything and is asked again after a while. One that refuses a document for good
//! costs that document its vectors, not its answers.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use tokio::sync::watch;

use super::{Engine, lease};
use crate::context::Context;
use crate::crash;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::{EmbedKind, EmbedRequest, Embedder, NewEmbeddings, Signal};
use crate::types::{
    ChunkHash, DocumentFailure, EmbeddingJob, EmbeddingOutcome, EmbeddingProgress, Unembedded,
};

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
    /// Whether the embedder answers, and the one before it no more.
    took_over: AtomicBool,
    /// Chunks a second, and why the last batch failed, where it did.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    per_second: f64,
    failure: Option<DocumentFailure>,
}

impl Embedding {
    pub(super) fn new(paused: bool, took_over: bool) -> Self {
        let paused = watch::Sender::new(paused);
        Self { paused, took_over: AtomicBool::new(took_over), state: Mutex::default() }
    }

    pub(super) fn has_taken_over(&self) -> bool {
        self.took_over.load(Ordering::Acquire)
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

/// A document in a batch.
#[derive(Debug)]
struct Part {
    job: EmbeddingJob,
    /// Those of its chunks that are embedded now.
    chunks: Vec<Unembedded>,
    /// Whether it has no others.
    is_rest: bool,
}

impl Part {
    /// What the store is told; fails where the embedder left a chunk out.
    fn new_embeddings(&self, vectors: &Vectors) -> Result<NewEmbeddings> {
        let next_ordinal = self.chunks.last().map_or(0, |chunk| chunk.ordinal.saturating_add(1));
        let vector = |chunk: &Unembedded| {
            let vector = vectors.get(&chunk.hash).cloned();
            vector.map(|vector| (chunk.hash, vector)).ok_or_else(missing)
        };
        Ok(NewEmbeddings {
            next_ordinal,
            vectors: self.chunks.iter().map(vector).collect::<Result<_>>()?,
        })
    }
}

type Vectors = HashMap<ChunkHash, Vec<f32>>;

impl Engine {
    /// Does one step, where there is one to do: looks further for what lacks vectors, or embeds a batch.
    async fn embed_once(&self, ctx: &Context) -> Result<bool> {
        let Some(embedder) = self.parts.embedder.clone() else { return Ok(false) };
        if self.store().queue_embeddings(ctx).await? {
            return Ok(true);
        }
        let batch = self.gather(ctx).await?;
        if batch.is_empty() {
            self.take_over(ctx).await?;
            return Ok(false);
        }
        crash::point("embedding/leased");
        let worked = tokio::select! {
            worked = self.embed_batch(ctx, &embedder, &batch) => worked,
            lost = self.keep_embedding(ctx, &batch) => lost,
        };
        self.signal(Signal::Changed).await;
        for part in &batch {
            self.signal(Signal::Document(part.job.document)).await;
        }
        worked.map(|()| true)
    }

    /// Lets the embedder answer instead of the one before, from one search to the next, once it has learned everything
    /// and its index has it. From then on it answers, whatever is added.
    async fn take_over(&self, ctx: &Context) -> Result<()> {
        if self.parts.previous.is_none()
            || self.embedding.has_taken_over()
            || !self.store().is_embedded(ctx).await?
        {
            return Ok(());
        }
        self.vectors_applied(ctx).await?;
        self.embedding.took_over.store(true, Ordering::Release);
        tracing::info!(
            "the embedder has learned everything and answers from here on; `embedder_previous` can go"
        );
        Ok(())
    }

    /// Fills a batch with the chunks of those documents that wait longest.
    async fn gather(&self, ctx: &Context) -> Result<Vec<Part>> {
        let mut batch = Vec::new();
        let mut n_wanted = self.settings.embedding_batch;
        while n_wanted > 0 {
            let Some(job) = self.store().lease_embedding(ctx, lease::TTL).await? else { break };
            let chunks = match self.store().unembedded(ctx, &job.lease, n_wanted).await {
                Ok(chunks) => chunks,
                // The document was deleted or replaced just now.
                Err(error) if error.reason() == Some(Reason::LeaseLost) => continue,
                Err(error) => {
                    self.end_parts(ctx, &batch, &EmbeddingOutcome::Later).await?;
                    return Err(error);
                }
            };
            let n_chunks = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
            let is_rest = n_chunks < n_wanted;
            n_wanted = n_wanted.saturating_sub(n_chunks.max(1));
            batch.push(Part { job, chunks, is_rest });
        }
        Ok(batch)
    }

    /// Embeds and stores a batch, and gives its leases back. Fails where the embedder should be left alone for a while.
    async fn embed_batch(
        &self,
        ctx: &Context,
        embedder: &Arc<dyn Embedder>,
        batch: &[Part],
    ) -> Result<()> {
        let began = Instant::now();
        let error = match ctx.run(embed(ctx, embedder, batch)).await {
            Ok(vectors) => {
                let n_chunks = batch.iter().map(|part| part.chunks.len()).sum();
                self.embedding.embedded(n_chunks, began.elapsed());
                crash::point("embedding/before_store");
                return self.store_batch(ctx, batch, &vectors).await;
            }
            Err(error) => error,
        };
        match (error.kind(), batch) {
            (ErrorKind::Cancelled, _) => Err(error),
            _ if error.is_retryable() => {
                self.embedding.failed(&error);
                self.end_parts(ctx, batch, &EmbeddingOutcome::Later).await?;
                Err(error)
            }
            (_, [part]) => {
                tracing::warn!(document = %part.job.document, %error, "a document cannot be embedded");
                self.embedding.failed(&error);
                self.end_parts(ctx, batch, &EmbeddingOutcome::Failed((&error).into())).await
            }
            // One of them is refused: the others shall not suffer for it.
            (_, parts) => {
                for part in parts {
                    Box::pin(self.embed_batch(ctx, embedder, std::slice::from_ref(part))).await?;
                }
                Ok(())
            }
        }
    }

    /// Stores the vectors of all parts at once, so that one flush does for many.
    async fn store_batch(&self, ctx: &Context, batch: &[Part], vectors: &Vectors) -> Result<()> {
        let stored = batch.iter().map(|part| async move {
            let new = part.new_embeddings(vectors)?;
            if !new.vectors.is_empty() {
                self.store().store_embeddings(ctx, &part.job.lease, new).await?;
                crash::point("embedding/stored");
            }
            let outcome =
                if part.is_rest { EmbeddingOutcome::Done } else { EmbeddingOutcome::Later };
            self.store().finish_embedding(ctx, &part.job.lease, outcome).await
        });
        let ended = ended(join_all(stored).await);
        crash::point("embedding/finished");
        match ended {
            Ok(()) => Ok(()),
            Err(error) => {
                self.embedding.failed(&error);
                self.end_parts(ctx, batch, &EmbeddingOutcome::Later).await?;
                Err(error)
            }
        }
    }

    async fn end_parts(
        &self,
        ctx: &Context,
        batch: &[Part],
        outcome: &EmbeddingOutcome,
    ) -> Result<()> {
        let ends = batch
            .iter()
            .map(|part| self.store().finish_embedding(ctx, &part.job.lease, outcome.clone()));
        ended(join_all(ends).await)
    }

    /// Renews the leases of a batch until all of them are lost. One that is lost alone shows when its part is stored.
    async fn keep_embedding(&self, ctx: &Context, batch: &[Part]) -> Result<()> {
        let kept = batch.iter().map(|part| async move {
            let lease = &part.job.lease;
            Err(lease::keep(ctx, || self.store().renew_embedding(ctx, lease, lease::TTL)).await)
        });
        ended(join_all(kept).await)
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
    pub(crate) async fn vectors_applied(&self, ctx: &Context) -> Result<()> {
        let Some(dense) = &self.dense else { return Ok(()) };
        let last = self.store().last_change(ctx).await?;
        ctx.run(dense.reached(last)).await
    }
}

/// The first failure that matters: a document that was deleted or replaced meanwhile needs no vectors.
fn ended(outcomes: Vec<Result<()>>) -> Result<()> {
    let is_lost = |error: &Error| error.reason() == Some(Reason::LeaseLost);
    outcomes
        .into_iter()
        .find(|end| end.as_ref().is_err_and(|error| !is_lost(error)))
        .unwrap_or(Ok(()))
}

/// Vectors for the chunks of a batch; texts that are the same are embedded once.
async fn embed(ctx: &Context, embedder: &Arc<dyn Embedder>, batch: &[Part]) -> Result<Vectors> {
    let chunks = batch.iter().flat_map(|part| &part.chunks);
    let mut known: HashSet<ChunkHash> = HashSet::new();
    let chunks: Vec<_> = chunks.filter(|chunk| known.insert(chunk.hash)).collect();
    if chunks.is_empty() {
        return Ok(Vectors::new());
    }
    let texts = chunks.iter().map(|chunk| chunk.text.clone()).collect();
    let request = EmbedRequest { kind: EmbedKind::Document, texts };
    let vectors = embedder.embed(ctx, request).await?;
    if vectors.len() != chunks.len() {
        return Err(missing());
    }
    let hashes = chunks.iter().map(|chunk| chunk.hash);
    Ok(hashes.zip(vectors.iter().map(<[f32]>::to_vec)).collect())
}

fn missing() -> Error {
    Error::new(ErrorKind::BadResponse, "The embedder did not give one vector for each text.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_smoothed_and_pauses_grow_to_a_minute() {
        let embedding = Embedding::new(false, false);
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
        let embedding = Embedding::new(false, false);
        embedding.failed(&Error::new(ErrorKind::Unavailable, "It is down."));
        assert_eq!(embedding.failure().map(|error| error.kind()), Some(ErrorKind::Unavailable));
        embedding.embedded(1, Duration::from_secs(1));
        assert!(embedding.failure().is_none());
    }
}
