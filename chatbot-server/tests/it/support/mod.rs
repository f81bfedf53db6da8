//! A server on a free port, and a client that sees everything.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use chatbot_core::sse::{SseEvent, SseParser};
use chatbot_core::testing::ScriptedModel;
use chatbot_core::{Chatbot, ChatbotBuilder, Result};
use chatbot_server::App;
use chatbot_server::config::{Config, ServerConfig};
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const BOUNDARY: &str = "boundary";

/// A server that stops when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    /// The engine, where the test made it.
    pub(crate) chatbot: Option<Chatbot>,
    http: Client<HttpConnector, Body>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<Result<()>>>,
}

/// Events as they come.
pub(crate) type Events = std::pin::Pin<Box<dyn futures_util::Stream<Item = SseEvent> + Send>>;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The native error, which every error is.
    #[track_caller]
    pub(crate) fn error(self, status: u16, code: &str) -> Value {
        let json = self.expect(status);
        assert_eq!(json["error"]["code"], code, "{json}");
        assert!(json["error"]["message"].is_string() && json["error"]["retryable"].is_boolean());
        assert!(json["error"]["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{json}");
        json
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Server {
    /// The server as it is shipped, with an empty data directory.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self::on(&folder.path().join("data")).await;
        server.folder = folder;
        server
    }

    /// The server as it is shipped, on a data directory that is there.
    pub(crate) async fn on(data_dir: &std::path::Path) -> Self {
        let (listener, folder, mut config) = prepare().await;
        config.engine.data_dir = Some(data_dir.to_owned());
        let (stop, stopped) = oneshot::channel::<()>();
        let address = listener.local_addr().unwrap();
        let shutdown = async move { drop(stopped.await) };
        let task = tokio::spawn(chatbot_server::run(config, listener, shutdown));
        Self::new(address, folder, None, (stop, task))
    }

    /// The same surface over an engine whose model follows a script.
    pub(crate) async fn with_model(model: ScriptedModel) -> Self {
        let config = ServerConfig { drain_s: 1, ..ServerConfig::default() };
        Self::configured(config, Chatbot::builder().custom_model(model)).await
    }

    /// A server that is set up like this, over an engine of this kind.
    pub(crate) async fn configured(server: ServerConfig, engine: ChatbotBuilder) -> Self {
        let (listener, folder, mut config) = prepare().await;
        config.server = server;
        let chatbot = engine.data_dir(folder.path().join("data")).build().await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let address = listener.local_addr().unwrap();
        let app = App::new(chatbot.clone(), &config);
        let task = tokio::spawn(async move {
            let shutdown = async move { drop(stopped.await) };
            chatbot_server::serve(app, &config.server, listener, shutdown).await
        });
        Self::new(address, folder, Some(chatbot), (stop, task))
    }

    fn new(
        address: SocketAddr,
        folder: TempDir,
        chatbot: Option<Chatbot>,
        (stop, task): (oneshot::Sender<()>, JoinHandle<Result<()>>),
    ) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { address, folder, chatbot, http, stop: Some(stop), task: Some(task) }
    }

    /// A server in another process, which the test looks after.
    pub(crate) fn elsewhere(address: SocketAddr) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        let folder = tempfile::tempdir().unwrap();
        Self { address, folder, chatbot: None, http, stop: None, task: None }
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.stop.take());
        self.task.take().unwrap().await.unwrap()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder().method(method).uri(format!("http://{}{path}", self.address))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let reply = self.http.request(request).await.unwrap();
        let (parts, body) = reply.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn with_json(&self, method: Method, path: &str, json: &Value) -> Reply {
        let request = self.request(method, path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(json.to_string().into()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, json: Value) -> Reply {
        self.with_json(Method::POST, path, &json).await
    }

    pub(crate) async fn post_keyed(&self, path: &str, key: &str, json: Value) -> Reply {
        let request = self.request(Method::POST, path).header("idempotency-key", key);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(json.to_string().into()).unwrap()).await
    }

    /// Sends a form of these parts: name, file name, content.
    pub(crate) async fn form(&self, parts: &[(&str, Option<&str>, &[u8])]) -> Reply {
        let request = self.request(Method::POST, "/api/v1/documents");
        self.send(with_form(request, parts)).await
    }

    pub(crate) async fn upload(&self, name: &str, content: &[u8]) -> Reply {
        self.form(&[("file", Some(name), content)]).await
    }

    /// Uploads a text and waits until it answers.
    pub(crate) async fn add(&self, name: &str, text: &str) -> Value {
        let document = self.upload(name, text.as_bytes()).await.expect(202);
        let document = self.settled(document["id"].as_str().unwrap()).await;
        assert_eq!(document["status"], "ready", "{document}");
        document
    }

    /// The last state of a document, once nothing more will happen to it.
    pub(crate) async fn settled(&self, id: &str) -> Value {
        let events =
            self.events(Method::GET, &format!("/api/v1/documents/{id}/events"), None).await;
        let all: Vec<_> = events.collect().await;
        assert!(all.iter().all(|event: &SseEvent| event.event.as_deref() == Some("document")));
        serde_json::from_str(&all.last().unwrap().data).unwrap()
    }

    /// Sends a request and gives the events of the answer as they come.
    pub(crate) async fn events(&self, method: Method, path: &str, json: Option<Value>) -> Events {
        let request = self.request(method, path).header(header::ACCEPT, "text/event-stream");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let body = json.map_or(Body::empty(), |json| json.to_string().into());
        self.events_of(request.body(body).unwrap()).await
    }

    /// The first event of the answer to a request; the connection is left after it.
    pub(crate) async fn next_event(&self, request: Request<Body>) -> SseEvent {
        self.events_of(request).await.next().await.unwrap()
    }

    async fn events_of(&self, request: Request<Body>) -> Events {
        let reply = self.http.request(request).await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        assert_eq!(reply.headers()["x-accel-buffering"], "no");
        assert!(!reply.headers().contains_key(header::CONTENT_ENCODING));
        let mut parser = SseParser::with_limit(16 << 20);
        let pieces = Body::new(reply.into_body()).into_data_stream();
        Box::pin(pieces.flat_map(move |piece| {
            futures_util::stream::iter(parser.push(&piece.unwrap()).unwrap())
        }))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

pub(crate) fn with_form(
    request: axum::http::request::Builder,
    parts: &[(&str, Option<&str>, &[u8])],
) -> Request<Body> {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    request.header(header::CONTENT_TYPE, kind).body(body.into()).unwrap()
}

/// The JSON of an event.
pub(crate) fn data(event: &SseEvent) -> Value {
    serde_json::from_str(&event.data).unwrap()
}

/// The evaluation data, or `None` with a line that says so.
#[cfg(target_os = "linux")]
pub(crate) fn evaluation_data(folder: &str) -> Option<std::path::PathBuf> {
    use std::path::{Path, PathBuf};
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("CHATBOT_EVAL_DATA").map_or_else(usual, PathBuf::from);
    let found = root.join(folder);
    if found.is_dir() {
        return Some(found);
    }
    println!("skipped: there is no {folder} below CHATBOT_EVAL_DATA");
    None
}

/// The processes that run and were started with this argument.
#[cfg(target_os = "linux")]
pub(crate) fn processes(argument: &str) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        // One that has ended and was not asked how has no arguments any more.
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        line.split(|byte| *byte == 0).any(|part| part == argument.as_bytes()).then_some(pid)
    });
    all.collect()
}

/// Waits for something that comes by itself, with a bound that no machine needs.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came to hold");
}

pub(crate) fn question(text: &str) -> Value {
    json!({"message": text, "stream": false})
}

/// A question for a model that follows a script: without documents to answer from, it is asked all the same.
pub(crate) fn plain(text: &str) -> Value {
    json!({"message": text, "use_rag": false})
}

/// The same, to be answered in one piece.
pub(crate) fn plain_whole(text: &str) -> Value {
    json!({"message": text, "use_rag": false, "stream": false})
}

async fn prepare() -> (TcpListener, TempDir, Config) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.engine.data_dir = Some(folder.path().join("data"));
    config.server.drain_s = 1;
    (listener, folder, config)
}
