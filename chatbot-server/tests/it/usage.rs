//! What the asker used, over HTTP.

use chatbot_core::Chatbot;
use chatbot_core::config::EngineConfig;
use chatbot_core::testing::ScriptedModel;
use chatbot_server::config::ServerConfig;
use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn what_was_used_is_summed_up() {
    let mut config = EngineConfig::default();
    // Naming the session is a call too, and comes when it comes.
    config.turns.titles = false;
    let engine = Chatbot::builder().config(config);
    let engine = engine.custom_model(ScriptedModel::replying("Hello there."));
    let server = Server::configured(ServerConfig::default(), engine).await;
    let body = json!({"message": "Hello?", "use_rag": false, "stream": false});
    let reply = server.post("/api/v1/chat", body).await.expect(200);
    let usage = &reply["message"]["usage"];

    let used = server.get("/api/v1/me/usage?group_by=purpose").await.expect(200);
    assert_eq!((&used["group_by"], &used["total"]["n_calls"]), (&json!("purpose"), &json!(1)));
    assert_eq!(used["total"]["input_tokens"], usage["input_tokens"]);
    assert_eq!(used["items"][0]["key"], "answer");
    assert_eq!(used["items"][0]["total"], used["total"]);
    let session = server.get("/api/v1/me/usage?group_by=session").await.expect(200);
    assert_eq!(session["items"][0]["key"], reply["session_id"]);
    let past = "/api/v1/me/usage?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z";
    let past = server.get(past).await.expect(200);
    assert_eq!((&past["total"]["n_calls"], &past["items"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn a_time_that_is_none_is_refused() {
    let server = Server::start().await;
    for query in [
        "from=yesterday",
        "group_by=user",
        "user=ada",
        "from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z",
    ] {
        let reply = server.get(&format!("/api/v1/me/usage?{query}")).await;
        reply.error(400, "invalid_input");
    }
}
