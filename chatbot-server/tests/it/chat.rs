//! Chat over HTTP: streamed and whole, followed, left, resumed, stopped, branched.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, header};
use chatbot_core::ErrorKind;
use chatbot_core::testing::{ScriptedModel, Step};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{Server, data, eventually, plain, plain_whole, question};

const PUMP: &str =
    "The cooling pump must be oiled every 400 hours. The filter is changed in spring.";
const ASKED: &str = "How often must the cooling pump be oiled?";

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

fn text(events: &[Value]) -> String {
    let deltas = events.iter().filter(|event| event["type"] == "text");
    deltas.map(|event| event["delta"].as_str().unwrap()).collect()
}

async fn all(server: &Server, method: Method, path: &str, body: Option<Value>) -> Vec<Value> {
    let events: Vec<_> = server.events(method, path, body).await.collect().await;
    for (n, event) in (1_u64..).zip(&events) {
        assert_eq!(event.event.as_deref(), data(event)["type"].as_str());
        assert_eq!(event.id.as_deref().unwrap(), data(event)["seq"].to_string());
        assert!(data(event)["seq"].as_u64().unwrap() >= n);
    }
    events.iter().map(data).collect()
}

#[tokio::test]
async fn an_answer_streams_with_its_sources_and_citations() {
    let server = Server::start().await;
    server.add("manual.txt", PUMP).await;
    let events = all(&server, Method::POST, "/api/v1/chat", Some(json!({"message": ASKED}))).await;
    let kinds = kinds(&events);
    assert_eq!((kinds[0], *kinds.last().unwrap()), ("started", "done"), "{kinds:?}");
    let position = |kind: &str| kinds.iter().position(|k| *k == kind).unwrap();
    assert!(position("sources") < position("text"));
    let message = &events.last().unwrap()["message"];
    assert_eq!(text(&events), message["content"].as_str().unwrap());
    assert_eq!(message["citations"][0]["quote"], "The cooling pump must be oiled every 400 hours.");
    assert_eq!(message["citations"][0]["verified"], true);
    let id = message["id"].as_str().unwrap();
    let stored = server.get(&format!("/api/v1/messages/{id}")).await.expect(200);
    assert_eq!(stored["content"], message["content"]);
}

#[tokio::test]
async fn an_answer_can_come_whole() {
    let server = Server::start().await;
    server.add("manual.txt", PUMP).await;
    let reply = server.post("/api/v1/chat", question(ASKED)).await.expect(200);
    let message = &reply["message"];
    assert_eq!((&message["state"], &message["role"]), (&json!("complete"), &json!("assistant")));
    let follow_up =
        json!({"message": "And the filter?", "session_id": reply["session_id"], "stream": false});
    let second = server.post("/api/v1/chat", follow_up).await.expect(200);
    assert_eq!(second["session_id"], reply["session_id"]);
    let session = reply["session_id"].as_str().unwrap();
    let path = format!("/api/v1/sessions/{session}/messages");
    let third = server.post(&path, json!({"message": "And?", "stream": false})).await.expect(200);
    assert_eq!(third["session_id"], session);
    let listed = server.get(&path).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 6);
    assert_eq!(listed["items"][5]["id"], third["message"]["id"]);
    let body = json!({"message": "x", "session_id": session});
    server.post(&path, body).await.error(400, "invalid_input");
    let off = json!({"message": ASKED, "use_rag": false, "stream": false});
    let reply = server.post("/api/v1/chat", off).await.expect(200);
    assert_eq!(reply["message"]["sources"], json!([]));
}

