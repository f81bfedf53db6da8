//! The embedded page: its routes, and what may be cached.

use axum::body::Body;
use axum::http::{Method, header};

use crate::support::Server;

#[tokio::test]
async fn every_path_of_the_page_is_the_page() {
    let server = Server::start().await;
    let index = server.get("/").await;
    assert_eq!(index.status, 200);
    assert_eq!(index.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(index.header("cache-control"), "no-cache");
    for path in ["/c/018f0000-0000-7000-8000-000000000000", "/documents", "/index.html"] {
        let page = server.get(path).await;
        assert_eq!((page.status, &page.body), (index.status, &index.body), "{path}");
    }
    let etag = index.header("etag").to_owned();
    let request = server.request(Method::GET, "/").header(header::IF_NONE_MATCH, etag.clone());
    let known = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    assert_eq!(known.header("etag"), etag);
    for path in ["/assets/nothing.js", "/api", "/v1", "/.sources"] {
        let reply = server.get(path).await;
        if path == "/.sources" {
            assert_eq!(reply.body, index.body, "the build's notes are not served");
        } else {
            reply.error(404, "not_found");
        }
    }
    let posted = server.request(Method::POST, "/").body(Body::empty()).unwrap();
    server.send(posted).await.error(404, "not_found");
}

#[tokio::test]
async fn files_with_a_hash_in_their_name_may_be_kept_for_ever() {
    let server = Server::start().await;
    let index = server.get("/").await;
    let html = String::from_utf8_lossy(&index.body).into_owned();
    let assets: Vec<_> = html.split('"').filter(|part| part.starts_with("/assets/")).collect();
    if assets.is_empty() {
        println!("skipped: the page is not embedded in this build");
    }
    for asset in assets {
        let file = server.get(asset).await;
        assert_eq!(file.status, 200, "{asset}");
        assert!(file.header("cache-control").contains("immutable"));
    }
}
