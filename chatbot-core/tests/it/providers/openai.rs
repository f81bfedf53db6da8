//! OpenAI's chat completions: tools and data. What is the same for all of its answers is in `models.rs`.

use chatbot_core::models::OpenAiModel;

use super::*;

fn make(server: &ScriptedServer) -> Box<dyn ChatModel> {
    Box::new(OpenAiModel::new(config(server, "/v1")).expect("valid"))
}

const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

#[tokio::test]
async fn tools_and_schemas_are_offered() {
    let script = event_stream(&[STOP, "[DONE]"]);
    let (body, _) = exchange(make, script.clone(), with_tool()).await;
    let function =
        json!({"name": "look_up", "description": "Looks a river up.", "parameters": parameters()});
    assert_eq!(body["tools"], json!([{"type": "function", "function": function}]));
    let (body, _) = exchange(make, script, with_schema()).await;
    let schema = json!({"name": "answer", "schema": parameters(), "strict": true});
    assert_eq!(body["response_format"], json!({"type": "json_schema", "json_schema": schema}));
}

#[tokio::test]
async fn calls_come_in_pieces_and_several_at_once() {
    let script = event_stream(&[
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"look_up","arguments":"{\"river\""}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"look_up","arguments":"{\"river\":\"Seine\"}"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":\"Seine\"}"}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
        "[DONE]",
    ]);
    let expected = [
        ModelEvent::ToolCall(called("a")),
        ModelEvent::ToolCall(called("b")),
        ModelEvent::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(events(make, script).await, expected);
}

#[tokio::test]
async fn an_unknown_reason_is_kept() {
    let odd = r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"tired"}]}"#;
    let reason = finish(make, event_stream(&[odd, "[DONE]"])).await;
    assert_eq!(reason, FinishReason::Other("tired".to_owned()));
}

#[tokio::test]
async fn calls_and_results_go_back() {
    let script = event_stream(&[STOP, "[DONE]"]);
    let (body, _) = exchange(make, script.clone(), with_round(false)).await;
    let call = |id: &str, arguments: &str| {
        let function = json!({"name": "look_up", "arguments": arguments});
        json!({"id": id, "type": "function", "function": function})
    };
    let expected = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where?"},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [call("a", "{\"river\":\"Seine\"}"), call("b", "{}")],
        },
        {"role": "tool", "content": "In France.", "tool_call_id": "a"},
        {"role": "tool", "content": "Not so.", "tool_call_id": "b"},
    ]);
    assert_eq!(body["messages"], expected);
    assert!(body.get("tools").is_some());
    let (body, _) = exchange(make, script, with_round(true)).await;
    assert_eq!((&body["messages"], body.get("tools")), (&expected, None));
}
