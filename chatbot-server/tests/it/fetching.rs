//! Documents on the web, over HTTP and from the command line.

use chatbot_core::Chatbot;
use chatbot_core::config::EngineConfig;
use chatbot_core::testing::scripted_server::{Act, ScriptedServer};
use chatbot_server::config::ServerConfig;
use serde_json::{Value, json};

use crate::cli::{chatbot, json_of};
use crate::support::Server;

const PAGE: &str = "<title>Pumps</title><h1>Care</h1><p>The cooling pump is oiled every 400 hours.";

async fn origin() -> ScriptedServer {
    let html = [("content-type", "text/html")];
    ScriptedServer::replying("200 OK", &html, PAGE).await.unwrap()
}

/// A server that may reach the origin although it is on this machine.
async fn server_for(origin: &ScriptedServer) -> Server {
    let mut config = EngineConfig { embedder: "none".to_owned(), ..EngineConfig::default() };
    config.fetching.allow_hosts = vec![origin.url().replace("http://", "")];
    Server::configured(ServerConfig::default(), Chatbot::builder().config(config)).await
}

#[tokio::test]
async fn a_document_is_fetched_and_answers() {
    let origin = origin().await;
    let server = server_for(&origin).await;
    let address = format!("{}/manual", origin.url());
    let body = json!({"url": address, "metadata": {"year": 2024}});
    let added = server.post_keyed("/api/v1/documents/url", "once", body.clone()).await.expect(202);
    assert_eq!((&added["source"], &added["metadata"]["year"]), (&json!(address), &json!(2024)));
    let again = server.post_keyed("/api/v1/documents/url", "once", body).await;
    assert_eq!(again.json()["id"], added["id"]);
    let document = server.settled(added["id"].as_str().unwrap()).await;
    assert_eq!((&document["status"], &document["title"]), (&json!("ready"), &json!("Pumps")));
    assert_eq!(document["media_type"], "text/html", "{document}");
    let found = server.post("/api/v1/search", json!({"query": "oil the pump"})).await.expect(200);
    assert!(found["hits"][0]["text"].as_str().unwrap().contains("400 hours"), "{found}");
}

#[tokio::test]
async fn what_may_not_be_reached_is_refused_and_nothing_is_kept() {
    let origin = origin().await;
    let server = Server::start().await;
    for (url, status, code) in [
        (origin.url(), 400, "invalid_input"),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), 400, "invalid_input"),
        ("file:///etc/passwd".to_owned(), 400, "invalid_input"),
        ("http://user:word@127.0.0.1/".to_owned(), 400, "invalid_input"),
        (format!("http://{}/api/v1/sessions", server.address), 400, "invalid_input"),
    ] {
        server.post("/api/v1/documents/url", json!({"url": url})).await.error(status, code);
    }
    let elsewhere = json!({"url": "http://example.org/", "collection_id": uuid()});
    server.post("/api/v1/documents/url", elsewhere).await.error(404, "not_found");
    assert_eq!(origin.received(), []);
    let listed = server.get("/api/v1/documents").await.expect(200);
    assert_eq!(listed["items"], json!([]));
}

fn uuid() -> String {
    chatbot_core::types::CollectionId::new().to_string()
}

#[tokio::test]
async fn an_origin_that_fails_is_said() {
    let origin = ScriptedServer::replying("404 Not Found", &[], "no").await.unwrap();
    let server = server_for(&origin).await;
    let reply = server.post("/api/v1/documents/url", json!({"url": origin.url()})).await;
    let error = reply.error(502, "bad_response");
    assert!(error["error"]["message"].as_str().unwrap().contains("404"), "{error}");
    let origin = ScriptedServer::start(vec![vec![Act::Send(
        b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 1\r\n\r\nx".to_vec(),
    )]]);
    let origin = origin.await.unwrap();
    let server = server_for(&origin).await;
    let reply = server.post("/api/v1/documents/url", json!({"url": origin.url()})).await;
    reply.error(422, "unsupported");
}

#[tokio::test]
async fn the_command_line_takes_addresses() {
    let origin = origin().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "The filter is changed in spring.").unwrap();
    let arguments = ["ingest", "--json", "--url", &origin.url(), "--url", "http://10.0.0.1/"];
    let arguments = [&arguments[..], &[file.to_str().unwrap(), "--embedder", "none"]].concat();
    let mut command = chatbot(&folder.path().join("data"), &arguments);
    command.env("CHATBOT__ENGINE__FETCHING__ALLOW_HOSTS", origin.url().replace("http://", ""));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let report = json_of(&output);
    let sources = report["documents"].as_array().unwrap().iter();
    let sources: Vec<&Value> = sources.map(|document| &document["source"]).collect();
    assert_eq!(sources.len(), 2, "{report}");
    assert!(sources.contains(&&json!(format!("{}/", origin.url()))), "{report}");
    assert_eq!(report["failed"][0]["path"], "http://10.0.0.1/");
    assert_eq!(report["failed"][0]["code"], "invalid_input");
}
