//! Clients that take their time, on raw connections: what is cut off, and what is not.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode, Version};
use chatbot_core::Chatbot;
use chatbot_core::testing::ScriptedModel;
use chatbot_server::config::ServerConfig;
use futures_util::StreamExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Server, data, plain};

async fn impatient() -> Server {
    let server = ServerConfig { header_timeout_s: 1, body_timeout_s: 1, ..ServerConfig::default() };
    Server::configured(server, Chatbot::builder()).await
}

/// Sends this much and no more; what comes back until the server closes the connection.
async fn sends(server: &Server, text: &str) -> String {
    let mut connection = TcpStream::connect(server.address).await.unwrap();
    connection.write_all(text.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    connection.read_to_end(&mut reply).await.unwrap();
    String::from_utf8_lossy(&reply).into_owned()
}

#[tokio::test]
async fn headers_that_do_not_arrive_close_the_connection() {
    let server = impatient().await;
    for text in ["", "P", "GET / HTTP/1.1\r\nHost: loc", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let reply = sends(&server, text).await;
        // An HTTP/2 server greets before it is asked anything.
        assert!(reply.is_empty() || text.starts_with("PRI"), "{text:?}: {reply:?}");
    }
    let answered = sends(&server, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea").await;
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    assert_eq!(answered.matches("HTTP/1.1").count(), 1, "{answered}");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_answered_with_408() {
    let server = impatient().await;
    let json = "Content-Type: application/json";
    let form = "Content-Type: multipart/form-data; boundary=x";
    let file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf";
    for (path, kind, begun) in [
        ("/api/v1/search", json, "{\"query\":"),
        ("/api/v1/documents/text", json, ""),
        ("/api/v1/documents", form, file),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{kind}\r\n");
        let reply = sends(&server, &format!("{head}Content-Length: 999\r\n\r\n{begun}")).await;
        assert!(reply.starts_with("HTTP/1.1 408"), "{path}: {reply}");
        let (_, body) = reply.split_once("\r\n\r\n").unwrap();
        let error: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&error["error"]["code"], &error["error"]["retryable"]),
            (&"timeout".into(), &true.into())
        );
    }
    let documents = server.get("/api/v1/documents").await.expect(200);
    assert_eq!(documents["items"], serde_json::json!([]));
}

#[tokio::test]
async fn an_answer_may_take_longer_than_a_request() {
    let words = "a b c d e f g h i j k l m n o p q r s t";
    let model = ScriptedModel::slow(words, Duration::from_millis(80));
    let server = ServerConfig { header_timeout_s: 1, body_timeout_s: 1, ..ServerConfig::default() };
    let server = Server::configured(server, Chatbot::builder().custom_model(model)).await;
    let events = server.events(Method::POST, "/api/v1/chat", Some(plain("Count"))).await;
    let last = events.map(|event| data(&event)).collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last["message"]["content"], words);
}

#[tokio::test]
async fn stopping_waits_for_an_answer_as_long_as_the_engine_does() {
    let words = "one two three four five six seven eight";
    let model = ScriptedModel::slow(words, Duration::from_millis(40));
    let config = ServerConfig { drain_s: 0, ..ServerConfig::default() };
    let server = Server::configured(config, Chatbot::builder().custom_model(model)).await;
    let mut events = server.events(Method::POST, "/api/v1/chat", Some(plain("Count"))).await;
    events.next().await.unwrap();
    server.stop().await.unwrap();
    let last = events.map(|event| data(&event)).collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last["message"]["content"], words);
}

#[tokio::test]
async fn stopping_lets_an_answer_end_and_closes_idle_connections() {
    let words = "one two three four five six seven eight";
    let model = ScriptedModel::slow(words, Duration::from_millis(40));
    let config = ServerConfig { drain_s: 600, header_timeout_s: 600, ..ServerConfig::default() };
    let server = Server::configured(config, Chatbot::builder().custom_model(model)).await;
    let address = server.address;
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut events = server.events(Method::POST, "/api/v1/chat", Some(plain("Count"))).await;
    events.next().await.unwrap();
    server.stop().await.unwrap();
    let last = events.map(|event| data(&event)).collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last["message"]["content"], words);
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let server = Server::start().await;
    for http2 in [false, true] {
        let client = Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
        let request = server.request(Method::GET, "/health").body(Body::empty()).unwrap();
        let reply = client.request(request).await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        let version = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        assert_eq!(reply.version(), version);
    }
}

#[tokio::test]
async fn one_connection_too_many_waits_for_its_turn() {
    let config = ServerConfig { max_connections: 1, ..ServerConfig::default() };
    let server = Server::configured(config, Chatbot::builder()).await;
    let ask = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".as_slice();
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let mut answer = [0; 12];
    first.write_all(ask).await.unwrap();
    first.read_exact(&mut answer).await.unwrap();
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(ask).await.unwrap();
    for _ in 0..20 {
        first.write_all(ask).await.unwrap();
        let n = first.read(&mut [0; 4096]).await.unwrap();
        assert!(n > 0);
    }
    let nothing = second.try_read(&mut answer).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    second.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}
