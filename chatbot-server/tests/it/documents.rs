//! Documents over HTTP: in, found, shown, changed, gone; and forms that are not right.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, header};
use futures_util::stream;
use serde_json::json;

use crate::support::{BOUNDARY, Server, with_form};

const PUMP: &str =
    "The cooling pump must be oiled every 400 hours. The filter is changed in spring.";

#[tokio::test]
async fn what_is_uploaded_is_found_and_shown_and_what_is_deleted_is_gone() {
    let server = Server::start().await;
    let document = server.add("manual.txt", PUMP).await;
    assert_eq!(document["title"], "manual.txt");
    assert_eq!(document["coverage"], json!({"lexical": 1.0, "dense": 1.0}));
    let path = format!("/api/v1/documents/{}", document["id"].as_str().unwrap());

    let found =
        server.post("/api/v1/search", json!({"query": "oil the pump", "explain": true})).await;
    let found = found.expect(200);
    let hit = &found["hits"][0];
    assert_eq!(hit["document_id"], document["id"]);
    assert!(found["trace"]["steps"].is_array());
    let (start, end) = (hit["byte_start"].as_u64().unwrap(), hit["byte_end"].as_u64().unwrap());
    let text = server.get(&format!("{path}/text?version=1&start={start}&end={end}")).await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(hit["text"], String::from_utf8_lossy(&text.body).as_ref());
    assert_eq!(server.get(&format!("{path}/text")).await.body, PUMP);
    server.get(&format!("{path}/text?start=1")).await.error(400, "invalid_input");
    server.get(&format!("{path}/text?version=9")).await.error(404, "not_found");

    let chunks = server.get(&format!("{path}/chunks")).await.expect(200);
    assert_eq!(chunks["items"][0]["text"], PUMP);
    let versions = server.get(&format!("{path}/versions")).await.expect(200);
    assert_eq!(versions["items"][0]["live"], true);

    server.delete(&path).await.expect(204);
    server.get(&path).await.error(404, "not_found");
    let found = server.post("/api/v1/search", json!({"query": "oil the pump"})).await.expect(200);
    assert_eq!(found["hits"], json!([]));
}

#[tokio::test]
async fn what_is_inside_a_document_is_listed_by_it_and_goes_with_it() {
    let server = Server::start().await;
    let mail = "From a@b.c Thu Jan  1 00:00:00 1970\nFrom: a@b.c\nSubject: Pump\n\nIt is oiled.\n\n\
        From a@b.c Thu Jan  1 00:00:00 1970\nFrom: a@b.c\nSubject: Filter\n\nIt is changed.\n";
    let folder = server.add("mail.mbox", mail).await;
    assert_eq!((&folder["part_count"], &folder["parent_id"]), (&json!(2), &json!(null)));
    let id = folder["id"].as_str().unwrap();
    let list = format!("/api/v1/documents?parent_id={id}&limit=1");
    let page = server.get(&list).await.expect(200);
    assert_eq!(page["items"][0]["source"], "mail.mbox/0002 Filter.eml");
    let next = format!("{list}&cursor={}", page["next_cursor"].as_str().unwrap());
    let page = server.get(&next).await.expect(200);
    let part = &page["items"][0];
    assert_eq!((&part["parent_id"], &page["next_cursor"]), (&folder["id"], &json!(null)));
    let part = part["id"].as_str().unwrap();
    assert_eq!(server.settled(part).await["title"], "Pump");
    let form = [("file", Some("new.txt"), b"Other.".as_slice())];
    let put = server.request(Method::PUT, &format!("/api/v1/documents/{part}/content"));
    server.send(with_form(put, &form)).await.error(409, "conflict");
    server.get("/api/v1/documents?parent_id=nothing").await.error(400, "invalid_input");

    server.delete(&format!("/api/v1/documents/{part}")).await.expect(204);
    let path = format!("/api/v1/documents/{id}");
    assert_eq!(server.get(&path).await.expect(200)["part_count"], 1);
    server.delete(&path).await.expect(204);
    let left = server.get("/api/v1/documents").await.expect(200);
    assert_eq!(left["items"], json!([]));
}

#[tokio::test]
async fn a_replaced_version_comes_back_and_the_history_says_what_changed() {
    let server = Server::start().await;
    let document = server.add("manual.txt", PUMP).await;
    let id = document["id"].as_str().unwrap();
    let path = format!("/api/v1/documents/{id}");
    let form = [("file", Some("new.txt"), b"The pump is gone.".as_slice())];
    let put = with_form(server.request(Method::PUT, &format!("{path}/content")), &form);
    server.send(put).await.expect(202);
    assert_eq!(server.settled(id).await["version"], 2);
    let versions = server.get(&format!("{path}/versions")).await.expect(200);
    let changes = json!({"since_version": 1, "kept": 0, "added": 1, "removed": 1});
    assert_eq!(versions["items"][0]["changes"], changes);
    assert_eq!(versions["items"][1]["changes"], json!(null));
    assert_eq!(versions["items"][1]["restorable"], true);

    let restored = server.post(&format!("{path}/versions/1/restore"), json!({})).await.expect(200);
    assert_eq!((&restored["version"], &restored["source"]), (&json!(1), &json!("manual.txt")));
    assert_eq!(server.get(&format!("{path}/text")).await.body, PUMP);
    for unknown in ["9", "first", "-1"] {
        let path = format!("{path}/versions/{unknown}/restore");
        server.post(&path, json!({})).await.error(404, "not_found");
    }
}

