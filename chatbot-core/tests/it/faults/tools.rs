//! A model that asks for calls that cannot be made: fault 19, as far as a model is concerned.

use std::sync::atomic::{AtomicUsize, Ordering};

use chatbot_core::config::EngineConfig;
use chatbot_core::testing::scripted_server::Received;
use chatbot_core::testing::turn_violations;
use chatbot_core::traits::{Tool, ToolAccess, ToolCall, ToolInput, ToolOutput, ToolSpec};
use chatbot_core::types::{Event, Message, Strategy};
use chatbot_core::{Chatbot, TurnRequest};
use serde_json::{Value, json};

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

/// Fault 19: a call is handed out as the model made it, once all of its answer is there; arguments that are no JSON are handed
/// out as text, which fits no schema. A name that is none cannot be repeated to the provider and is a failure.
#[tokio::test]
async fn f19_calls_are_handed_out_whole_and_unchecked() {
    let object = json!({"river": "Seine"});
    for (name, pieces, arguments) in [
        ("look_up", &["{\"riv", "er\": \"Sei", "ne\"}"][..], object.clone()),
        ("look_up", &["{\"river\": \"Sei"], json!("{\"river\": \"Sei")),
        ("look_up", &["[\"Seine\"]"], json!(["Seine"])),
        ("look_up", &[], json!({})),
        ("delete_everything", &["{\"river\": \"Seine\"}"], object.clone()),
    ] {
        let reply = outcome(call(name, pieces)).await.expect("a call");
        let (id, name) = ("call_7".to_owned(), name.to_owned());
        assert_eq!(reply.tool_calls, [ToolCall { id, name, arguments, signature: None }]);
    }
    for name in ["", "look up", "x\"y"] {
        let error = outcome(call(name, &["{}"])).await.expect_err("it cannot be made");
        assert_eq!(error.kind(), ErrorKind::BadResponse, "{name:?}");
        is_fit_to_be_seen(&error);
    }
}

/// Fault 19: a stream that ends in the middle of a call hands nothing out.
#[tokio::test]
async fn f19_a_call_without_the_end_of_its_answer() {
    let mut script = call("look_up", &["{\"river\": \"Seine\"}"]);
    if let Some(Act::Send(last)) = script.last_mut() {
        let end = String::from_utf8_lossy(last).find("finish_reason").expect("an end");
        last.truncate(end);
    }
    let error = outcome(script).await.expect_err("it is broken off");
    assert_eq!(error.kind(), ErrorKind::BadResponse);
}

/// Fault 19: endless arguments are cut at a limit.
#[tokio::test]
async fn f19_arguments_without_end() {
    let piece = "x".repeat(200_000);
    let pieces = [piece.as_str(); 8];
    let error = outcome(call("look_up", &pieces)).await.expect_err("too much");
    assert_eq!(error.kind(), ErrorKind::BadResponse);
}

/// A tool that counts how often it is called.
#[derive(Debug)]
struct LookUp(ToolSpec, Arc<AtomicUsize>);

#[async_trait::async_trait]
impl Tool for LookUp {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn access(&self) -> ToolAccess {
        ToolAccess::Reads
    }

    async fn call(&self, ctx: &Context, input: ToolInput) -> Result<ToolOutput> {
        ctx.check()?;
        self.1.fetch_add(1, Ordering::SeqCst);
        Ok(ToolOutput::new(format!("Nothing is known of {}.", input.arguments)))
    }
}

