//! What is sent.

use serde::Serialize;
use serde_json::{Value, json};

use crate::traits::ChatRequest;
use crate::types::MessageRole;

#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<Turn<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// The body of a request. OpenAI itself has renamed the limit of an answer; other servers only know the old name.
pub(super) fn body<'a>(model: &'a str, request: &'a ChatRequest, is_openai: bool) -> Body<'a> {
    let system = request.system.iter().map(|content| Turn { role: "system", content });
    let messages = request.messages.iter().map(|message| Turn {
        role: match message.role {
            MessageRole::User => "user",
            MessageRole::Assistant => "assistant",
        },
        content: &message.content,
    });
    let tools = request.tools.iter().map(|tool| {
        json!({"type": "function", "function": {
            "name": tool.name, "description": tool.description, "parameters": tool.parameters,
        }})
    });
    let format = request.answer_schema.as_ref().map(|schema| {
        json!({"type": "json_schema", "json_schema": {
            "name": "answer", "schema": schema, "strict": true,
        }})
    });
    let limit = request.max_output_tokens;
    Body {
        model,
        messages: system.chain(messages).collect(),
        stream: true,
        stream_options: StreamOptions { include_usage: true },
        temperature: request.temperature,
        max_tokens: limit.filter(|_| !is_openai),
        max_completion_tokens: limit.filter(|_| is_openai),
        tools: tools.collect(),
        response_format: format,
    }
}
