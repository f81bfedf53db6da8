//! What is sent.

use serde_json::{Map, Value, json};

use crate::traits::{ChatRequest, ToolRound};
use crate::types::MessageRole;

pub(super) fn body(request: &ChatRequest) -> Value {
    let contents = request.messages.iter().map(|message| {
        let role = match message.role {
            MessageRole::User => "user",
            MessageRole::Assistant => "model",
        };
        json!({"role": role, "parts": [{"text": message.content}]})
    });
    let contents = contents.chain(request.tool_rounds.iter().flat_map(round));
    let mut body = json!({"contents": contents.collect::<Vec<_>>()});
    let system = request.system.as_ref().map(|text| json!({"parts": [{"text": text}]}));
    let tools = request.tools.iter().map(|tool| {
        json!({
            "name": tool.name,
            "description": tool.description,
            "parametersJsonSchema": tool.parameters,
        })
    });
    let tools: Vec<Value> = tools.collect();
    let generation = generation(request);
    let closed = (request.tools_closed && !tools.is_empty())
        .then(|| json!({"functionCallingConfig": {"mode": "NONE"}}));
    let fields = [
        ("systemInstruction", system),
        ("generationConfig", (!generation.is_empty()).then(|| json!(generation))),
        ("tools", (!tools.is_empty()).then(|| json!([{"functionDeclarations": tools}]))),
        ("toolConfig", closed),
    ];
    if let Some(body) = body.as_object_mut() {
        body.extend(given(fields));
    }
    body
}

/// What the model asked for, and all of the results in one message. The format knows which is whose by their order.
fn round(round: &ToolRound) -> [Value; 2] {
    let text = (!round.text.is_empty()).then(|| json!({"text": round.text}));
    let calls = round.calls.iter().map(|call| {
        let mut part = json!({"functionCall": {"name": call.name, "args": call.object()}});
        if let (Some(part), Some(signature)) = (part.as_object_mut(), &call.signature) {
            part.insert("thoughtSignature".to_owned(), json!(signature));
        }
        part
    });
    let results = round.answered().map(|(call, result)| {
        let response = match result.is_error {
            true => json!({"error": result.content}),
            false => json!({"result": result.content}),
        };
        json!({"functionResponse": {"name": call.name, "response": response}})
    });
    [
        json!({"role": "model", "parts": text.into_iter().chain(calls).collect::<Vec<_>>()}),
        json!({"role": "user", "parts": results.collect::<Vec<_>>()}),
    ]
}

fn generation(request: &ChatRequest) -> Map<String, Value> {
    let schema = request.answer_schema.as_ref();
    let fields = [
        ("temperature", request.temperature.map(|value| json!(value))),
        ("maxOutputTokens", request.max_output_tokens.map(|value| json!(value))),
        ("responseMimeType", schema.map(|_| json!("application/json"))),
        ("responseJsonSchema", schema.cloned()),
    ];
    given(fields).collect()
}

fn given<const N: usize>(
    fields: [(&'static str, Option<Value>); N],
) -> impl Iterator<Item = (String, Value)> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))
}
