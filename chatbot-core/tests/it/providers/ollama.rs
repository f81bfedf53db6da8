//! Ollama's own chat API.

use chatbot_core::models::OllamaModel;

use super::*;

fn make(server: &ScriptedServer) -> Box<dyn ChatModel> {
    Box::new(OllamaModel::new(config(server, "")).expect("valid"))
}

fn stream(lines: &[Value]) -> Vec<Act> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    vec![Act::Send(head.as_bytes().to_vec()), Act::Send(body.into_bytes())]
}

fn piece(message: Value) -> Value {
    json!({"model": "m", "created_at": "2025-01-01T00:00:00Z", "message": message, "done": false})
}

fn last(reason: &str) -> Value {
    json!({
        "model": "m", "created_at": "2025-01-01T00:00:00Z", "message": {"role": "assistant", "content": ""},
        "done": true, "done_reason": reason, "total_duration": 1, "prompt_eval_count": 7, "eval_count": 3,
    })
}

fn answer(reason: &str) -> Vec<Act> {
    stream(&[
        piece(json!({"role": "assistant", "content": "", "thinking": "Hm."})),
        piece(json!({"role": "assistant", "content": "In"})),
        piece(json!({"role": "assistant", "content": " France 日本."})),
        last(reason),
    ])
}

fn usage() -> ModelEvent {
    let usage = Usage { input_tokens: 7, output_tokens: 3, cost_usd: None, estimated: false };
    ModelEvent::Usage(usage)
}

#[tokio::test]
async fn it_is_a_model() {
    is_a_model(make, answer("stop"), "").await;
}

#[tokio::test]
async fn the_request_is_what_the_format_wants() {
    let server = ScriptedServer::start(vec![answer("stop")]).await.expect("a port");
    all(&*make(&server), request()).await.expect("an answer");
    let received = server.received().remove(0);
    assert_eq!(received.line, "POST /api/chat HTTP/1.1");
    let expected = json!({
        "model": "test-1",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hello!"},
            {"role": "user", "content": "Where is the Seine?"},
        ],
        "stream": true,
        "options": {"temperature": 0.5, "num_predict": 99},
    });
    assert_eq!(serde_json::from_slice::<Value>(&received.body).expect("JSON"), expected);
}

#[tokio::test]
async fn thoughts_text_usage_and_the_end_are_told_apart() {
    let expected = [
        ModelEvent::Thinking("Hm.".into()),
        ModelEvent::Text("In".into()),
        ModelEvent::Text(" France 日本.".into()),
        usage(),
        ModelEvent::Finish(FinishReason::Stop),
    ];
    assert_eq!(events(make, answer("stop")).await, expected);
    assert_eq!(finish(make, answer("length")).await, FinishReason::Length);
    assert_eq!(finish(make, answer("load")).await, FinishReason::Other("load".to_owned()));
}

#[tokio::test]
async fn calls_and_schemas_are_spoken() {
    let call = json!({"function": {"name": "look_up", "arguments": {"river": "Seine"}}});
    let call = json!({"role": "assistant", "content": "", "tool_calls": [call]});
    let (body, events) = exchange(make, stream(&[piece(call), last("stop")]), with_tool()).await;
    assert_eq!(body["tools"][0]["function"]["parameters"], parameters());
    let expected = [
        ModelEvent::ToolCall(called("call_0")),
        usage(),
        ModelEvent::Finish(FinishReason::ToolCalls),
    ];
    assert_eq!(events.expect("a call"), expected);
    let (body, _) = exchange(make, answer("stop"), with_schema()).await;
    assert_eq!(body["format"], parameters());
}

#[tokio::test]
async fn its_errors_have_kinds() {
    let body = r#"{"error":"model 'the secret prompt' not found"}"#;
    assert_eq!(refusal(make, "404 Not Found", &[], body).await.kind(), ErrorKind::ConfigInvalid);
    let late = stream(&[
        piece(json!({"role": "assistant", "content": "In"})),
        json!({"error": "the secret prompt"}),
    ]);
    assert_eq!(failure(make, late).await.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn calls_and_results_go_back() {
    let (body, _) = exchange(make, answer("stop"), with_round(false)).await;
    let call = |arguments| json!({"function": {"name": "look_up", "arguments": arguments}});
    let calls = json!([call(json!({"river": "Seine"})), call(json!({}))]);
    let expected = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": "I look.", "tool_calls": calls},
        {"role": "tool", "tool_name": "look_up", "content": "In France."},
        {"role": "tool", "tool_name": "look_up", "content": "Not so."},
    ]);
    assert_eq!(body["messages"], expected);
    assert!(body.get("tools").is_some());
    let (body, _) = exchange(make, answer("stop"), with_round(true)).await;
    assert_eq!(body.get("tools"), None);
}
