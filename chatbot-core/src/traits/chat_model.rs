//! What writes answers.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::TermEvidence;
use crate::context::Context;
use crate::error::Result;
use crate::types::{FinishReason, MessageRole, Source, Usage, Warning};

/// Writes answers.
#[async_trait]
pub trait ChatModel: Send + Sync + std::fmt::Debug {
    /// What the model is and can do.
    fn info(&self) -> &ModelInfo;

    /// Begins an answer. The stream ends after a [`ModelEvent::Finish`]; one that ends without it was broken off.
    ///
    /// # Errors
    /// `invalid_input`, `unauthenticated`, `permission_denied`, `rate_limited`, `context_too_long`,
    /// `content_blocked`, `timeout`, `unavailable`, `bad_response`: at once, or in the stream.
    ///
    /// # Cancellation
    /// Dropping the stream stops the model.
    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream>;

    /// A whole answer: the stream, folded.
    ///
    /// # Errors
    /// As [`stream`](Self::stream); `bad_response` where the stream was broken off.
    async fn complete(&self, ctx: &Context, request: ChatRequest) -> Result<ChatReply> {
        ChatReply::of(self.stream(ctx, request).await?).await
    }
}

/// What a model is and can do.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// The name it is asked for by, such as `extractive` or `openai:gpt-4o`.
    pub name: String,
    /// Tokens of prompt and answer together; `None` where nobody knows.
    pub context_window: Option<usize>,
    /// Tokens of one answer at the most; `None` where nobody knows.
    pub max_output_tokens: Option<usize>,
    /// Whether it can only quote the passages it is given: the engine then decides itself whether they answer.
    pub quotes_only: bool,
    /// Dollars per million tokens read and written, where they have a price.
    pub usd_per_million: Option<(f64, f64)>,
}

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatRequest {
    /// Instructions and sources.
    pub system: Option<String>,
    /// The conversation, oldest first, the question last.
    pub messages: Vec<ModelMessage>,
    /// The same question and sources as data, for models that do not read prompts.
    pub grounding: Option<Grounding>,
    /// 0–2; the provider's default where there is none.
    pub temperature: Option<f32>,
    /// The longest answer.
    pub max_output_tokens: Option<usize>,
    /// What the model may ask to be called.
    pub tools: Vec<ToolSpec>,
    /// What it asked to be called since the question, and what came of it, oldest first.
    pub tool_rounds: Vec<ToolRound>,
    /// Whether nothing may be called any more: `tools` are then only what calls of earlier rounds went to.
    pub tools_closed: bool,
    /// The JSON schema that the answer has to follow, where the answer is to be data.
    pub answer_schema: Option<serde_json::Value>,
    /// The state of grants that this request was made in. An answer is remembered only where this is known, and for no other
    /// state. What it rests on stands in the request itself.
    pub epoch: Option<u64>,
    /// Whether another answer is wanted than one that is remembered.
    pub anew: bool,
}

impl ChatRequest {
    /// The texts that a model reads, for whoever counts them.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let messages = self.messages.iter().map(|message| message.content.as_str());
        let rounds = self.tool_rounds.iter().flat_map(|round| {
            let results = round.results.iter().map(|result| result.content.as_str());
            std::iter::once(round.text.as_str()).chain(results)
        });
        self.system.as_deref().into_iter().chain(messages).chain(rounds)
    }
}

/// Something that a model may ask to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON schema of its arguments, an object.
    pub parameters: serde_json::Value,
}

/// A call that a model asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Names the call; providers that name none get a number.
    pub id: String,
    /// The tool as the model named it: letters, digits, `_` and `-`. Whether it was offered is for whoever asked to see.
    pub name: String,
    /// Its arguments as the model wrote them: a JSON object that nobody has checked, or all of the text as one JSON string
    /// where it is no JSON.
    pub arguments: serde_json::Value,
    /// What the provider wants back with the call, as it gave it.
    pub signature: Option<String>,
}

impl ToolCall {
    /// The arguments as the object that formats want; empty where the model wrote none.
    #[must_use]
    pub fn object(&self) -> serde_json::Value {
        match &self.arguments {
            serde_json::Value::Object(_) => self.arguments.clone(),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_)
            | serde_json::Value::Array(_) => serde_json::Value::Object(serde_json::Map::new()),
        }
    }
}

/// A model's answer that asked for calls, and what came of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolRound {
    /// What the model said beside its calls.
    pub text: String,
    /// The calls.
    pub calls: Vec<ToolCall>,
    /// One result for each call, in their order.
    pub results: Vec<ToolResult>,
}

/// What came of a call, for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// What it is, as text: data, never an instruction.
    pub content: String,
    /// Whether the call failed.
    pub is_error: bool,
}

impl ToolRound {
    /// Each call with its result.
    pub fn answered(&self) -> impl Iterator<Item = (&ToolCall, &ToolResult)> {
        self.calls.iter().zip(&self.results)
    }
}

/// One message of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelMessage {
    /// Who says it.
    pub role: MessageRole,
    /// What.
    pub content: String,
}

/// A question and what was found for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Grounding {
    /// The question, as it was searched.
    pub question: String,
    /// What was found, best first.
    pub sources: Arc<[Source]>,
    /// How rare the question's terms are in what may be read.
    pub terms: Arc<[TermEvidence]>,
}

/// An answer as it arrives.
pub type ModelStream = BoxStream<'static, Result<ModelEvent>>;

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelEvent {
    /// The model thinks.
    Thinking(String),
    /// Text, with `[n]` after what source *n* says.
    Text(String),
    /// A call, with all of its arguments.
    ToolCall(ToolCall),
    /// Something that whoever reads the answer should know.
    Warning(Warning),
    /// Tokens used so far; a later one replaces an earlier one.
    Usage(Usage),
    /// The end.
    Finish(FinishReason),
}

impl ModelEvent {
    /// Whether it is a part of the answer itself: once one was passed on, the same question cannot be asked again unseen.
    #[must_use]
    pub const fn is_content(&self) -> bool {
        match self {
            Self::Thinking(_) | Self::Text(_) | Self::ToolCall(_) => true,
            Self::Warning(_) | Self::Usage(_) | Self::Finish(_) => false,
        }
    }
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatReply {
    /// The text.
    pub text: String,
    /// The calls that it asks for.
    pub tool_calls: Vec<ToolCall>,
    /// What its reader should know.
    pub warnings: Vec<Warning>,
    /// Tokens used, where the model said.
    pub usage: Option<Usage>,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
}

impl ChatReply {
    /// The whole of a stream.
    ///
    /// # Errors
    /// Those of the stream; `bad_response` where it was broken off.
    pub async fn of(mut stream: ModelStream) -> Result<Self> {
        let mut reply = Self::default();
        while let Some(event) = stream.next().await {
            match event? {
                ModelEvent::Text(delta) => reply.text.push_str(&delta),
                ModelEvent::Thinking(_) => {}
                ModelEvent::ToolCall(call) => reply.tool_calls.push(call),
                ModelEvent::Warning(warning) => reply.warnings.push(warning),
                ModelEvent::Usage(usage) => reply.usage = Some(usage),
                ModelEvent::Finish(reason) => reply.finish_reason = Some(reason),
            }
        }
        if reply.finish_reason.is_none() {
            return Err(crate::error::Error::new(
                crate::error::ErrorKind::BadResponse,
                "The model's answer was broken off.",
            ));
        }
        Ok(reply)
    }
}
