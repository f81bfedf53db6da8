//! What is sent.

use serde::Serialize;
use serde_json::{Value, json};

use crate::traits::{ChatRequest, ToolRound};
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
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

impl<'a> Turn<'a> {
    const fn new(role: &'static str, content: &'a str) -> Self {
        Self { role, content: Some(content), tool_calls: Vec::new(), tool_call_id: None }
    }
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// The body of a request. OpenAI itself has renamed the limit of an answer; other servers only know the old name.
pub(super) fn body<'a>(model: &'a str, request: &'a ChatRequest, is_openai: bool) -> Body<'a> {
    let system = request.system.iter().map(|content| Turn::new("system", content));
    let messages = request.messages.iter().map(|message| {
        let role = match message.role {
            MessageRole::User => "user",
            MessageRole::Assistant => "assistant",
        };
        Turn::new(role, &message.content)
    });
    let rounds = request.tool_rounds.iter().flat_map(round);
    // The format takes results without the tools that they came from.
    let offered = if request.tools_closed { &[] } else { request.tools.as_slice() };
    let tools = offered.iter().map(|tool| {
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
        messages: system.chain(messages).chain(rounds).collect(),
        stream: true,
        stream_options: StreamOptions { include_usage: true },
        temperature: request.temperature,
        max_tokens: limit.filter(|_| !is_openai),
        max_completion_tokens: limit.filter(|_| is_openai),
        tools: tools.collect(),
        response_format: format,
    }
}

/// What the model asked for, and one message for each result.
fn round(round: &ToolRound) -> impl Iterator<Item = Turn<'_>> {
    let calls = round.calls.iter().map(|call| {
        let arguments = call.object().to_string();
        let function = json!({"name": call.name, "arguments": arguments});
        json!({"id": call.id, "type": "function", "function": function})
    });
    let asked = Turn {
        content: Some(round.text.as_str()).filter(|text| !text.is_empty()),
        tool_calls: calls.collect(),
        ..Turn::new("assistant", "")
    };
    let results = round.answered().map(|(call, result)| Turn {
        tool_call_id: Some(&call.id),
        ..Turn::new("tool", &result.content)
    });
    std::iter::once(asked).chain(results)
}