#[tokio::test]
async fn the_same_again_is_the_document_that_exists() {
    let server = Server::start().await;
    let first = server.add("a.txt", PUMP).await;
    let again = server.upload("a.txt", PUMP.as_bytes()).await.expect(200);
    assert_eq!((&again["id"], &again["duplicate"]), (&first["id"], &json!(true)));
    let form = [("file", Some("b.txt"), PUMP.as_bytes()), ("title", None, b"Another".as_slice())];
    let other = server.form(&form).await.expect(202);
    assert_ne!(other["id"], first["id"]);
    let listed = server.get("/api/v1/documents?q=anOTHer").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_original_is_never_shown_as_a_page_of_this_site() {
    let server = Server::start().await;
    let html = b"<script>fetch('/api/v1/documents')</script><p>Some text.";
    let name = "../../<img src=x onerror=1>\u{202E}.html";
    let document = server.upload(name, html).await.expect(202);
    assert_eq!(document["source"], name);
    let id = document["id"].as_str().unwrap();
    let original = server.get(&format!("/api/v1/documents/{id}/content")).await;
    assert_eq!(original.body, html.as_slice());
    assert_eq!(original.header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(original.header("x-content-type-options"), "nosniff");
    let disposition = original.header("content-disposition");
    assert!(
        disposition.starts_with("attachment; filename=\"_img src_x onerror_1_.html\""),
        "{disposition}"
    );
}

#[tokio::test]
async fn a_form_may_say_what_it_is_about_after_the_file() {
    let server = Server::start().await;
    let collection =
        server.post("/api/v1/collections", json!({"name": "manuals"})).await.expect(201);
    let id = collection["id"].as_str().unwrap();
    let form = [
        ("file", Some("a.txt"), PUMP.as_bytes()),
        ("collection_id", None, id.as_bytes()),
        ("title", None, "Pump ü".as_bytes()),
        ("metadata", None, b"{\"year\": 2024}".as_slice()),
    ];
    let document = server.form(&form).await.expect(202);
    assert_eq!(document["collection_id"], id);
    assert_eq!(document["title"], "Pump ü");
    assert_eq!(document["metadata"]["year"], 2024);
    server.settled(document["id"].as_str().unwrap()).await;
    let filter =
        |year| json!({"query": "pump", "filter": {"op": "eq", "key": "year", "value": year}});
    let found = server.post("/api/v1/search", filter(2024)).await.expect(200);
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
    let found = server.post("/api/v1/search", filter(2023)).await.expect(200);
    assert_eq!(found["hits"], json!([]));

    let path = format!("/api/v1/documents/{}", document["id"].as_str().unwrap());
    let patch = json!({"title": "Renamed", "metadata": {"year": 2023}});
    let patched = server.with_json(Method::PATCH, &path, &patch).await.expect(200);
    assert_eq!(patched["title"], "Renamed");
    let path = format!("/api/v1/collections/{id}");
    let patch = json!({"name": "Manuals", "description": "What came with the pumps."});
    for _ in 0..2 {
        let patched = server.with_json(Method::PATCH, &path, &patch).await.expect(200);
        assert_eq!(
            (&patched["name"], &patched["visibility"]),
            (&json!("Manuals"), &json!("private"))
        );
        assert_eq!(patched["description"], "What came with the pumps.");
    }
    server.post("/api/v1/collections", json!({"name": "letters"})).await.expect(201);
    let taken = json!({"name": "letters"});
    server.with_json(Method::PATCH, &path, &taken).await.error(409, "already_exists");
    server.with_json(Method::PATCH, &path, &json!({"name": ""})).await.error(400, "invalid_input");
    server.delete(&path).await.expect(204);
    server.with_json(Method::PATCH, &path, &patch).await.error(404, "not_found");
    server.get(&path).await.error(404, "not_found");
}

#[tokio::test]
async fn a_new_version_takes_the_place_of_the_old_one() {
    let server = Server::start().await;
    let document = server.add("a.txt", PUMP).await;
    let id = document["id"].as_str().unwrap();
    let path = format!("/api/v1/documents/{id}/content");
    let new = PUMP.replace("400", "900");
    let request = server.request(Method::PUT, &path);
    server.send(with_form(request, &[("file", Some("a.txt"), new.as_bytes())])).await.expect(202);
    let document = server.settled(id).await;
    assert_eq!((&document["version"], &document["status"]), (&json!(2), &json!("ready")));
    assert_eq!(server.get(&path).await.body, new);
    let old = server.get(&format!("/api/v1/documents/{id}/text?version=1")).await;
    assert_eq!(old.status, 200, "messages quote it");
    server.get(&format!("/api/v1/documents/{id}/chunks?version=1")).await.error(404, "not_found");
    let text = server.get(&format!("/api/v1/documents/{id}/text?version=2")).await;
    assert_eq!(text.body, new);
    server.post(&format!("/api/v1/documents/{id}/reindex"), json!({})).await.expect(202);
    assert_eq!(server.settled(id).await["status"], "ready");
    server.post(&format!("/api/v1/documents/{id}/cancel"), json!({})).await.error(409, "conflict");
}

#[tokio::test]
async fn forms_that_are_not_right_are_refused() {
    let server = Server::start().await;
    let text = b"text".as_slice();
    let long = "n".repeat(2000);
    for (parts, field) in [
        (vec![("title", None, text)], "file"),
        (vec![("file", Some("a"), text), ("file", Some("b"), text)], "file"),
        (vec![("file", None, text)], "file"),
        (vec![("file", Some(""), text)], "file"),
        (vec![("file", Some(long.as_str()), text)], "file"),
        (vec![("file", Some("a"), text), ("owner", None, text)], "owner"),
        (vec![("file", Some("a"), text), ("metadata", None, text)], "metadata"),
        (vec![("file", Some("a"), text), ("metadata", None, b"[]".as_slice())], "metadata"),
        (vec![("file", Some("a"), text), ("title", None, b"\xff".as_slice())], "title"),
    ] {
        let error = server.form(&parts).await.error(400, "invalid_input");
        assert_eq!(error["error"]["fields"][0]["field"], field, "{error}");
    }
    let unknown = b"018f0000-0000-7000-8000-000000000000".as_slice();
    let elsewhere = [("file", Some("a"), text), ("collection_id", None, unknown)];
    server.form(&elsewhere).await.error(404, "not_found");
    let raw = |kind: &'static str, body: &'static str| {
        let request = server.request(Method::POST, "/api/v1/documents");
        server.send(request.header(header::CONTENT_TYPE, kind).body(body.into()).unwrap())
    };
    raw("multipart/form-data", "").await.error(415, "invalid_input");
    raw("application/json", "{}").await.error(415, "invalid_input");
    let cut = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf";
    raw("multipart/form-data; boundary=x", cut).await.error(400, "invalid_input");
    raw("multipart/form-data; boundary=x", "nothing").await.error(400, "invalid_input");
    let many = vec![("title", None, text); 10_000];
    server.form(&many).await.error(400, "invalid_input");
    let documents = server.get("/api/v1/documents").await.expect(200);
    assert_eq!(documents["items"], json!([]));
}

#[tokio::test]
async fn an_upload_over_the_limit_gets_its_answer() {
    let server = Server::start().await;
    let piece = Bytes::from(vec![b'a'; 1 << 20]);
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
    );
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let send = |declared: Option<u64>| {
        let pieces: Vec<_> = [vec![Bytes::from(head.clone())], vec![piece.clone(); 52]].concat();
        let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)));
        let mut request = server.request(Method::POST, "/api/v1/documents");
        request = request.header(header::CONTENT_TYPE, kind.clone());
        if let Some(bytes) = declared {
            request = request.header(header::CONTENT_LENGTH, bytes);
        }
        server.send(request.body(body).unwrap())
    };
    let error = send(None).await.error(413, "too_large");
    assert!(error["error"]["message"].as_str().unwrap().contains("50 MiB"), "{error}");
    send(Some((52 << 20) + u64::try_from(head.len()).unwrap())).await.error(413, "too_large");
    // The server is well, and nothing was left behind.
    server.get("/ready").await.expect(200);
    let left = std::fs::read_dir(server.folder.path().join("data/blobs")).unwrap();
    assert!(left.flatten().all(|entry| entry.metadata().unwrap().is_dir()), "a file was left");
}

