//! What holds for every request: errors, names, limits, ids, keys, headers.

use axum::body::Body;
use axum::http::{Method, header};
use chatbot_core::types::SessionId;
use serde_json::{Value, json};

use crate::support::{Server, question, with_form};

#[tokio::test]
async fn whatever_is_wrong_is_said_in_the_native_form() {
    let server = Server::start().await;
    server.get("/api/v1/nothing").await.error(404, "not_found");
    server.get("/v1/models").await.error(404, "not_found");
    server.get("/metrics").await.error(404, "not_found");
    let wrong_method = server.delete("/api/v1/search").await;
    assert_eq!(wrong_method.header("allow"), "POST");
    wrong_method.error(405, "invalid_input");
    let untyped = server.request(Method::POST, "/api/v1/search").body("{}".into()).unwrap();
    server.send(untyped).await.error(415, "invalid_input");
    let deep =
        format!("{{\"query\":\"a\",\"filter\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for body in ["", "{", "nul", "{} {}", "{\"query\":\"\\ud800\"}", "{\"query\":1e400}", &deep] {
        let request = server.request(Method::POST, "/api/v1/search");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        server
            .send(request.body(Body::from(body.to_owned())).unwrap())
            .await
            .error(400, "invalid_input");
    }
    for body in [json!(null), json!([]), json!("a"), json!({"query": null}), json!({"query": [1]})]
    {
        server.post("/api/v1/search", body.clone()).await.error(400, "invalid_input");
        server.post("/api/v1/chat", body.clone()).await.error(400, "invalid_input");
        server.post("/api/v1/collections", body).await.error(400, "invalid_input");
    }
    // By position this would be a question.
    let listed = server.post("/api/v1/chat", json!(["Hello"])).await.error(400, "invalid_input");
    assert!(listed["error"]["message"].as_str().unwrap().contains("an object"), "{listed}");
    let health = server.get("/api/v1/health").await.expect(200);
    assert_eq!(health["status"], "ok", "{health}");
}

#[tokio::test]
async fn fields_that_are_wrong_are_named() {
    let server = Server::start().await;
    for (path, body, field) in [
        ("/api/v1/collections", json!({"name": "a", "owner": "me"}), "owner"),
        ("/api/v1/collections", json!({}), "name"),
        ("/api/v1/sessions", json!({"role": "admin"}), "role"),
        ("/api/v1/search", json!({"query": "a", "top_k": "many"}), "top_k"),
        ("/api/v1/search", json!({"query": "a", "strategy": "best"}), "strategy"),
        ("/api/v1/chat", json!({"message": "a", "user_id": "me"}), "user_id"),
        ("/api/v1/chat", json!({"message": "a", "parent_id": SessionId::new()}), "parent_id"),
        ("/api/v1/documents/text", json!({"title": "a", "text": "b", "id": "c"}), "id"),
    ] {
        let error = server.post(path, body).await.error(400, "invalid_input");
        assert_eq!(error["error"]["fields"][0]["field"], field, "{error}");
    }
    for query in ["limit=0", "limit=201", "limit=-1", "limit=many", "limit=99999999999"] {
        let error =
            server.get(&format!("/api/v1/documents?{query}")).await.error(400, "invalid_input");
        assert_eq!(error["error"]["fields"][0]["field"], "limit", "{error}");
    }
    let error = server.get("/api/v1/sessions?offset=1").await.error(400, "invalid_input");
    assert_eq!(error["error"]["fields"][0]["field"], "offset");
    server.get("/api/v1/sessions?q=%ff").await.error(400, "invalid_input");
    server.get("/api/v1/sessions?q=%C3%BC+%F0%9F%98%80").await.expect(200);
    server.get("/api/v1/documents?cursor=nonsense").await.error(400, "invalid_input");
}

#[tokio::test]
async fn what_cannot_be_an_id_is_like_an_id_that_nobody_has() {
    let server = Server::start().await;
    let unknown = SessionId::new().to_string();
    for path in [
        "/api/v1/collections/ID",
        "/api/v1/documents/ID",
        "/api/v1/documents/ID/content",
        "/api/v1/documents/ID/text",
        "/api/v1/documents/ID/chunks",
        "/api/v1/documents/ID/versions",
        "/api/v1/documents/ID/events",
        "/api/v1/sessions/ID",
        "/api/v1/sessions/ID/events",
        "/api/v1/sessions/ID/messages",
        "/api/v1/sessions/ID/export",
        "/api/v1/messages/ID",
        "/api/v1/messages/ID/stream",
    ] {
        let without_name = |mut json: Value| {
            json["error"]["request_id"] = Value::Null;
            json
        };
        let known = server.get(&path.replace("ID", &unknown)).await.error(404, "not_found");
        for id in ["1", "abc", "%00", "..%2f..%2fetc", "'%20OR%201=1"] {
            let reply = server.get(&path.replace("ID", id)).await.error(404, "not_found");
            assert_eq!(without_name(reply), without_name(known.clone()), "{path} {id}");
        }
    }
}

#[tokio::test]
async fn a_request_has_a_name() {
    let server = Server::start().await;
    let named = |name: &'static str| {
        let request = server.request(Method::GET, "/api/v1/nothing").header("x-request-id", name);
        server.send(request.body(Body::empty()).unwrap())
    };
    let reply = named("client-7").await;
    assert_eq!(reply.header("x-request-id"), "client-7");
    assert_eq!(reply.json()["error"]["request_id"], "client-7");
    for hostile in ["a b", "x\u{e9}", "", "{\"a\":1}"] {
        let reply = named(hostile).await;
        let name = reply.header("x-request-id").to_owned();
        assert!(name != hostile && name.parse::<SessionId>().is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_create_with_a_key_happens_once() {
    let server = Server::start().await;
    for (path, body, other) in [
        ("/api/v1/collections", json!({"name": "a"}), json!({"name": "b"})),
        ("/api/v1/sessions", json!({"title": "a"}), json!({"title": "b"})),
        (
            "/api/v1/documents/text",
            json!({"title": "a", "text": "b"}),
            json!({"title": "a", "text": "c"}),
        ),
    ] {
        let first = server.post_keyed(path, path, body.clone()).await;
        assert!(first.status.is_success());
        let again = server.post_keyed(path, path, body).await;
        assert_eq!(again.status, first.status, "{path}");
        assert_eq!(again.json()["id"], first.json()["id"]);
        let mismatch = server.post_keyed(path, path, other).await.error(409, "conflict");
        assert_eq!(mismatch["error"]["reason"], "idempotency_mismatch");
    }
    let upload = |text: &'static str| {
        let request = server.request(Method::POST, "/api/v1/documents");
        let request = request.header("idempotency-key", "upload");
        server.send(with_form(request, &[("file", Some("u.txt"), text.as_bytes())]))
    };
    let first = upload("one").await.expect(202);
    assert_eq!(upload("one").await.json()["id"], first["id"]);
    upload("two").await.error(409, "conflict");

    let ask = |text| server.post_keyed("/api/v1/chat", "ask", question(text));
    let first = ask("Who?").await.expect(200);
    let again = ask("Who?").await.expect(200);
    assert_eq!(again["message"]["id"], first["message"]["id"]);
    ask("What?").await.error(409, "conflict");
    let sessions = server.get("/api/v1/sessions").await.expect(200);
    assert_eq!(sessions["items"].as_array().unwrap().len(), 2);
    let bad = server.post_keyed("/api/v1/sessions", "a b", json!({})).await;
    bad.error(400, "invalid_input");
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let server = Server::start().await;
    let megabyte = "a ".repeat(600_000);
    server.post("/api/v1/chat", question(&megabyte)).await.error(413, "too_large");
    server.post("/api/v1/search", json!({"query": megabyte})).await.error(413, "too_large");
    let long = "a ".repeat(20_000);
    server.post("/api/v1/chat", question(&long)).await.error(413, "too_large");
    server.post("/api/v1/search", json!({"query": long})).await.error(413, "too_large");
    let text = json!({"title": "large", "text": "word ".repeat(400_000)});
    server.post("/api/v1/documents/text", text).await.expect(202);
    for (path, body) in [
        ("/api/v1/search", json!({"query": "a", "top_k": 0})),
        ("/api/v1/search", json!({"query": "a", "top_k": 101})),
        ("/api/v1/search", json!({"query": " "})),
        ("/api/v1/chat", json!({"message": ""})),
        ("/api/v1/chat", json!({"message": "a", "top_k": 1_000_000})),
        ("/api/v1/chat", json!({"message": "a", "temperature": 1e30})),
        ("/api/v1/chat", json!({"message": "a", "max_output_tokens": 0})),
        ("/api/v1/collections", json!({"name": ""})),
        ("/api/v1/collections", json!({"name": "n".repeat(300)})),
    ] {
        server.post(path, body).await.error(400, "invalid_input");
    }
}

#[tokio::test]
async fn the_character_nul_is_refused_in_names_and_left_out_of_texts() {
    let server = Server::start().await;
    let body = json!({"title": "Manual", "text": "The pump\0 is oiled every 400 hours."});
    let added = server.post("/api/v1/documents/text", body).await.expect(202);
    let document = format!("/api/v1/documents/{}", added["id"].as_str().unwrap());
    assert_eq!(server.settled(added["id"].as_str().unwrap()).await["status"], "ready");
    let text = server.get(&format!("{document}/text")).await.body;
    assert_eq!(text, "The pump is oiled every 400 hours.");
    let session = server.post("/api/v1/sessions", json!({})).await.expect(201);
    let session = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());

    let (post, patch) = (Method::POST, Method::PATCH);
    for (method, path, body) in [
        (&post, "/api/v1/chat", question("When is\0 the pump oiled?")),
        (&post, "/api/v1/search", json!({"query": "pump\0"})),
        (&post, "/api/v1/sessions", json!({"title": "\0Pumps"})),
        (&patch, &session, json!({"title": "Pum\0ps"})),
        (&post, "/api/v1/collections", json!({"name": "Pumps\0"})),
        (&post, "/api/v1/documents/text", json!({"title": "Man\0ual", "text": "text"})),
        (&patch, &document, json!({"title": "Man\0ual"})),
    ] {
        let reply = server.with_json(method.clone(), path, &body).await;
        let error = reply.error(400, "invalid_input");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains("U+0000") && message.contains("Remove"), "{path}: {message}");
    }
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let server = Server::start().await;
    for path in [
        "/",
        "/c/1",
        "/health",
        "/ready",
        "/api/v1/documents",
        "/api/v1/nothing",
        "/docs/index.html",
    ] {
        let reply = server.get(path).await;
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe-eval"), "{path}");
        assert!(
            policy.contains("img-src 'self' data:") && policy.contains("frame-ancestors 'none'")
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), value, "{path}");
        }
        assert!(!reply.header("permissions-policy").is_empty());
        assert_eq!(reply.header("access-control-allow-origin"), "");
        assert_eq!(reply.header("server"), "");
    }
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let server = Server::start().await;
    for encoding in ["gzip", "br"] {
        let request = server.request(Method::GET, "/openapi.json");
        let request =
            request.header(header::ACCEPT_ENCODING, encoding).body(Body::empty()).unwrap();
        let reply = server.send(request).await;
        assert_eq!(reply.header("content-encoding"), encoding);
        assert!(reply.header("vary").contains("accept-encoding"));
    }
}

