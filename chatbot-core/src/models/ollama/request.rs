//! What is sent.

use serde_json::{Map, Value, json};

use crate::traits::{ChatRequest, ToolRound};
use crate::types::MessageRole;

pub(super) fn body(model: &str, request: &ChatRequest, window: Option<usize>) -> Value {
    let system = request.system.iter().map(|text| json!({"role": "system", "content": text}));
    let messages = request.messages.iter().map(|message| {
        let role = match message.role {
            MessageRole::User => "user",
            MessageRole::Assistant => "assistant",
        };
        json!({"role": role, "content": message.content})
    });
    let rounds = request.tool_rounds.iter().flat_map(round);
    // The format takes results without the tools that they came from.
    let offered = if request.tools_closed { &[] } else { request.tools.as_slice() };
    let mut body = json!({
        "model": model,
        "messages": system.chain(messages).chain(rounds).collect::<Vec<_>>(),
        "stream": true,
    });
    let tools = offered.iter().map(|tool| {
        json!({"type": "function", "function": {
            "name": tool.name, "description": tool.description, "parameters": tool.parameters,
        }})
    });
    let tools: Vec<Value> = tools.collect();
    let options = given([
        ("temperature", request.temperature.map(|value| json!(value))),
        ("num_predict", request.max_output_tokens.map(|value| json!(value))),
        // Without it the server cuts prompts at its own default.
        ("num_ctx", window.map(|value| json!(value))),
    ]);
    let fields = given([
        ("options", (!options.is_empty()).then(|| json!(options))),
        ("tools", (!tools.is_empty()).then(|| json!(tools))),
        ("format", request.answer_schema.clone()),
    ]);
    if let Some(body) = body.as_object_mut() {
        body.extend(fields);
    }
    body
}

/// What the model asked for, and one message for each result.
fn round(round: &ToolRound) -> impl Iterator<Item = Value> {
    let calls = round
        .calls
        .iter()
        .map(|call| json!({"function": {"name": call.name, "arguments": call.object()}}));
    let calls: Vec<Value> = calls.collect();
    let asked = json!({"role": "assistant", "content": round.text, "tool_calls": calls});
    let results = round.answered().map(
        |(call, result)| json!({"role": "tool", "tool_name": call.name, "content": result.content}),
    );
    std::iter::once(asked).chain(results)
}

fn given<const N: usize>(fields: [(&'static str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
