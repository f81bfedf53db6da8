//! What a model's provider can do to us, one test for each fault of the list in the design, by its number. The provider is
//! a scripted server that says exactly what it is told to, byte by byte; the model stands in all of its layers.
//!
//! What holds after each: the call ends with an answer or with an error that says whether to come again; the room that it
//! took is free; the provider was asked no more often than the budget for retries allows; what was used is recorded once.

mod connections;
mod lies;
mod overload;
mod refusals;
mod streams;
mod tools;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chatbot_core::layers::{
    BreakerPolicy, BulkheadLimits, Meters, ProviderShare, RetryPolicy, StackOptions, TimeLimits,
    stack,
};
use chatbot_core::models::{OpenAiModel, ProviderConfig};
use chatbot_core::testing::scripted_server::{Act, ScriptedServer, event_stream, reply};
use chatbot_core::traits::{
    ChatModel, ChatReply, ChatRequest, ModelEvent, ModelMessage, UsageRecord, UsageSink,
};
use chatbot_core::types::{MessageRole, Secret};
use chatbot_core::{Context, Error, ErrorKind, Result};
use futures_util::{StreamExt as _, stream};

fn request() -> ChatRequest {
    let content = "Where is the Seine?".to_owned();
    let message = ModelMessage { role: MessageRole::User, content };
    ChatRequest { messages: vec![message], ..ChatRequest::default() }
}

fn delta(text: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}"#)
}

const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#;

/// A whole answer.
fn answer(text: &str) -> Vec<Act> {
    event_stream(&[&delta(text), STOP, USAGE, "[DONE]"])
}

fn status(status: &str, headers: &[(&str, &str)], body: &str) -> Vec<Act> {
    vec![Act::Send(reply(status, headers, body))]
}

#[derive(Debug, Default)]
struct Ledger(Mutex<Vec<UsageRecord>>);

impl UsageSink for Ledger {
    fn record(&self, record: UsageRecord) {
        self.0.lock().unwrap().push(record);
    }
}

/// A provider, and a model in its layers that asks it.
struct Rig {
    server: ScriptedServer,
    model: Arc<dyn ChatModel>,
    share: ProviderShare,
    ledger: Arc<Ledger>,
}

const N_ROOMS: usize = 4;

fn model_at(address: &str) -> OpenAiModel {
    OpenAiModel::new(ProviderConfig {
        name: "openai:test".to_owned(),
        base_url: format!("{address}/v1"),
        model: "test".to_owned(),
        api_key: Some(Secret::new("sk-hidden")),
    })
    .expect("a valid configuration")
}

/// Limits that end in a moment where the provider says nothing, and never where it does.
fn options() -> StackOptions {
    let first_pause = Duration::from_millis(1);
    StackOptions {
        time: TimeLimits { total: Some(Duration::from_secs(60)), ..TimeLimits::default() },
        retry: RetryPolicy { first_pause, ..RetryPolicy::default() },
        breaker: BreakerPolicy { open_for: Duration::from_millis(20), ..BreakerPolicy::default() },
        ..StackOptions::default()
    }
}

fn layered(
    model: OpenAiModel,
    options: StackOptions,
) -> (Arc<dyn ChatModel>, ProviderShare, Arc<Ledger>) {
    let share = ProviderShare::new(BulkheadLimits {
        max_at_once: N_ROOMS,
        max_waiting: 2,
        max_wait: Duration::from_secs(60),
    });
    let ledger = Arc::new(Ledger::default());
    let counter = Arc::new(chatbot_core::history::EstimatedTokens);
    let meters = Meters { counter, sink: ledger.clone() };
    (stack(Arc::new(model), options, &share, &meters), share, ledger)
}

impl Rig {
    async fn new(scripts: Vec<Vec<Act>>) -> Self {
        Self::with(scripts, options()).await
    }

    async fn with(scripts: Vec<Vec<Act>>, options: StackOptions) -> Self {
        let server = ScriptedServer::start(scripts).await.expect("a port");
        let (model, share, ledger) = layered(model_at(&server.url()), options);
        Self { server, model, share, ledger }
    }

    async fn ask(&self) -> Result<ChatReply> {
        let reply = self.model.complete(&Context::local(), request()).await;
        self.check();
        if let Err(error) = &reply {
            is_fit_to_be_seen(error);
        }
        reply
    }

    async fn failure(&self) -> Error {
        self.ask().await.expect_err("the call must fail")
    }

    /// What came before the error, and the error.
    async fn broken(&self) -> (Vec<ModelEvent>, Error) {
        let stream = self.model.stream(&Context::local(), request()).await;
        let mut stream = stream.unwrap_or_else(|error| stream::iter([Err(error)]).boxed());
        let mut events = Vec::new();
        while let Some(event) = stream.next().await {
            match event {
                Ok(event) => events.push(event),
                Err(error) => {
                    self.check();
                    is_fit_to_be_seen(&error);
                    return (events, error);
                }
            }
        }
        panic!("the answer must fail after {events:?}")
    }

    /// What holds after every call.
    fn check(&self) {
        assert_eq!(self.share.bulkhead.n_free(), N_ROOMS, "all room is free again");
        let records = self.ledger.0.lock().unwrap();
        assert!(!records.is_empty(), "what was used is recorded");
    }

    fn n_requests(&self) -> usize {
        self.server.received().len()
    }

    /// The only record.
    fn record(&self) -> UsageRecord {
        let records = self.ledger.0.lock().unwrap();
        let [record] = records.as_slice() else { panic!("not exactly one record: {records:?}") };
        record.clone()
    }
}

/// The words that stand for what a provider may repeat of a prompt.
const SECRET: &str = "the secret prompt";

/// No secret, no prompt, no address: neither for people nor in the log.
fn is_fit_to_be_seen(error: &Error) {
    let shown = format!("{error} {error:?}");
    for hidden in [SECRET, "sk-hidden", "<html", "/v1/chat"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert!(!error.message().is_empty());
}

fn texts(events: &[ModelEvent]) -> String {
    let texts = events.iter().filter_map(|event| match event {
        ModelEvent::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}