#[tokio::test]
async fn a_server_that_drains_is_alive_and_not_ready() {
    use axum::http::{Request, StatusCode};
    use tower::ServiceExt as _;
    let chatbot = chatbot_core::Chatbot::builder().build().await.unwrap();
    let app = chatbot_server::App::new(chatbot, &chatbot_server::config::Config::default());
    let draining = app.draining.clone();
    let router = chatbot_server::router(app);
    let status = async |path: &str| {
        let request = Request::get(path).header(header::HOST, "127.0.0.1").body(Body::empty());
        router.clone().oneshot(request.unwrap()).await.unwrap().status()
    };
    assert_eq!(status("/ready").await, StatusCode::OK);
    draining.cancel();
    assert_eq!(status("/ready").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(status("/health").await, StatusCode::OK);
}

#[tokio::test]
async fn stopping_lets_go_of_the_data_directory() {
    let server = Server::start().await;
    server.get("/ready").await.expect(200);
    let lock = server.folder.path().join("data").join("lock");
    let owner: Value = serde_json::from_slice(&std::fs::read(&lock).unwrap()).unwrap();
    assert_eq!(owner["address"], server.address.to_string());
    assert_eq!(owner["pid"], std::process::id());
    let file = std::fs::File::open(&lock).unwrap();
    assert!(file.try_lock().is_err());
    server.stop().await.unwrap();
    assert!(file.try_lock().is_ok());
}
