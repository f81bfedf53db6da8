//! Anthropic's messages API.

use chatbot_core::models::AnthropicModel;

use super::*;

fn make(server: &ScriptedServer) -> Box<dyn ChatModel> {
    Box::new(AnthropicModel::new(config(server, "/v1")).expect("valid"))
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":20,"cache_creation_input_tokens":2,"cache_read_input_tokens":3,"output_tokens":1}}}"#;
const PING: &str = r#"{"type":"ping"}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

fn block(at: u64, block: Value) -> String {
    json!({"type": "content_block_start", "index": at, "content_block": block}).to_string()
}

fn delta(at: u64, delta: Value) -> String {
    json!({"type": "content_block_delta", "index": at, "delta": delta}).to_string()
}

fn end(reason: &str) -> String {
    json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null}, "usage": {"output_tokens": 15}})
        .to_string()
}

/// A stream as the API sends it, each event with its name.
fn stream(events: &[&str]) -> Vec<Act> {
    let body: String = events
        .iter()
        .map(|event| {
            let json: Value = serde_json::from_str(event).expect("JSON");
            format!("event: {}\ndata: {event}\n\n", json["type"].as_str().expect("a type"))
        })
        .collect();
    vec![event_stream(&[]).remove(0), Act::Send(body.into_bytes())]
}

fn answer(reason: &str) -> Vec<Act> {
    stream(&[
        START,
        &block(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        PING,
        &delta(0, json!({"type": "thinking_delta", "thinking": "Hm."})),
        &delta(0, json!({"type": "signature_delta", "signature": "EqQB"})),
        r#"{"type":"content_block_stop","index":0}"#,
        &block(1, json!({"type": "text", "text": ""})),
        &delta(1, json!({"type": "text_delta", "text": "In"})),
        &delta(1, json!({"type": "text_delta", "text": " France 日本."})),
        r#"{"type":"content_block_stop","index":1}"#,
        &end(reason),
        STOP,
    ])
}

fn usage(output_tokens: u64) -> ModelEvent {
    ModelEvent::Usage(Usage { input_tokens: 25, output_tokens, cost_usd: None, estimated: false })
}

#[tokio::test]
async fn it_is_a_model() {
    is_a_model(make, answer("end_turn"), "event: message_delta").await;
}

#[tokio::test]
async fn the_request_is_what_the_format_wants() {
    let server = ScriptedServer::start(vec![answer("end_turn")]).await.expect("a port");
    all(&*make(&server), request()).await.expect("an answer");
    let received = server.received().remove(0);
    assert_eq!(received.line, "POST /v1/messages HTTP/1.1");
    assert_eq!(received.header("x-api-key"), Some("sk-hidden"));
    assert_eq!(received.header("authorization"), None);
    assert_eq!(received.header("anthropic-version"), Some("2023-06-01"));
    let expected = json!({
        "model": "test-1",
        "max_tokens": 99,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hello!"},
            {"role": "user", "content": "Where is the Seine?"},
        ],
        "stream": true,
        "temperature": 0.5,
    });
    assert_eq!(serde_json::from_slice::<Value>(&received.body).expect("JSON"), expected);
}

#[tokio::test]
async fn thoughts_text_usage_and_the_end_are_told_apart() {
    let expected = [
        usage(1),
        ModelEvent::Thinking("Hm.".into()),
        ModelEvent::Text("In".into()),
        ModelEvent::Text(" France 日本.".into()),
        usage(15),
        ModelEvent::Finish(FinishReason::Stop),
    ];
    assert_eq!(events(make, answer("end_turn")).await, expected);
    for (reason, expected) in [
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("refusal", FinishReason::ContentFilter),
        ("pause_turn", FinishReason::Other("pause_turn".to_owned())),
    ] {
        assert_eq!(finish(make, answer(reason)).await, expected);
    }
}

