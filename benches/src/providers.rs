//! Providers that answer with bytes of strangers, and what our clients of them promise whatever these are.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use chatbot_core::Context;
use chatbot_core::models::{AnthropicModel, GeminiModel, OllamaModel, OpenAiModel, ProviderConfig};
use chatbot_core::traits::{
    ChatModel, ChatRequest, ModelEvent, ModelMessage, ModelStream, ToolCall, ToolSpec,
};
use chatbot_core::types::MessageRole;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::Result;

/// The tool that every request offers.
const TOOL: &str = "weather";

/// Whose answers they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `OpenAI` and whoever speaks like it.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Gemini.
    Gemini,
    /// Ollama.
    Ollama,
}

impl Api {
    /// Every one, by the name of the target that reads its answers.
    pub const ALL: [(&str, Self); 4] = [
        ("stream", Self::OpenAi),
        ("stream-anthropic", Self::Anthropic),
        ("stream-gemini", Self::Gemini),
        ("stream-ollama", Self::Ollama),
    ];

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, api)| *api)
    }

    /// Answers as it gives them, for inputs to be made of.
    #[must_use]
    pub const fn answers(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi => OPENAI,
            Self::Anthropic => ANTHROPIC,
            Self::Gemini => GEMINI,
            Self::Ollama => OLLAMA,
        }
    }

    /// What such an answer is sent as. A whole one is a single piece of JSON.
    fn media_type(self, answer: &[u8]) -> &'static str {
        match self {
            Self::Ollama => "application/x-ndjson",
            _ if answer.first() == Some(&b'{') => "application/json",
            Self::OpenAi | Self::Anthropic | Self::Gemini => "text/event-stream",
        }
    }

    fn model(self, base_url: String) -> chatbot_core::Result<Box<dyn ChatModel>> {
        let word = || "fuzz".to_owned();
        let config = ProviderConfig { name: word(), base_url, model: word(), api_key: None };
        Ok(match self {
            Self::OpenAi => Box::new(OpenAiModel::new(config)?),
            Self::Anthropic => Box::new(AnthropicModel::new(config)?),
            Self::Gemini => Box::new(GeminiModel::new(config)?),
            Self::Ollama => Box::new(OllamaModel::new(config)?),
        })
    }
}

/// A provider in this process that answers with whatever it was told, and the client of it.
#[derive(Debug)]
pub struct Provider {
    runtime: Runtime,
    says: Arc<Mutex<Answer>>,
    api: Api,
    model: Box<dyn ChatModel>,
}

#[derive(Debug, Clone, Default)]
struct Answer {
    kind: &'static str,
    bytes: Vec<u8>,
}

impl Provider {
    /// Starts one.
    ///
    /// # Errors
    /// Where no port is free.
    pub fn start(api: Api) -> Result<Self> {
        let runtime = Runtime::new()?;
        let says: Arc<Mutex<Answer>> = Arc::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&says));
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let base_url = format!("http://{}/v1", listener.local_addr()?);
        runtime.spawn(async move { axum::serve(listener, app).await });
        let model = runtime.block_on(async { api.model(base_url) })?;
        Ok(Self { runtime, says, api, model })
    }

    /// What is wrong with what the client makes of this answer.
    #[must_use]
    pub fn wrong_answer(&self, bytes: &[u8]) -> Option<String> {
        let answer = Answer { kind: self.api.media_type(bytes), bytes: bytes.to_vec() };
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = answer;
        let question = ModelMessage { role: MessageRole::User, content: "?".to_owned() };
        let parameters = json!({"type": "object", "required": ["town"]});
        let tool = ToolSpec { name: TOOL.to_owned(), description: String::new(), parameters };
        let request =
            ChatRequest { messages: vec![question], tools: vec![tool], ..ChatRequest::default() };
        self.runtime.block_on(async {
            wrong_events(self.model.stream(&Context::local(), request).await.ok()?).await
        })
    }

    /// What is wrong with what the client makes of a call with these arguments, cut in two.
    #[must_use]
    pub fn wrong_call(&self, arguments: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(arguments);
        let (first, second) = text.split_at(text.floor_char_boundary(text.len() / 2));
        let piece = |call: Value, reason: Option<&str>| {
            let choice =
                json!({"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": reason});
            format!("data: {}\n\n", json!({"choices": [choice]}))
        };
        let named = json!({"index": 0, "id": "c", "function": {"name": TOOL, "arguments": first}});
        let rest = json!({"index": 0, "function": {"arguments": second}});
        let answer = piece(named, None) + &piece(rest, Some("tool_calls")) + "data: [DONE]\n\n";
        self.wrong_answer(answer.as_bytes())
    }
}

