//! A model that asks for calls that cannot be made: fault 19, as far as a model is concerned.

use chatbot_core::traits::{ToolCall, ToolSpec};
use serde_json::json;

use super::*;

fn offering() -> ChatRequest {
    let tool = ToolSpec {
        name: "look_up".to_owned(),
        description: "Looks a river up.".to_owned(),
        parameters: json!({"type": "object", "properties": {"river": {"type": "string"}}, "required": ["river"]}),
    };
    ChatRequest { tools: vec![tool], ..request() }
}

fn call(name: &str, pieces: &[&str]) -> Vec<Act> {
    let first = json!({"choices": [{"delta": {"tool_calls": [
        {"index": 0, "id": "call_7", "type": "function", "function": {"name": name, "arguments": ""}},
    ]}}]});
    let pieces = pieces.iter().map(|piece| {
        json!({"choices": [{"delta": {"tool_calls": [
            {"index": 0, "function": {"arguments": piece}},
        ]}}]})
    });
    let end = json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]});
    let all: Vec<String> =
        std::iter::once(first).chain(pieces).chain([end]).map(|json| json.to_string()).collect();
    let data: Vec<&str> = all.iter().map(String::as_str).chain(["[DONE]"]).collect();
    event_stream(&data)
}

async fn outcome(script: Vec<Act>) -> Result<ChatReply> {
    let rig = Rig::new(vec![script]).await;
    let reply = rig.model.complete(&Context::local(), offering()).await;
    rig.check();
    reply
}

/// Fault 19: arguments that are cut off or lack what the tool needs, and tools that were not offered, are errors; a call
/// is handed out whole or not at all.
#[tokio::test]
async fn f19_calls_that_cannot_be_made() {
    let reply = outcome(call("look_up", &["{\"riv", "er\": \"Sei", "ne\"}"])).await;
    let expected = ToolCall {
        id: "call_7".to_owned(),
        name: "look_up".to_owned(),
        arguments: json!({"river": "Seine"}),
    };
    assert_eq!(reply.expect("a call").tool_calls, [expected]);
    for script in [
        call("look_up", &["{\"river\": \"Sei"]),
        call("look_up", &["[\"Seine\"]"]),
        call("look_up", &["{\"lake\": \"Seine\"}"]),
        call("look_up", &[]),
        call("delete_everything", &["{\"river\": \"Seine\"}"]),
        call("", &["{\"river\": \"Seine\"}"]),
    ] {
        let error = outcome(script.clone()).await.expect_err("it cannot be made");
        assert_eq!(error.kind(), ErrorKind::BadResponse, "{script:?}");
        is_fit_to_be_seen(&error);
    }
}

/// Fault 19: endless arguments are cut at a limit.
#[tokio::test]
async fn f19_arguments_without_end() {
    let piece = "x".repeat(200_000);
    let pieces = [piece.as_str(); 8];
    let error = outcome(call("look_up", &pieces)).await.expect_err("too much");
    assert_eq!(error.kind(), ErrorKind::BadResponse);
}