#[tokio::test]
async fn calls_come_in_pieces() {
    let script = stream(&[
        START,
        &block(0, json!({"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {}})),
        &delta(0, json!({"type": "input_json_delta", "partial_json": ""})),
        &delta(0, json!({"type": "input_json_delta", "partial_json": "{\"river\": \"Se"})),
        &delta(0, json!({"type": "input_json_delta", "partial_json": "ine\"}"})),
        r#"{"type":"content_block_stop","index":0}"#,
        &end("tool_use"),
        STOP,
    ]);
    let (body, events) = exchange(make, script, with_tool()).await;
    let tool = json!({"name": "look_up", "description": "Looks a river up.", "input_schema": parameters()});
    assert_eq!((&body["tools"], body.get("tool_choice")), (&json!([tool]), None));
    let expected = [
        usage(1),
        usage(15),
        ModelEvent::ToolCall(called("toolu_1")),
        ModelEvent::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(events.expect("a call"), expected);
}

#[tokio::test]
async fn an_answer_as_data_comes_as_text() {
    let script = stream(&[
        START,
        &block(
            0,
            json!({"type": "tool_use", "id": "toolu_1", "name": "answer_as_data", "input": {}}),
        ),
        &delta(0, json!({"type": "input_json_delta", "partial_json": "{\"river\": "})),
        &delta(0, json!({"type": "input_json_delta", "partial_json": "\"Seine\"}"})),
        &end("tool_use"),
        STOP,
    ]);
    let (body, _) = exchange(make, script.clone(), with_schema()).await;
    assert_eq!(body["tools"][0]["input_schema"], parameters());
    assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "answer_as_data"}));
    let reply = whole(make, script, with_schema()).await;
    assert_eq!(reply.text, r#"{"river": "Seine"}"#);
    assert_eq!((reply.finish_reason, reply.tool_calls), (Some(FinishReason::Stop), Vec::new()));
}

#[tokio::test]
async fn its_errors_have_kinds() {
    let body = |kind: &str| {
        json!({"type": "error", "error": {"type": kind, "message": "the secret prompt"}})
            .to_string()
    };
    for (status, kind, expected) in [
        ("400 Bad Request", "invalid_request_error", ErrorKind::InvalidInput),
        ("401 Unauthorized", "authentication_error", ErrorKind::Unauthenticated),
        ("403 Forbidden", "permission_error", ErrorKind::PermissionDenied),
        ("404 Not Found", "not_found_error", ErrorKind::ConfigInvalid),
        ("413 Too Large", "request_too_large", ErrorKind::ContextTooLong),
        ("429 Too Many Requests", "rate_limit_error", ErrorKind::RateLimited),
        ("403 Forbidden", "billing_error", ErrorKind::BudgetExceeded),
        ("500 Internal", "api_error", ErrorKind::Unavailable),
        ("529 Overloaded", "overloaded_error", ErrorKind::Unavailable),
    ] {
        let error = refusal(make, status, &[("request-id", "req_018")], &body(kind)).await;
        assert_eq!(error.kind(), expected, "{kind}");
        assert!(format!("{error:?}").contains("req_018"));
    }
    let script = stream(&[START, &body("overloaded_error")]);
    assert_eq!(failure(make, script).await.kind(), ErrorKind::Unavailable);
    let spent = r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#;
    let error = refusal(make, "400 Bad Request", &[], spent).await;
    assert_eq!(error.kind(), ErrorKind::BudgetExceeded);
}

#[tokio::test]
async fn calls_and_results_go_back() {
    let (body, _) = exchange(make, answer("end_turn"), with_round(false)).await;
    let expected = json!([
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": [
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "a", "name": "look_up", "input": {"river": "Seine"}},
            {"type": "tool_use", "id": "b", "name": "look_up", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": "In France."},
            {"type": "tool_result", "tool_use_id": "b", "content": "Not so.", "is_error": true},
        ]},
    ]);
    assert_eq!(body["messages"], expected);
    assert_eq!(body.get("tool_choice"), None);
    let (body, _) = exchange(make, answer("end_turn"), with_round(true)).await;
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
    assert!(body.get("tools").is_some(), "the format wants the tools that results came from");
}
