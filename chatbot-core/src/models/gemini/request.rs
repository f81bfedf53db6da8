//! What is sent.

use serde_json::{Map, Value, json};

use crate::traits::ChatRequest;
use crate::types::MessageRole;

pub(super) fn body(request: &ChatRequest) -> Value {
    let contents = request.messages.iter().map(|message| {
        let role = match message.role {
            MessageRole::User => "user",
            MessageRole::Assistant => "model",
        };
        json!({"role": role, "parts": [{"text": message.content}]})
    });
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
    let fields = [
        ("systemInstruction", system),
        ("generationConfig", (!generation.is_empty()).then(|| json!(generation))),
        ("tools", (!tools.is_empty()).then(|| json!([{"functionDeclarations": tools}]))),
    ];
    if let Some(body) = body.as_object_mut() {
        body.extend(given(fields));
    }
    body
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