#[tokio::test]
async fn accept_decides_where_the_body_says_nothing() {
    let server = Server::with_model(ScriptedModel::replying("Hello.")).await;
    for (accept, kind) in [
        ("application/json", "application/json"),
        ("*/*", "text/event-stream"),
        ("text/event-stream", "text/event-stream"),
    ] {
        let request = server.request(Method::POST, "/api/v1/chat").header(header::ACCEPT, accept);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let reply = server.send(request.body(r#"{"message":"Hi"}"#.into()).unwrap()).await;
        assert_eq!(reply.header("content-type"), kind, "{accept}");
    }
}

#[tokio::test]
async fn a_turn_that_fails_says_so_and_is_stored() {
    for (kind, status) in
        [(ErrorKind::Unavailable, 503), (ErrorKind::Timeout, 504), (ErrorKind::BadResponse, 502)]
    {
        let script = vec![Step::Text("Half ".to_owned()), Step::Fail(kind)];
        let server = Server::with_model(ScriptedModel::new(script)).await;
        let reply = server.post("/api/v1/chat", plain_whole("Hi")).await;
        assert_eq!(reply.headers.contains_key("retry-after"), status == 503);
        let error = reply.error(status, kind.code());
        let id = error["message_id"].as_str().unwrap();
        let stored = server.get(&format!("/api/v1/messages/{id}")).await.expect(200);
        assert_eq!(
            (&stored["state"], &stored["session_id"]),
            (&json!("failed"), &error["session_id"])
        );
        let events = all(&server, Method::POST, "/api/v1/chat", Some(plain("Hi"))).await;
        let last = events.last().unwrap();
        assert_eq!(
            (&last["type"], &last["error"]["code"]),
            (&json!("failed"), &json!(kind.code()))
        );
    }
}

#[tokio::test]
async fn losing_the_connection_stops_nothing_and_coming_back_misses_nothing() {
    let words = "one two three four five six seven eight nine ten";
    let model = ScriptedModel::slow(words, Duration::from_millis(30));
    let server = Server::with_model(model.clone()).await;
    let mut events = server.events(Method::POST, "/api/v1/chat", Some(plain("Count"))).await;
    let mut seen = Vec::new();
    while !seen.iter().any(|event: &Value| event["type"] == "text") {
        seen.push(data(&events.next().await.unwrap()));
    }
    drop(events);
    let id = seen[0]["message_id"].as_str().unwrap().to_owned();
    let last = seen.last().unwrap()["seq"].as_u64().unwrap();
    let path = format!("/api/v1/messages/{id}/stream");
    let rest = all(&server, Method::GET, &format!("{path}?after={last}"), None).await;
    assert_eq!(rest[0]["seq"], last + 1);
    let whole: Vec<_> = seen.into_iter().chain(rest).collect();
    assert_eq!(whole.last().unwrap()["message"]["state"], "complete");
    assert_eq!(text(&whole), words);
    assert_eq!(model.n_dropped(), 0);
    // Later it is the same, by the header as well.
    let again = all(&server, Method::GET, &path, None).await;
    assert_eq!(text(&again), words);
    let request = server.request(Method::GET, &path).header("last-event-id", "x");
    server.send(request.body(Body::empty()).unwrap()).await.error(400, "invalid_input");
}

#[tokio::test]
async fn stopping_reaches_the_model_and_keeps_the_text() {
    let model = ScriptedModel::new(vec![Step::Text("So far. ".to_owned()), Step::Hang]);
    let server = Server::with_model(model.clone()).await;
    let mut events = server.events(Method::POST, "/api/v1/chat", Some(plain("Hi"))).await;
    let mut seen: Vec<Value> = Vec::new();
    while !seen.iter().any(|event| event["type"] == "text") {
        seen.push(data(&events.next().await.unwrap()));
    }
    let id = seen[0]["message_id"].as_str().unwrap().to_owned();
    server.post(&format!("/api/v1/messages/{id}/stop"), json!({})).await.expect(204);
    let rest: Vec<_> = events.map(|event| data(&event)).collect().await;
    let last = rest.last().unwrap();
    assert_eq!((&last["type"], &last["error"]["code"]), (&json!("failed"), &json!("cancelled")));
    assert_eq!(last["message"]["state"], "cancelled");
    assert!(last["message"]["content"].as_str().unwrap().starts_with("So far."));
    eventually(|| async { model.n_running() == 0 }).await;
    assert_eq!(model.n_dropped(), 1);
    server.post(&format!("/api/v1/messages/{id}/stop"), json!({})).await.expect(204);
}

#[tokio::test]
async fn questions_and_answers_branch() {
    let server = Server::with_model(ScriptedModel::replying("An answer.")).await;
    let first = server.post("/api/v1/chat", plain_whole("First?")).await.expect(200);
    let session = format!("/api/v1/sessions/{}", first["session_id"].as_str().unwrap());
    let (asked, answered) =
        (first["message"]["parent_id"].as_str().unwrap(), first["message"]["id"].as_str().unwrap());
    let path = format!("{session}/messages/{answered}/regenerate");
    let second = server.post(&path, json!({"stream": false, "use_rag": false})).await.expect(200);
    assert_eq!(second["message"]["parent_id"], asked);
    let bare = server.request(Method::POST, &path).header(header::ACCEPT, "application/json");
    server.send(bare.body(Body::empty()).unwrap()).await.expect(200);
    server.post(&path, plain_whole("Other?")).await.error(400, "invalid_input");
    let edited = server
        .with_json(
            Method::PUT,
            &format!("{session}/messages/{asked}"),
            &plain_whole("First, please?"),
        )
        .await
        .expect(200);
    assert_ne!(edited["message"]["parent_id"], asked);
    let newest = server.get(&format!("{session}/messages")).await.expect(200);
    assert_eq!(newest["items"][0]["content"], "First, please?");
    // A question that has other wordings is shown with its own answer.
    let question = edited["message"]["parent_id"].as_str().unwrap();
    for (asked, n_answers) in [(question, 1), (asked, 3)] {
        let shown = server.get(&format!("{session}/messages?leaf={asked}")).await.expect(200);
        assert_eq!(shown["items"][0]["id"], asked);
        assert_eq!(shown["items"][1]["parent_id"], asked);
        assert_eq!(shown["items"][1]["sibling_ids"].as_array().unwrap().len(), n_answers);
    }
    let old = server.get(&format!("{session}/messages?leaf={answered}")).await.expect(200);
    assert_eq!(old["items"][0]["content"], "First?");
    assert_eq!(old["items"][1]["sibling_ids"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn sessions_are_kept_found_changed_and_taken_away() {
    let server = Server::with_model(ScriptedModel::replying("The **answer**.")).await;
    let reply =
        server.post("/api/v1/chat", plain_whole("Where is the lighthouse?")).await.expect(200);
    let path = format!("/api/v1/sessions/{}", reply["session_id"].as_str().unwrap());
    let found = server.get("/api/v1/sessions?q=LIGHThouse").await.expect(200);
    assert_eq!(found["items"][0]["id"], reply["session_id"]);
    assert_eq!(
        server.get("/api/v1/sessions?q=100%25_nothing").await.expect(200)["items"],
        json!([])
    );
    let patch = json!({"title": "Coast/line", "pinned": true});
    let patched = server.with_json(Method::PATCH, &path, &patch).await.expect(200);
    assert_eq!(patched["pinned"], true);

    let message = reply["message"]["id"].as_str().unwrap();
    let feedback = json!({"rating": "down", "reason": "wrong"});
    let feedback_path = format!("/api/v1/messages/{message}/feedback");
    let rated = server.with_json(Method::PUT, &feedback_path, &feedback).await.expect(200);
    assert_eq!(rated["feedback"]["rating"], "down");
    let bad = json!({"rating": "sideways"});
    server.with_json(Method::PUT, &feedback_path, &bad).await.error(400, "invalid_input");

    let exported = server.get(&format!("{path}/export?format=json")).await;
    assert!(exported.header("content-disposition").contains("Coast-line.json"));
    assert_eq!(exported.json()["messages"].as_array().unwrap().len(), 2);
    let exported = server.get(&format!("{path}/export?format=markdown")).await;
    let markdown = String::from_utf8_lossy(&exported.body).into_owned();
    assert!(
        markdown.starts_with("# Coast/line\n") && markdown.contains("The **answer**."),
        "{markdown}"
    );
    server.get(&format!("{path}/export?format=pdf")).await.error(400, "invalid_input");
    let share = format!("{path}/share");
    let refused = server.post(&share, json!({})).await.error(422, "unsupported");
    assert!(refused["error"]["message"].as_str().unwrap().contains("accounts"), "{refused}");
    server.delete(&share).await.expect(204);

    server.delete(&path).await.expect(204);
    server.get(&path).await.error(404, "not_found");
    server.post(&share, json!({})).await.error(404, "not_found");
    server.delete(&share).await.error(404, "not_found");
    server.get(&format!("/api/v1/messages/{message}")).await.error(404, "not_found");
    let models = server.get("/api/v1/models").await.expect(200);
    assert!(models["items"].as_array().unwrap().iter().any(|model| model["id"] == "extractive"));
}
