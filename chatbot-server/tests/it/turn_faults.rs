//! What clients can do to a turn, one test for each fault of the list in the design, by its number: they leave, they do not
//! read, they come back, they ask twice.

use std::collections::HashSet;

use axum::body::Body;
use axum::http::{Method, header};
use chatbot_core::Chatbot;
use chatbot_core::config::EngineConfig;
use chatbot_core::testing::scripted_server::{Act, ScriptedServer, event_stream_head};
use chatbot_core::testing::{ScriptedModel, Step};
use chatbot_core::types::FinishReason;
use chatbot_server::config::ServerConfig;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use crate::support::{Server, data, eventually, plain, plain_whole, question};

/// A provider that begins an answer and never goes on, and a server that asks it.
async fn hanging() -> (ScriptedServer, Server) {
    let mut head = event_stream_head();
    head.extend(br#"data: {"choices":[{"index":0,"delta":{"content":"So far. "}}]}"#);
    head.extend(b"\n\n");
    let script = vec![Act::Send(head), Act::Hang];
    let provider = ScriptedServer::start(vec![script]).await.unwrap();
    let mut config = EngineConfig {
        model: format!("openai+{}/v1#hanging", provider.url()),
        embedder: "none".to_owned(),
        ..EngineConfig::default()
    };
    config.turns.abandon_after_s = 1;
    let engine = Chatbot::builder().config(config);
    (provider, Server::configured(ServerConfig::default(), engine).await)
}

/// Asks, reads until the first words are there, and leaves; the answer's id.
async fn asked_and_left(server: &Server) -> String {
    let mut events = server.events(Method::POST, "/api/v1/chat", Some(plain("Hi"))).await;
    let mut id = String::new();
    while let Some(event) = events.next().await {
        let event = data(&event);
        if let Some(message) = event["message_id"].as_str() {
            message.clone_into(&mut id);
        }
        if event["type"] == "text" {
            break;
        }
    }
    id
}

async fn stored(server: &Server, id: &str) -> Value {
    server.get(&format!("/api/v1/messages/{id}")).await.expect(200)
}

#[tokio::test]
async fn f22_an_answer_that_nobody_follows_or_wants_reaches_the_provider() {
    let (provider, server) = hanging().await;
    let left = asked_and_left(&server).await;
    provider.left(1).await;
    eventually(async || stored(&server, &left).await["state"] == "cancelled").await;
    assert!(stored(&server, &left).await["content"].as_str().unwrap().starts_with("So far."));

    let stopped = asked_and_left(&server).await;
    server.post(&format!("/api/v1/messages/{stopped}/stop"), json!({})).await.expect(204);
    provider.left(2).await;
    eventually(async || stored(&server, &stopped).await["state"] == "cancelled").await;
}

/// More than the buffers of two sockets hold together.
const N_LINES: usize = 1200;
const LINE_BYTES: usize = 4 << 10;

#[tokio::test]
async fn f23_a_reader_that_takes_nothing_is_dropped_and_nobody_else_notices() {
    let line = format!("{}.\n", "word ".repeat(LINE_BYTES / 5));
    let answer = (0..N_LINES).map(|_| Step::Text(line.clone()));
    let script = answer.chain([Step::Finish(FinishReason::Stop)]).collect::<Vec<_>>();
    let config = ServerConfig { write_timeout_s: 1, drain_s: 1, ..ServerConfig::default() };
    let model = ScriptedModel::new(script);
    let engine = Chatbot::builder().custom_model(model.clone());
    let server = Server::configured(config, engine).await;

    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut connection = socket.connect(server.address).await.unwrap();
    let body = plain("Hi").to_string();
    let head = format!(
        "POST /api/v1/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all((head + &body).as_bytes()).await.unwrap();

    let sessions = async || server.get("/api/v1/sessions").await.expect(200);
    eventually(async || !sessions().await["items"].as_array().unwrap().is_empty()).await;
    let session = sessions().await["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/sessions/{session}/messages");
    let answer = async || server.get(&path).await.expect(200)["items"][1].clone();
    // The turn goes on to its end, whoever reads, and others are served.
    eventually(async || model.requests().len() == 1 && model.n_running() == 0).await;
    eventually(async || answer().await["state"] == "complete").await;
    let n_bytes = answer().await["content"].as_str().unwrap().len();
    assert_eq!(n_bytes, N_LINES * line.len());

    // Only now does it begin to read: what was on its way comes, and then the end of the connection.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let mut read = Vec::new();
    let _ = connection.read_to_end(&mut read).await;
    assert!(read.len() < n_bytes, "it was dropped with {} of {n_bytes} bytes", read.len());
    assert!(!String::from_utf8_lossy(&read).contains("event: done"));
}

#[tokio::test]
async fn f26_who_comes_back_misses_nothing_and_hears_nothing_twice() {
    let words: Vec<_> = (0..12).map(|n| format!("word{n} ")).collect();
    let pause = std::time::Duration::from_millis(60);
    let steps = words.iter().flat_map(|word| [Step::Text(word.clone()), Step::Wait(pause)]);
    let script = steps.chain([Step::Finish(FinishReason::Stop)]).collect();
    let server = Server::with_model(ScriptedModel::new(script)).await;
    let first = server.events(Method::POST, "/api/v1/chat", Some(plain("Count"))).await;
    let first = data(&first.take(1).collect::<Vec<_>>().await[0]);
    let path = format!("/api/v1/messages/{}/stream", first["message_id"].as_str().unwrap());
    let mut seen = vec![first];
    // Comes back after every single event.
    while !matches!(seen.last().unwrap()["type"].as_str(), Some("done" | "failed")) {
        let last = seen.last().unwrap()["seq"].to_string();
        let request = server.request(Method::GET, &path).header("last-event-id", last);
        let reply = server.next_event(request.body(Body::empty()).unwrap()).await;
        seen.push(data(&reply));
    }
    let numbers: Vec<_> = seen.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=seen.len() as u64).collect::<Vec<_>>());
    let deltas = seen.iter().filter(|event| event["type"] == "text");
    let text: String = deltas.map(|event| event["delta"].as_str().unwrap()).collect();
    assert_eq!(text, words.concat());
    assert_eq!(seen.last().unwrap()["message"]["content"], json!(text));
}