#[tokio::test]
async fn odd_bytes_are_documents_or_failures_with_a_reason() {
    let server = Server::start().await;
    let mut nul = b"The pump\0must be oiled. ".repeat(3);
    nul.extend(b"\xff\xfe invalid");
    for (name, bytes, expected) in [
        ("nul.txt", nul.as_slice(), &["ready", "failed"][..]),
        ("empty.txt", b"", &["failed"]),
        ("broken.pdf", b"%PDF-1.7 nothing", &["failed"]),
        ("unknown.bin", b"\x7fELF\x02\x01\x01\0\0\0\0\0", &["failed"]),
    ] {
        let document = server.upload(name, bytes).await.expect(202);
        let settled = server.settled(document["id"].as_str().unwrap()).await;
        let status = settled["status"].as_str().unwrap();
        assert!(expected.contains(&status), "{settled}");
        if status == "failed" {
            let error = &settled["error"];
            assert!(error["code"].is_string() && error["reason"].is_string(), "{settled}");
        }
    }
    server.get("/ready").await.expect(200);
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_leaves_nothing() {
    use tokio::io::AsyncWriteExt as _;
    let server = Server::start().await;
    let mut connection = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /api/v1/documents HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\
         Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nContent-Disposition: form-data; \
         name=\"file\"; filename=\"a\"\r\n\r\n{}",
        "text ".repeat(100)
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(connection);
    let documents = server.get("/api/v1/documents").await.expect(200);
    assert_eq!(documents["items"], json!([]));
}
