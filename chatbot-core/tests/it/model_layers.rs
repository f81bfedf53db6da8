//! The layers around a model: each alone, and the order in which they stand.

mod order;
mod patience;
mod room;
mod usage;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chatbot_core::testing::{ScriptedModel, Step};
use chatbot_core::traits::{
    ChatModel, ChatRequest, ModelEvent, ModelInfo, ModelMessage, ModelStream, UsageRecord,
    UsageSink,
};
use chatbot_core::types::{FinishReason, MessageRole};
use chatbot_core::{Context, Error, ErrorKind, Result};
use futures_util::StreamExt as _;

fn request() -> ChatRequest {
    let content = "Where is the Seine?".to_owned();
    let message = ModelMessage { role: MessageRole::User, content };
    ChatRequest { messages: vec![message], ..ChatRequest::default() }
}

fn info(name: &str) -> ModelInfo {
    ModelInfo {
        name: name.to_owned(),
        context_window: None,
        max_output_tokens: None,
        quotes_only: false,
        usd_per_million: Some((1.0, 10.0)),
    }
}

/// What comes of a call.
type Outcome = Result<Vec<Step>, fn() -> Error>;

/// A model that fails or answers as its script says, call by call; the last part of the script stays.
#[derive(Debug)]
struct Fickle {
    info: ModelInfo,
    outcomes: Vec<Outcome>,
    n_calls: AtomicUsize,
}

impl Fickle {
    fn new(name: &str, outcomes: Vec<Outcome>) -> Arc<Self> {
        Arc::new(Self { info: info(name), outcomes, n_calls: AtomicUsize::new(0) })
    }

    fn failing(name: &str, error: fn() -> Error) -> Arc<Self> {
        Self::new(name, vec![Err(error)])
    }

    fn n_calls(&self) -> usize {
        self.n_calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ChatModel for Fickle {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        let n = self.n_calls.fetch_add(1, Ordering::SeqCst).min(self.outcomes.len() - 1);
        match &self.outcomes[n] {
            Ok(steps) => ScriptedModel::new(steps.clone()).stream(ctx, request).await,
            Err(error) => Err(error()),
        }
    }
}

fn overloaded() -> Error {
    Error::new(ErrorKind::Unavailable, "The script says so.")
}

fn answer(text: &str) -> Vec<Step> {
    vec![Step::Text(text.to_owned()), Step::Finish(FinishReason::Stop)]
}

/// What comes, up to and with the first error.
async fn outcome(model: &dyn ChatModel, ctx: &Context) -> Vec<Result<ModelEvent, ErrorKind>> {
    match model.stream(ctx, request()).await {
        Ok(stream) => {
            stream.map(|event| event.map_err(|error| error.kind())).collect::<Vec<_>>().await
        }
        Err(error) => vec![Err(error.kind())],
    }
}

async fn text(model: &dyn ChatModel) -> Result<String> {
    Ok(model.complete(&Context::local(), request()).await?.text)
}

async fn failure(model: &dyn ChatModel) -> Error {
    text(model).await.expect_err("the call must fail")
}

/// Remembers what it is told.
#[derive(Debug, Default)]
struct Ledger(Mutex<Vec<UsageRecord>>);

impl Ledger {
    fn records(&self) -> Vec<UsageRecord> {
        self.0.lock().unwrap().clone()
    }
}

impl UsageSink for Ledger {
    fn record(&self, record: UsageRecord) {
        self.0.lock().unwrap().push(record);
    }
}

const SECOND: Duration = Duration::from_secs(1);
