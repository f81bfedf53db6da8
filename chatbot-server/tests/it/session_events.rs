//! What somebody who has a session open on another device is told.

use axum::http::Method;
use chatbot_core::testing::{ScriptedModel, Step};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{Server, data, plain, plain_whole};

struct Other(
    std::pin::Pin<Box<dyn futures_util::Stream<Item = chatbot_core::sse::SseEvent> + Send>>,
);

impl Other {
    async fn opens(server: &Server, session: &str) -> Self {
        let path = format!("/api/v1/sessions/{session}/events");
        Self(server.events(Method::GET, &path, None).await)
    }

    async fn hears(&mut self) -> Option<Value> {
        let event = self.0.next().await?;
        let json = data(&event);
        assert_eq!(event.event.as_deref(), json["type"].as_str());
        Some(json)
    }

    /// The next event of this kind that is not about the session alone.
    async fn message(&mut self) -> Value {
        loop {
            let event = self.hears().await.unwrap();
            if event["type"] == "message" {
                return event["message"].clone();
            }
        }
    }

    async fn session(&mut self) -> Value {
        loop {
            let event = self.hears().await.unwrap();
            if event["type"] == "session" {
                return event["session"].clone();
            }
        }
    }
}

#[tokio::test]
async fn another_device_hears_of_questions_answers_names_and_the_end() {
    let model = ScriptedModel::new(vec![Step::Text("So far. ".to_owned()), Step::Hang]);
    let server = Server::with_model(model).await;
    let session = server.post("/api/v1/sessions", json!({"title": "Pumps"})).await.expect(201);
    let id = session["id"].as_str().unwrap();
    let path = format!("/api/v1/sessions/{id}");
    let mut other = Other::opens(&server, id).await;
    assert_eq!(other.session().await, session, "it begins with how things stand");

    let events = server.events(Method::POST, &format!("{path}/messages"), Some(plain("Hi"))).await;
    let asked = other.message().await;
    assert_eq!((&asked["role"], &asked["state"]), (&json!("user"), &json!("complete")));
    let answer = other.message().await;
    assert_eq!((&answer["role"], &answer["parent_id"]), (&json!("assistant"), &asked["id"]));
    assert!(answer.get("content").is_none(), "what it says is read elsewhere");
    let message = answer["id"].as_str().unwrap();

    // Who comes in the middle hears of what is going on.
    let mut late = Other::opens(&server, id).await;
    assert_eq!(late.session().await["message_count"], 2);
    assert_eq!(late.message().await["id"], asked["id"]);
    assert_eq!(late.message().await["id"], message);

    server.post(&format!("/api/v1/messages/{message}/stop"), json!({})).await.expect(204);
    drop(events.collect::<Vec<_>>().await);
    let ended = loop {
        let changed = other.message().await;
        assert_eq!(changed["id"], message);
        if changed["state"] != "streaming" {
            break changed;
        }
    };
    assert_eq!(ended["state"], "cancelled");

    let patch = json!({"title": "Filters", "pinned": true, "folder": "Plant"});
    let renamed = server.with_json(Method::PATCH, &path, &patch).await.expect(200);
    while other.session().await != renamed {}

    server.delete(&path).await.expect(204);
    while other.hears().await.unwrap() != json!({"type": "deleted"}) {}
    assert_eq!(other.hears().await, None, "nothing comes after the end");
}

#[tokio::test]
async fn an_answer_on_another_branch_is_heard_of_too() {
    let server = Server::with_model(ScriptedModel::replying("An answer.")).await;
    let first = server.post("/api/v1/chat", plain_whole("First?")).await.expect(200);
    let session = first["session_id"].as_str().unwrap();
    let mut other = Other::opens(&server, session).await;
    let known = [other.message().await, other.message().await];
    let answered = known[1]["id"].as_str().unwrap();
    let path = format!("/api/v1/sessions/{session}/messages/{answered}/regenerate");
    let body = json!({"stream": false, "use_rag": false});
    let again = server.post(&path, body).await.expect(200);
    let mut news = other.message().await;
    while news["state"] != "complete" {
        news = other.message().await;
    }
    assert_eq!((&news["id"], &news["parent_id"]), (&again["message"]["id"], &known[0]["id"]));
}

#[tokio::test]
async fn stopping_the_server_ends_the_stream() {
    let server = Server::start().await;
    let session = server.post("/api/v1/sessions", json!({})).await.expect(201);
    let mut other = Other::opens(&server, session["id"].as_str().unwrap()).await;
    other.session().await;
    server.stop().await.unwrap();
    assert_eq!(other.hears().await, None);
}
