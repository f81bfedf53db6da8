//! How long a model may be silent.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use super::opening::opened;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{ChatModel, ChatRequest, ModelEvent, ModelInfo, ModelStream};

/// How long a model may take. What is `None` is not limited; the context's own deadline always holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeLimits {
    /// Until the first piece of an answer. What a provider says before that is no sign that one will come.
    pub first: Option<Duration>,
    /// Between two events.
    pub idle: Option<Duration>,
    /// For the whole answer. What is inside sees it as its context's deadline.
    pub total: Option<Duration>,
}

/// A [`ChatModel`] that fails with `timeout` where the one inside is silent for too long. What it was doing is dropped at
/// that moment, so that whatever it held is free again.
#[derive(Debug)]
pub struct Timeout {
    inner: Arc<dyn ChatModel>,
    limits: TimeLimits,
}

impl Timeout {
    /// Limits the silence of `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn ChatModel>, limits: TimeLimits) -> Self {
        Self { inner, limits }
    }
}

#[async_trait]
impl ChatModel for Timeout {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        let ctx = match self.limits.total {
            Some(total) => ctx.clone().with_timeout(total),
            None => ctx.clone(),
        };
        let late = "The model did not begin to answer in time. Ask again later.";
        let first = ctx.run(opened(&*self.inner, &ctx, request));
        let stream = within(self.limits.first, first, late).await?;
        let rest = Timed { ctx, stream, idle: self.limits.idle };
        Ok(stream::unfold(Some(rest), async |timed| timed?.next().await).boxed())
    }
}

struct Timed {
    ctx: Context,
    stream: ModelStream,
    idle: Option<Duration>,
}

impl Timed {
    /// The next event; an error lets go of the stream.
    async fn next(mut self) -> Option<(Result<ModelEvent>, Option<Self>)> {
        let (ctx, stream) = (&self.ctx, &mut self.stream);
        let next = ctx.run(async { stream.next().await.transpose() });
        match within(self.idle, next, "The model fell silent in the middle of its answer.").await {
            Ok(event) => Some((Ok(event?), Some(self))),
            Err(error) => Some((Err(error), None)),
        }
    }
}

async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T>>,
    late: &'static str,
) -> Result<T> {
    let Some(limit) = limit else { return work.await };
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, late).with_operation("model.wait")))
}
