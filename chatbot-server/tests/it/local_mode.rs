//! Nobody but the owner, on this machine, through this page or a program.

use axum::body::Body;
use axum::http::Method;
use chatbot_core::ErrorKind;
use chatbot_server::config::Config;
use tokio::net::TcpListener;

use crate::support::Server;

#[tokio::test]
async fn other_sites_get_nothing() {
    let server = Server::start().await;
    let own = format!("http://{}", server.address);
    let with = |method: Method, path: &str, headers: &[(&str, &str)]| {
        let request = server.request(method, path);
        let add = |request: axum::http::request::Builder, (name, value): &(&str, &str)| {
            request.header(*name, *value)
        };
        let request = headers.iter().fold(request, add);
        server.send(request.body(Body::empty()).unwrap())
    };
    for path in ["/api/v1/documents", "/api/v1/sessions", "/", "/openapi.json", "/api/v1/nothing"] {
        for hostile in [
            ("host", "evil.example"),
            ("host", "127.0.0.1.evil.example"),
            ("origin", "https://evil.example"),
            ("origin", "http://localhost:1"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let reply = with(Method::GET, path, &[hostile]).await;
            assert_eq!(reply.header("access-control-allow-origin"), "");
            reply.error(403, "permission_denied");
            with(Method::POST, path, &[hostile]).await.error(403, "permission_denied");
        }
    }
    let page = [("origin", own.as_str()), ("sec-fetch-site", "same-origin")];
    with(Method::GET, "/api/v1/documents", &page).await.expect(200);
    let preflight = [("origin", "https://evil.example"), ("access-control-request-method", "POST")];
    with(Method::OPTIONS, "/api/v1/chat", &preflight).await.error(403, "permission_denied");
}

#[tokio::test]
async fn an_address_that_others_can_reach_is_refused() {
    let listener = TcpListener::bind(("0.0.0.0", 0)).await.unwrap();
    let refused = chatbot_server::run(Config::default(), listener, async {}).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConfigInvalid);
    assert!(refused.message().contains("127.0.0.1") && refused.message().contains("ccounts"));
}