/// An answer ends, with what it was or with an error, and nothing comes after its end; calls can be told to
/// the provider again.
async fn wrong_events(mut stream: ModelStream) -> Option<String> {
    let mut is_over = false;
    while let Some(event) = stream.next().await {
        if is_over {
            return Some("something came after the end of an answer".to_owned());
        }
        is_over = matches!(event, Err(_) | Ok(ModelEvent::Finish(_)));
        if let Ok(ModelEvent::ToolCall(call)) = event
            && !can_be_repeated(&call)
        {
            return Some("a call cannot be told to the provider again".to_owned());
        }
    }
    None
}

/// Which tool is called, and with what, is the engine's to judge; both go back to the provider with what came of it.
fn can_be_repeated(call: &ToolCall) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&call.name.len()) && call.name.bytes().all(is_fit) && !call.id.is_empty()
}

async fn answer(State(says): State<Arc<Mutex<Answer>>>) -> impl IntoResponse {
    let answer = says.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ([(CONTENT_TYPE, answer.kind)], answer.bytes)
}

/// Arguments of calls, for inputs to be made of.
pub const ARGUMENTS: &[&str] = &[
    r#"{"town":"Paris","days":3,"units":{"temperature":"C"},"hours":[6,12,18.5e0],"exact":true,"note":null}"#,
    r#"{"town":"S\u00e3o \"Paulo\" \ud83c\udf0d"}"#,
    r#"{"days":1}"#,
    "",
    "[]",
];

const OPENAI: &[&str] = &[
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"One \"}}]}\n\n\
     data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"two [1].\"},\"finish_reason\":\"stop\"}]}\n\n\
     data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
    ": comment\r\nevent: message\r\nid: 7\r\nretry: 10\r\ndata: {\"choices\":[{\"delta\":{\"reasoning_content\":\"h\\u00e9\"}}]}\r\n\r\n",
    "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":503}}\n\n",
    "{\"choices\":[{\"message\":{\"content\":\"whole\"},\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":1}}",
    "\u{feff}data\ndata:\ndata: \n\nevent: error\ndata: {\"a\":[[[[]]]]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"weather\",\"arguments\":\"{\\\"to\"}}]}}]}\n\n\
     data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"wn\\\":\\\"Rome\\\"}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n",
];

const ANTHROPIC: &[&str] = &[
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"role\":\"assistant\",\"content\":[],\"usage\":{\"input_tokens\":9,\"cache_read_input_tokens\":2,\"output_tokens\":1}}}\n\n\
     event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n\
     event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n\
     event: ping\ndata: {\"type\":\"ping\"}\n\n\
     event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"One [1].\"}}\n\n\
     event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n\
     event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\n\
     event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"weather\",\"input\":{}}}\n\n\
     event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"town\\\":\"}}\n\n\
     event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\\\"Rome\\\"}\"}}\n\n\
     event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":9}}\n\n\
     event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
    "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no\"}}",
];

const GEMINI: &[&str] = &[
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":true},{\"text\":\"One \"}],\"role\":\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":7}}\r\n\r\n\
     data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"two [1].\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":3,\"thoughtsTokenCount\":1}}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"id\":\"f\",\"name\":\"weather\",\"args\":{\"town\":\"Rome\",\"days\":[1,2]}}}]},\"finishReason\":\"STOP\"}]}\n\n",
    "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n",
    "data: {\"error\":{\"code\":503,\"message\":\"The model is overloaded.\",\"status\":\"UNAVAILABLE\"}}\n\n",
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"whole\"}]},\"finishReason\":\"MAX_TOKENS\"}]}",
];

const OLLAMA: &[&str] = &[
    "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"One \"},\"done\":false}\n\
     {\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"thinking\":\"hm\",\"content\":\"\"},\"done\":false}\n\
     {\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"two [1].\"},\"done\":false}\n\
     {\"model\":\"m\",\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":7,\"eval_count\":3}\n",
    "{\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"weather\",\"arguments\":{\"town\":\"Rome\"}}}]},\"done\":false}\r\n\
     {\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\r\n",
    "{\"error\":\"the model crashed\"}\n",
];
