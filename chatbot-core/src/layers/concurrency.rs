//! A bulkhead: one provider's slowness takes only its own share of what can be done at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::opening::{Hold, watched};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::{ChatModel, ChatRequest, ModelInfo, ModelStream};

/// How much may go on at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkheadLimits {
    /// Answers at a time.
    pub max_at_once: usize,
    /// Calls that wait for one of them to end; further ones are refused at once.
    pub max_waiting: usize,
    /// How long a call waits.
    pub max_wait: Duration,
}

impl Default for BulkheadLimits {
    /// 64 answers are more than the smallest paid plans of providers let through at a time. Whoever waits 10 s for an
    /// answer to begin has gone.
    fn default() -> Self {
        Self { max_at_once: 64, max_waiting: 256, max_wait: Duration::from_secs(10) }
    }
}

/// The room that the models of one provider share.
#[derive(Debug)]
pub struct Bulkhead {
    limits: BulkheadLimits,
    free: Arc<Semaphore>,
    n_waiting: AtomicUsize,
}

impl Bulkhead {
    /// Room for as many as `limits` say.
    #[must_use]
    pub fn new(limits: BulkheadLimits) -> Self {
        let free = Arc::new(Semaphore::new(limits.max_at_once.min(Semaphore::MAX_PERMITS)));
        Self { limits, free, n_waiting: AtomicUsize::new(0) }
    }

    /// Answers that may begin at this moment.
    #[must_use]
    pub fn n_free(&self) -> usize {
        self.free.available_permits()
    }

    /// Calls that wait at this moment.
    #[must_use]
    pub fn n_waiting(&self) -> usize {
        self.n_waiting.load(Ordering::Acquire)
    }

    async fn enter(&self, ctx: &Context) -> Result<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = Waiting::begin(&self.n_waiting, self.limits.max_waiting)?;
        let free = async { Ok(Arc::clone(&self.free).acquire_owned().await) };
        let waited = ctx.run(timeout_ok(self.limits.max_wait, free)).await?;
        waited.and_then(std::result::Result::ok).ok_or_else(shed)
    }
}

/// `None` where it took too long.
async fn timeout_ok<T>(
    limit: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<Option<T>> {
    timeout(limit, work).await.ok().transpose()
}

/// A second: by then one in a hundred answers of a minute has ended for each that goes on.
const COME_AGAIN: Duration = Duration::from_secs(1);

fn shed() -> Error {
    tracing::warn!("a call to a model was refused: too many are going on");
    Error::new(ErrorKind::Unavailable, "Too many answers are being written. Try again in a moment.")
        .with_operation("model.bulkhead")
        .with_reason(Reason::Overloaded)
        .with_retry_after(COME_AGAIN)
}

/// A place in the queue, given back when it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(n_waiting: &'a AtomicUsize, max: usize) -> Result<Self> {
        let place = Self(n_waiting);
        if n_waiting.fetch_add(1, Ordering::AcqRel) >= max { Err(shed()) } else { Ok(place) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A [`ChatModel`] that lets only so many answers go on at a time. What finds neither room nor a place in the queue fails
/// with `unavailable`, the reason `overloaded`, and when to come again.
#[derive(Debug)]
pub struct Concurrency {
    inner: Arc<dyn ChatModel>,
    bulkhead: Arc<Bulkhead>,
}

impl Concurrency {
    /// Keeps `inner` within `bulkhead`.
    #[must_use]
    pub fn new(inner: Arc<dyn ChatModel>, bulkhead: Arc<Bulkhead>) -> Self {
        Self { inner, bulkhead }
    }
}

#[async_trait]
impl ChatModel for Concurrency {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        let permit = self.bulkhead.enter(ctx).await?;
        Ok(watched(self.inner.stream(ctx, request).await?, Hold(permit)))
    }
}