#[tokio::test]
async fn f27_a_key_stands_for_one_question_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on(folder.path()).await;
    let ask = |text| server.post_keyed("/api/v1/chat", "key", question(text));
    let replies = join_all((0..8).map(|_| ask("Who?"))).await;
    let ids: HashSet<String> =
        replies.into_iter().map(|reply| reply.expect(200)["message"]["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    server.stop().await.unwrap();

    let server = Server::on(folder.path()).await;
    let ask = |text| server.post_keyed("/api/v1/chat", "key", question(text));
    let again = ask("Who?").await.expect(200);
    assert!(ids.contains(&again["message"]["id"].to_string()));
    let mismatch = ask("What?").await.error(409, "conflict");
    assert_eq!(mismatch["error"]["reason"], "idempotency_mismatch");
    let session = again["session_id"].as_str().unwrap();
    let messages = server.get(&format!("/api/v1/sessions/{session}/messages")).await.expect(200);
    assert_eq!(messages["items"].as_array().unwrap().len(), 2);
    let sessions = server.get("/api/v1/sessions").await.expect(200);
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn f26_after_a_restart_the_answer_as_it_was_stored_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on(folder.path()).await;
    let reply = server.post("/api/v1/chat", plain_whole("Who?")).await.expect(200);
    server.stop().await.unwrap();
    let server = Server::on(folder.path()).await;
    let path = format!("/api/v1/messages/{}/stream", reply["message"]["id"].as_str().unwrap());
    let request = server.request(Method::GET, &path).header("last-event-id", "2");
    let request = request.header(header::ACCEPT, "text/event-stream").body(Body::empty()).unwrap();
    let event = data(&server.next_event(request).await);
    assert_eq!(event["type"], "done");
    assert_eq!(event["message"]["content"], reply["message"]["content"]);
}
