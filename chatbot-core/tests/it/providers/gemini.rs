//! Google's Gemini API.

use std::time::Duration;

use chatbot_core::models::GeminiModel;

use super::*;

fn make(server: &ScriptedServer) -> Box<dyn ChatModel> {
    Box::new(GeminiModel::new(config(server, "/v1beta")).expect("valid"))
}

fn chunk(parts: Value, reason: Option<&str>) -> String {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(reason) = reason {
        candidate["finishReason"] = json!(reason);
    }
    let usage = json!({"promptTokenCount": 7, "candidatesTokenCount": 3, "thoughtsTokenCount": 2, "totalTokenCount": 12});
    json!({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r"})
        .to_string()
}

fn answer(reason: &str) -> Vec<Act> {
    event_stream(&[
        &chunk(json!([{"text": "Hm.", "thought": true}]), None),
        &chunk(json!([{"text": "In"}]), None),
        &chunk(json!([{"text": " France 日本."}]), Some(reason)),
    ])
}

fn usage() -> ModelEvent {
    let usage = Usage { input_tokens: 7, output_tokens: 5, cost_usd: None, estimated: false };
    ModelEvent::Usage(usage)
}

#[tokio::test]
async fn it_is_a_model() {
    is_a_model(make, answer("STOP"), "").await;
}

#[tokio::test]
async fn the_request_is_what_the_format_wants() {
    let server = ScriptedServer::start(vec![answer("STOP")]).await.expect("a port");
    all(&*make(&server), request()).await.expect("an answer");
    let received = server.received().remove(0);
    let line = "POST /v1beta/models/test-1:streamGenerateContent?alt=sse HTTP/1.1";
    assert_eq!(received.line, line);
    assert_eq!(received.header("x-goog-api-key"), Some("sk-hidden"));
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}]},
            {"role": "model", "parts": [{"text": "Hello!"}]},
            {"role": "user", "parts": [{"text": "Where is the Seine?"}]},
        ],
        "generationConfig": {"temperature": 0.5, "maxOutputTokens": 99},
    });
    assert_eq!(serde_json::from_slice::<Value>(&received.body).expect("JSON"), expected);
}

#[tokio::test]
async fn thoughts_text_usage_and_the_end_are_told_apart() {
    let expected = [
        ModelEvent::Thinking("Hm.".into()),
        usage(),
        ModelEvent::Text("In".into()),
        usage(),
        ModelEvent::Text(" France 日本.".into()),
        usage(),
        ModelEvent::Finish(FinishReason::Stop),
    ];
    assert_eq!(events(make, answer("STOP")).await, expected);
    for (reason, expected) in [
        ("MAX_TOKENS", FinishReason::Length),
        ("SAFETY", FinishReason::ContentFilter),
        ("RECITATION", FinishReason::ContentFilter),
        ("LANGUAGE", FinishReason::Other("LANGUAGE".to_owned())),
    ] {
        assert_eq!(finish(make, answer(reason)).await, expected);
    }
}

#[tokio::test]
async fn calls_and_schemas_are_spoken() {
    let call = json!([{"functionCall": {"name": "look_up", "args": {"river": "Seine"}}}]);
    let script = event_stream(&[&chunk(call, Some("STOP"))]);
    let (body, events) = exchange(make, script, with_tool()).await;
    let function = json!({"name": "look_up", "description": "Looks a river up.", "parametersJsonSchema": parameters()});
    assert_eq!(body["tools"], json!([{"functionDeclarations": [function]}]));
    let expected = [
        usage(),
        ModelEvent::ToolCall(called("call_0")),
        ModelEvent::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(events.expect("a call"), expected);
    let (body, _) = exchange(make, answer("STOP"), with_schema()).await;
    assert_eq!(body["generationConfig"]["responseMimeType"], "application/json");
    assert_eq!(body["generationConfig"]["responseJsonSchema"], parameters());
}

#[tokio::test]
async fn its_errors_have_kinds() {
    let body = |status: &str, details: Value| {
        json!({"error": {"code": 400, "message": "the secret prompt", "status": status, "details": details}})
            .to_string()
    };
    for (status, name, expected) in [
        ("400 Bad Request", "INVALID_ARGUMENT", ErrorKind::InvalidInput),
        ("403 Forbidden", "PERMISSION_DENIED", ErrorKind::PermissionDenied),
        ("404 Not Found", "NOT_FOUND", ErrorKind::ConfigInvalid),
        ("500 Internal", "INTERNAL", ErrorKind::Unavailable),
        ("503 Unavailable", "UNAVAILABLE", ErrorKind::Unavailable),
        ("504 Timeout", "DEADLINE_EXCEEDED", ErrorKind::Timeout),
    ] {
        assert_eq!(refusal(make, status, &[], &body(name, json!([]))).await.kind(), expected);
    }
    let minute = json!([{"violations": [{"quotaId": "GenerateRequestsPerMinutePerProject"}]}, {"retryDelay": "36.5s"}]);
    let error = refusal(make, "429 Too Many", &[], &body("RESOURCE_EXHAUSTED", minute)).await;
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_millis(36_500)));
    let blocked =
        r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":7}}"#;
    assert_eq!(failure(make, event_stream(&[blocked])).await.kind(), ErrorKind::ContentBlocked);
    let late =
        event_stream(&[&chunk(json!([{"text": "In"}]), None), &body("UNAVAILABLE", json!([]))]);
    assert_eq!(failure(make, late).await.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn calls_and_results_go_back() {
    let mut request = with_round(false);
    request.tool_rounds[0].calls[0].signature = Some("sig".to_owned());
    let (body, _) = exchange(make, answer("STOP"), request).await;
    let expected = json!([
        {"role": "user", "parts": [{"text": "Where?"}]},
        {"role": "model", "parts": [
            {"text": "I look."},
            {"functionCall": {"name": "look_up", "args": {"river": "Seine"}}, "thoughtSignature": "sig"},
            {"functionCall": {"name": "look_up", "args": {}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "look_up", "response": {"result": "In France."}}},
            {"functionResponse": {"name": "look_up", "response": {"error": "Not so."}}},
        ]},
    ]);
    assert_eq!(body["contents"], expected);
    assert_eq!(body.get("toolConfig"), None);
    let (body, _) = exchange(make, answer("STOP"), with_round(true)).await;
    assert_eq!(body["toolConfig"], json!({"functionCallingConfig": {"mode": "NONE"}}));
    assert!(body.get("tools").is_some());
}

#[tokio::test]
async fn what_it_wants_back_with_a_call_is_kept() {
    let call = json!({"functionCall": {"name": "look_up", "args": {"river": "Seine"}}, "thoughtSignature": "sig"});
    let reply =
        whole(make, event_stream(&[&chunk(json!([call]), Some("STOP"))]), with_tool()).await;
    let expected = ToolCall { signature: Some("sig".to_owned()), ..called("call_0") };
    assert_eq!(reply.tool_calls, [expected]);
}
