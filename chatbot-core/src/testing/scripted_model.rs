//! A model that says what a test tells it to.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{ChatModel, ChatRequest, ModelEvent, ModelInfo, ModelStream, ToolCall};
use crate::types::{FinishReason, Usage};

/// What a [`ScriptedModel`] does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Says something.
    Text(String),
    /// Thinks something.
    Thinking(String),
    /// Asks for a call.
    Call(ToolCall),
    /// Lets time pass.
    Wait(Duration),
    /// Never goes on: only a deadline, a cancellation or a dropped stream ends this.
    Hang,
    /// Reports its usage.
    Usage(Usage),
    /// Fails; the stream is over.
    Fail(ErrorKind),
    /// Ends properly.
    Finish(FinishReason),
}

type Script = Arc<dyn Fn(&ChatRequest) -> Vec<Step> + Send + Sync>;

/// A model that follows a script, and remembers what it was asked and whether anyone listened to the end.
///
/// # Example
/// ```
/// use chatbot_core::testing::ScriptedModel;
/// use chatbot_core::traits::{ChatModel as _, ChatRequest};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let model = ScriptedModel::replying("In Paris [1].");
/// let reply = model.complete(&chatbot_core::Context::local(), ChatRequest::default()).await?;
/// assert_eq!(reply.text, "In Paris [1].");
/// assert_eq!(model.requests().len(), 1);
/// # Ok::<(), chatbot_core::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ScriptedModel {
    info: ModelInfo,
    script: Script,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    requests: Mutex<Vec<ChatRequest>>,
    n_running: AtomicUsize,
    n_dropped: AtomicUsize,
}

impl ScriptedModel {
    /// A model that takes these steps for every request. A script without an end is an answer that is broken off.
    #[must_use]
    pub fn new(steps: Vec<Step>) -> Self {
        Self::with(move |_| steps.clone())
    }

    /// A model whose steps depend on the request.
    #[must_use]
    pub fn with(script: impl Fn(&ChatRequest) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let info = ModelInfo {
            name: "scripted".to_owned(),
            context_window: None,
            max_output_tokens: None,
            quotes_only: false,
            usd_per_million: None,
        };
        Self { info, script: Arc::new(script), log: Arc::default() }
    }

    /// A model that says `text` word by word and ends.
    #[must_use]
    pub fn replying(text: &str) -> Self {
        Self::slow(text, Duration::ZERO)
    }

    /// A model that says `text` word by word, waits `delay` before each word, and ends.
    #[must_use]
    pub fn slow(text: &str, delay: Duration) -> Self {
        let words = text.split_inclusive(' ').map(|word| Step::Text(word.to_owned()));
        let wait = (!delay.is_zero()).then_some(Step::Wait(delay));
        let mut steps: Vec<_> =
            words.flat_map(|word| wait.clone().into_iter().chain([word])).collect();
        steps.push(Step::Finish(FinishReason::Stop));
        Self::new(steps)
    }

    /// This model with another description.
    #[must_use]
    pub fn with_info(mut self, info: ModelInfo) -> Self {
        self.info = info;
        self
    }

    /// What it was asked, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.log.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers that are being streamed.
    #[must_use]
    pub fn n_running(&self) -> usize {
        self.log.n_running.load(Ordering::SeqCst)
    }

    /// Streams that were dropped before their script was over: the model was stopped.
    #[must_use]
    pub fn n_dropped(&self) -> usize {
        self.log.n_dropped.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedModel").field("info", &self.info).finish_non_exhaustive()
    }
}

#[async_trait]
impl ChatModel for ScriptedModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        ctx.check()?;
        let steps = (self.script)(&request);
        self.log.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let running = Running::begin(&self.log, ctx.clone(), steps);
        Ok(stream::unfold(running, Running::next).boxed())
    }
}

/// One answer; its drop tells the log whether it got to its end.
struct Running {
    log: Arc<Log>,
    ctx: Context,
    steps: std::vec::IntoIter<Step>,
    over: bool,
}

impl Running {
    fn begin(log: &Arc<Log>, ctx: Context, steps: Vec<Step>) -> Self {
        log.n_running.fetch_add(1, Ordering::SeqCst);
        Self { log: Arc::clone(log), ctx, steps: steps.into_iter(), over: false }
    }

    async fn next(mut self) -> Option<(Result<ModelEvent>, Self)> {
        while !self.over {
            let Some(step) = self.steps.next() else {
                self.over = true;
                break;
            };
            if let Some(event) = self.take(step).await {
                self.over = matches!(event, Err(_) | Ok(ModelEvent::Finish(_)));
                return Some((event, self));
            }
        }
        None
    }

    async fn take(&self, step: Step) -> Option<Result<ModelEvent>> {
        if let Err(error) = self.ctx.check() {
            return Some(Err(error));
        }
        match step {
            Step::Text(text) => Some(Ok(ModelEvent::Text(text))),
            Step::Thinking(text) => Some(Ok(ModelEvent::Thinking(text))),
            Step::Call(call) => Some(Ok(ModelEvent::ToolCall(call))),
            Step::Usage(usage) => Some(Ok(ModelEvent::Usage(usage))),
            Step::Finish(reason) => Some(Ok(ModelEvent::Finish(reason))),
            Step::Fail(kind) => Some(Err(Error::new(kind, "The script says so."))),
            Step::Wait(time) => self.pass(Some(time)).await.err().map(Err),
            Step::Hang => self.pass(None).await.err().map(Err),
        }
    }

    async fn pass(&self, time: Option<Duration>) -> Result<()> {
        let pass = async {
            match time {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
            Ok(())
        };
        self.ctx.run(pass).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.log.n_running.fetch_sub(1, Ordering::SeqCst);
        if !self.over {
            self.log.n_dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}