/// A turn with these answers of the provider, the last one again and again: the message, what was asked, and how often the tool
/// was called.
async fn turn(scripts: Vec<Vec<Act>>, max_tool_steps: usize) -> (Message, Vec<Value>, usize) {
    let server = ScriptedServer::start(scripts).await.expect("a port");
    let n_calls = Arc::new(AtomicUsize::new(0));
    let spec = offering().tools.remove(0);
    let mut config = EngineConfig::default();
    config.turns.max_tool_steps = max_tool_steps;
    let chatbot = Chatbot::builder()
        .config(config)
        .custom_model(model_at(&server.url()))
        .tool(LookUp(spec, Arc::clone(&n_calls)));
    let chatbot = chatbot.build().await.expect("a chatbot");
    let request = TurnRequest { strategy: Strategy::None, ..TurnRequest::new("Where is it?") };
    let events = crate::support::all(chatbot.stream(request).await.expect("a turn")).await;
    assert_eq!(turn_violations(&events), Vec::<String>::new());
    let message = match events.into_iter().last().map(|event| event.event) {
        Some(Event::Done { message } | Event::Failed { message, .. }) => *message,
        other => panic!("{other:?}"),
    };
    let body = |request: &Received| serde_json::from_slice(&request.body).expect("JSON");
    (message, server.received().iter().map(body).collect(), n_calls.load(Ordering::SeqCst))
}

/// Fault 19: the model learns what is wrong with its call, and asks again.
#[tokio::test]
async fn f19_a_model_corrects_its_call() {
    let good = call("look_up", &["{\"river\": \"Seine\"}"]);
    for bad in [
        call("look_up", &["{\"river\": \"Sei"]),
        call("look_up", &["{\"lake\": \"Seine\"}"]),
        call("look_up", &["{\"river\": 7}"]),
        call("delete_everything", &["{}"]),
    ] {
        let (message, asked, n_calls) =
            turn(vec![bad, good.clone(), answer("In France.")], 8).await;
        assert_eq!((message.content.as_str(), n_calls), ("In France.", 1));
        let said = |n: usize| asked[n]["messages"].as_array().and_then(|all| all.last()).cloned();
        let (first, second) = (said(1).expect("a result"), said(2).expect("a result"));
        assert_eq!((&first["role"], &first["tool_call_id"]), (&json!("tool"), &json!("call_7")));
        let told = first["content"].as_str().expect("text");
        assert!(told.contains("schema") || told.contains("no such tool"), "{told}");
        assert_eq!(second["tool_call_id"], "call_7_1", "ids are unique within a turn");
        assert_eq!(second["content"], "Nothing is known of {\"river\":\"Seine\"}.");
    }
}

/// Fault 19: a loop without end stops at the limit: so many rounds, one more without tools, no further call.
#[tokio::test]
async fn f19_a_loop_without_end() {
    let again = call("look_up", &["{\"river\": \"Seine\"}"]);
    let (message, asked, n_calls) = turn(vec![again.clone()], 3).await;
    assert_eq!((asked.len(), n_calls), (4, 1), "the same call just again is not made again");
    assert!(asked[2].get("tools").is_some() && asked[3].get("tools").is_none());
    assert_eq!(message.error.expect("no answer").code, ErrorKind::BadResponse);
    assert_eq!(message.warnings[0].code, "tool_steps_exhausted");

    let other = call("look_up", &["{\"river\": \"Rhine\"}"]);
    let scripts = vec![again.clone(), other, again, answer("Enough.")];
    let (message, asked, n_calls) = turn(scripts, 3).await;
    assert_eq!((asked.len(), n_calls, message.content.as_str()), (4, 3, "Enough."));
    assert_eq!(message.warnings[0].code, "tool_steps_exhausted");
    assert_eq!(message.usage.output_tokens > 3, message.usage.estimated, "rounds are added up");
}

/// A turn of two rounds is the same turn, however its bytes arrive.
#[tokio::test]
async fn f19_rounds_byte_by_byte() {
    let scripts = || vec![call("look_up", &["{\"riv", "er\": \"日本\"}"]), answer("In 日本.")];
    let slowly = |script: Vec<Act>| -> Vec<Act> {
        let acts = script.into_iter().flat_map(|act| match act {
            Act::Send(bytes) => bytes.into_iter().map(|byte| Act::Send(vec![byte])).collect(),
            other => vec![other],
        });
        acts.collect()
    };
    let (whole, asked, n_calls) = turn(scripts(), 8).await;
    let slow = turn(scripts().into_iter().map(slowly).collect(), 8).await;
    assert_eq!((whole.content.as_str(), n_calls), ("In 日本.", 1));
    assert_eq!((slow.0.content, slow.1, slow.2), (whole.content, asked, n_calls));
}
