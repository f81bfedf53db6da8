//! What is sent.

use serde_json::{Value, json};

use crate::traits::{ChatRequest, ToolRound};
use crate::types::MessageRole;

/// The longest answer where nobody says; the format wants one. Every model of the provider can write this much.
const DEFAULT_MAX_TOKENS: usize = 4096;

/// The tool by which an answer is given as data: the format has followed the schemas of tools in every version and for
/// every model.
pub(super) const ANSWER_TOOL: &str = "answer_as_data";

pub(super) fn body(model: &str, request: &ChatRequest, longest: Option<usize>) -> Value {
    let messages = request.messages.iter().map(|message| {
        let role = match message.role {
            MessageRole::User => "user",
            MessageRole::Assistant => "assistant",
        };
        json!({"role": role, "content": message.content})
    });
    let mut body = json!({
        "model": model,
        "max_tokens": request.max_output_tokens.or(longest).unwrap_or(DEFAULT_MAX_TOKENS),
        "messages": messages.chain(request.tool_rounds.iter().flat_map(round)).collect::<Vec<_>>(),
        "stream": true,
    });
    let tools = request.tools.iter().map(|tool| {
        json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters})
    });
    let answer = request.answer_schema.as_ref().map(|schema| {
        json!({"name": ANSWER_TOOL, "description": "Gives the answer.", "input_schema": schema})
    });
    let tools: Vec<Value> = tools.chain(answer).collect();
    // With tools beside it the model decides itself when it answers.
    let choice = match request.answer_schema {
        Some(_) if request.tools.is_empty() || request.tools_closed => {
            Some(json!({"type": "tool", "name": ANSWER_TOOL}))
        }
        // The format wants the tools that results came from, and so has to be told that there are no more calls.
        None if request.tools_closed && !request.tools.is_empty() => Some(json!({"type": "none"})),
        Some(_) | None => None,
    };
    let fields = [
        ("system", request.system.as_ref().map(|text| json!(text))),
        ("temperature", request.temperature.map(|value| json!(value))),
        ("tools", (!tools.is_empty()).then(|| json!(tools))),
        ("tool_choice", choice),
    ];
    if let Some(body) = body.as_object_mut() {
        let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        body.extend(given);
    }
    body
}

/// What the model asked for, and all of the results in one message, as the format wants them.
fn round(round: &ToolRound) -> [Value; 2] {
    let text = (!round.text.trim().is_empty()).then(|| json!({"type": "text", "text": round.text}));
    let calls = round.calls.iter().map(|call| {
        json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.object()})
    });
    let results = round.answered().map(|(call, result)| {
        let mut block =
            json!({"type": "tool_result", "tool_use_id": call.id, "content": result.content});
        if let Some(block) = block.as_object_mut().filter(|_| result.is_error) {
            block.insert("is_error".to_owned(), json!(true));
        }
        block
    });
    [
        json!({"role": "assistant", "content": text.into_iter().chain(calls).collect::<Vec<_>>()}),
        json!({"role": "user", "content": results.collect::<Vec<_>>()}),
    ]
}
