//! Every provider's own format: what is sent, and what is made of what comes, on scripts that are written by hand in its
//! fields.

mod anthropic;
mod gemini;
mod ollama;
mod openai;

use chatbot_core::models::ProviderConfig;
use chatbot_core::testing::conformance::chat_model;
use chatbot_core::testing::scripted_server::{Act, ScriptedServer, event_stream, reply};
use chatbot_core::traits::{
    ChatModel, ChatReply, ChatRequest, ModelEvent, ModelMessage, ToolCall, ToolResult, ToolRound,
    ToolSpec,
};
use chatbot_core::types::{FinishReason, MessageRole, Secret, Usage};
use chatbot_core::{Context, Error, ErrorKind, Result};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

fn message(role: MessageRole, content: &str) -> ModelMessage {
    ModelMessage { role, content: content.to_owned() }
}

/// A request that says everything that one can say, but for tools and a schema.
fn request() -> ChatRequest {
    ChatRequest {
        system: Some("Be brief.".to_owned()),
        messages: vec![
            message(MessageRole::User, "Hello"),
            message(MessageRole::Assistant, "Hello!"),
            message(MessageRole::User, "Where is the Seine?"),
        ],
        temperature: Some(0.5),
        max_output_tokens: Some(99),
        ..ChatRequest::default()
    }
}

fn parameters() -> Value {
    json!({"type": "object", "properties": {"river": {"type": "string"}}, "required": ["river"]})
}

fn with_tool() -> ChatRequest {
    let tool = ToolSpec {
        name: "look_up".to_owned(),
        description: "Looks a river up.".to_owned(),
        parameters: parameters(),
    };
    ChatRequest { tools: vec![tool], ..request() }
}

/// A request after a round of two calls, the second of which failed.
fn with_round(tools_closed: bool) -> ChatRequest {
    let result = |content: &str, is_error| ToolResult { content: content.to_owned(), is_error };
    let round = ToolRound {
        text: "I look.".to_owned(),
        calls: vec![called("a"), ToolCall { arguments: json!("{\"cut"), ..called("b") }],
        results: vec![result("In France.", false), result("Not so.", true)],
    };
    let messages = vec![message(MessageRole::User, "Where?")];
    ChatRequest { messages, tool_rounds: vec![round], tools_closed, ..with_tool() }
}

fn with_schema() -> ChatRequest {
    ChatRequest { answer_schema: Some(parameters()), ..request() }
}

fn called(id: &str) -> ToolCall {
    let arguments = json!({"river": "Seine"});
    ToolCall { id: id.to_owned(), name: "look_up".to_owned(), arguments, signature: None }
}

fn config(server: &ScriptedServer, base: &str) -> ProviderConfig {
    ProviderConfig {
        name: "provider:test".to_owned(),
        base_url: format!("{}{base}", server.url()),
        model: "test-1".to_owned(),
        api_key: Some(Secret::new("sk-hidden")),
    }
}

type Make = fn(&ScriptedServer) -> Box<dyn ChatModel>;

/// What a provider is asked, and what comes of its answer.
async fn exchange(
    make: Make,
    script: Vec<Act>,
    request: ChatRequest,
) -> (Value, Result<Vec<ModelEvent>>) {
    let server = ScriptedServer::start(vec![script]).await.expect("a port");
    let events = all(&*make(&server), request).await;
    let received = server.received().remove(0);
    (serde_json::from_slice(&received.body).expect("JSON"), events)
}

async fn all(model: &dyn ChatModel, request: ChatRequest) -> Result<Vec<ModelEvent>> {
    let mut stream = model.stream(&Context::local(), request).await?;
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event?);
    }
    Ok(events)
}

async fn events(make: Make, script: Vec<Act>) -> Vec<ModelEvent> {
    exchange(make, script, with_tool()).await.1.expect("an answer")
}

async fn failure(make: Make, script: Vec<Act>) -> Error {
    let error = exchange(make, script, request()).await.1.expect_err("it must fail");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("the secret prompt") && !shown.contains("sk-hidden"), "{shown}");
    error
}

/// How the answer ended.
async fn finish(make: Make, script: Vec<Act>) -> FinishReason {
    match events(make, script).await.pop() {
        Some(ModelEvent::Finish(reason)) => reason,
        other => panic!("{other:?} is no end"),
    }
}

async fn whole(make: Make, script: Vec<Act>, request: ChatRequest) -> ChatReply {
    let server = ScriptedServer::start(vec![script]).await.expect("a port");
    make(&server).complete(&Context::local(), request).await.expect("an answer")
}

/// The suite for every model, and what is the same for every provider.
///
/// `end` is where in the script the reason for the end stands; empty for its last byte.
async fn is_a_model(make: Make, script: Vec<Act>, end: &str) {
    let server = ScriptedServer::start(vec![script.clone()]).await.expect("a port");
    let model = make(&server);
    chat_model::run(&*model, &request()).await;
    assert!(!format!("{model:?}").contains("sk-hidden"), "{model:?}");
    let empty = model.stream(&Context::local(), ChatRequest::default()).await.map(drop);
    assert_eq!(empty.map_err(|error| error.kind()), Err(ErrorKind::InvalidInput));

    // Byte by byte it is the same.
    let pieces = script.iter().flat_map(|act| match act {
        Act::Send(bytes) => bytes.iter().map(|byte| Act::Send(vec![*byte])).collect::<Vec<_>>(),
        other => vec![other.clone()],
    });
    let slowly = exchange(make, pieces.collect(), request()).await.1.expect("an answer");
    assert_eq!(slowly, exchange(make, script.clone(), request()).await.1.expect("an answer"));

    // Cut anywhere before its end it is not whole.
    let Some((Act::Send(last), before)) = script.split_last() else { panic!("{script:?}") };
    let at = String::from_utf8_lossy(last).rfind(end).expect("an end");
    for cut in (0..at).step_by(7) {
        let script = [before, &[Act::Send(last[..cut].to_vec())]].concat();
        let error = failure(make, script).await;
        assert_eq!(error.kind(), ErrorKind::BadResponse, "cut at {cut}");
    }
}

async fn refusal(make: Make, status: &str, headers: &[(&str, &str)], body: &str) -> Error {
    failure(make, vec![Act::Send(reply(status, headers, body))]).await
}
