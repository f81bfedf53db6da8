//! One client for every verb: the HTTP surface, over the network or in this process.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, Method, Request, Response, StatusCode, header};
use chatbot_core::sse::{SseEvent, SseParser};
use chatbot_core::{Chatbot, Context, Error, ErrorKind, Reason, Result};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::app::App;
use crate::config::Config;
use crate::lock::{DataLock, Ownership, in_use};
use crate::routes;

/// The longest reply that is read as a whole.
const MAX_REPLY_BYTES: usize = 256 << 20;
/// The longest event: an answer with all of its sources.
const MAX_EVENT_BYTES: usize = 64 << 20;

/// How long a verb waits for indexes that are being built: about what 100,000 documents take.
const MAX_INDEXING: Duration = Duration::from_secs(120);

/// Speaks to an engine.
#[derive(Debug)]
pub(super) struct Client {
    transport: Transport,
}

#[derive(Debug)]
enum Transport {
    /// A server that runs.
    Network { http: Box<HttpClient<HttpConnector, Body>>, address: String },
    /// This process, which owns the data directory for as long.
    InProcess(Box<InProcess>),
}

#[derive(Debug)]
struct InProcess {
    router: Router,
    chatbot: Chatbot,
    _lock: Option<DataLock>,
}

impl Client {
    /// Speaks to the server that owns the configured data directory, or opens the directory.
    ///
    /// # Errors
    /// `storage` (`data_directory_in_use`) where its owner serves nobody; whatever opening the engine says.
    pub(super) async fn connect(config: &Config) -> Result<Self> {
        let Some(data_dir) = &config.engine.data_dir else {
            return Self::open(config, None).await;
        };
        match DataLock::try_acquire(data_dir)? {
            Ownership::Ours(lock) => Self::open(config, Some(lock)).await,
            Ownership::Theirs(Some(owner)) => match owner.address.clone() {
                Some(address) => Ok(Self::to(address)),
                None => Err(in_use(data_dir, Some(&owner))),
            },
            Ownership::Theirs(None) => Err(in_use(data_dir, None)),
        }
    }

    /// Opens an engine that keeps nothing.
    ///
    /// # Errors
    /// Whatever opening the engine says.
    pub(super) async fn ephemeral(config: &Config) -> Result<Self> {
        let mut config = config.clone();
        config.engine.data_dir = None;
        Self::open(&config, None).await
    }

    async fn open(config: &Config, lock: Option<DataLock>) -> Result<Self> {
        let chatbot = Chatbot::open(config.engine.clone()).await?;
        // A verb asks once: what the indexes lack now, it would not find.
        let in_time = Context::local().with_timeout(MAX_INDEXING);
        if let Err(error) = chatbot.changes_applied(&in_time).await {
            tracing::warn!(%error, "the indexes are not up to date: documents may be missing from answers");
        }
        let router = routes::router(App::new(chatbot.clone(), config));
        let in_process = InProcess { router, chatbot, _lock: lock };
        Ok(Self { transport: Transport::InProcess(Box::new(in_process)) })
    }

    fn to(address: String) -> Self {
        let http = Box::new(HttpClient::builder(TokioExecutor::new()).build_http());
        Self { transport: Transport::Network { http, address } }
    }

    /// Finishes what runs in this process.
    ///
    /// # Errors
    /// `storage`.
    pub(super) async fn close(self) -> Result<()> {
        match self.transport {
            Transport::Network { .. } => Ok(()),
            Transport::InProcess(process) => process.chatbot.close().await,
        }
    }

    /// Gets JSON.
    ///
    /// # Errors
    /// What the server says; `unavailable` where it does not answer.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        json(self.send(request(Method::GET, path, &[], Body::empty())?).await?).await
    }

    /// Posts JSON, gets JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        value: &impl Serialize,
    ) -> Result<T> {
        json(self.send(request(Method::POST, path, &[JSON_BODY], body(value)?)?).await?).await
    }

    /// Sends a form, gets JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) async fn form<T: DeserializeOwned>(
        &self,
        (method, path): (Method, &str),
        (content_type, form): (String, Body),
    ) -> Result<T> {
        let headers = [(header::CONTENT_TYPE, content_type.as_str())];
        json(self.send(request(method, path, &headers, form)?).await?).await
    }

    /// Changes something by JSON, gets JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        value: &impl Serialize,
    ) -> Result<T> {
        json(self.send(request(Method::PATCH, path, &[JSON_BODY], body(value)?)?).await?).await
    }

    /// Deletes something.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) async fn delete(&self, path: &str) -> Result<()> {
        self.send(request(Method::DELETE, path, &[], Body::empty())?).await.map(drop)
    }

    /// Posts JSON, gets events.
    ///
    /// # Errors
    /// As [`get`](Self::get); the stream gives `bad_response` for what is no event.
    pub(super) async fn post_events(
        &self,
        path: &str,
        value: &impl Serialize,
    ) -> Result<BoxStream<'static, Result<SseEvent>>> {
        let headers = [JSON_BODY, (header::ACCEPT, "text/event-stream")];
        let reply = self.send(request(Method::POST, path, &headers, body(value)?)?).await?;
        Ok(events(reply))
    }

    /// Gets events.
    ///
    /// # Errors
    /// As [`post_events`](Self::post_events).
    pub(super) async fn get_events(
        &self,
        path: &str,
    ) -> Result<BoxStream<'static, Result<SseEvent>>> {
        Ok(events(self.send(request(Method::GET, path, &[], Body::empty())?).await?))
    }

    async fn send(&self, mut request: Request<Body>) -> Result<Response<Body>> {
        let reply = match &self.transport {
            Transport::InProcess(process) => {
                let Ok(reply) = process.router.clone().oneshot(request).await;
                reply
            }
            Transport::Network { http, address } => {
                let target = format!("http://{address}{}", request.uri());
                *request.uri_mut() = target
                    .parse()
                    .map_err(|_| Error::internal("The server's address cannot be used."))?;
                http.request(request).await.map_err(|error| gone(address, error))?.map(Body::new)
            }
        };
        if reply.status().is_success() { Ok(reply) } else { Err(failure(reply).await) }
    }
}

const JSON_BODY: (HeaderName, &str) = (header::CONTENT_TYPE, "application/json");

fn request(
    method: Method,
    path: &str,
    headers: &[(HeaderName, &str)],
    body: Body,
) -> Result<Request<Body>> {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    let add = |request: axum::http::request::Builder, (name, value): &(HeaderName, &str)| {
        request.header(name, *value)
    };
    headers
        .iter()
        .fold(request, add)
        .body(body)
        .map_err(|error| Error::internal("A request cannot be made.").with_source(error))
}

fn body(value: &impl Serialize) -> Result<Body> {
    let json = serde_json::to_vec(value)
        .map_err(|error| Error::internal("A request cannot be written.").with_source(error))?;
    Ok(Body::from(json))
}

async fn json<T: DeserializeOwned>(reply: Response<Body>) -> Result<T> {
    let bytes = to_bytes(reply.into_body(), MAX_REPLY_BYTES).await.map_err(broken)?;
    // An answer without a body says that it is done.
    let json: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
    serde_json::from_slice(json).map_err(broken)
}

fn events(reply: Response<Body>) -> BoxStream<'static, Result<SseEvent>> {
    let mut parser = SseParser::with_limit(MAX_EVENT_BYTES);
    reply
        .into_body()
        .into_data_stream()
        .flat_map(move |piece| {
            let parsed = piece.map_err(broken).and_then(|piece| parser.push(&piece));
            let items: Vec<_> = match parsed {
                Ok(events) => events.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            futures_util::stream::iter(items)
        })
        .boxed()
}

/// The server's error as the error it stands for.
async fn failure(reply: Response<Body>) -> Error {
    let status = reply.status();
    let bytes = to_bytes(reply.into_body(), MAX_REPLY_BYTES).await.unwrap_or_default();
    let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let text = |name: &str| json.get("error")?.get(name)?.as_str().map(str::to_owned);
    let kind = text("code").and_then(|code| ErrorKind::from_code(&code));
    let message = text("message").unwrap_or_else(|| format!("The server answered with {status}."));
    let error = Error::new(kind.unwrap_or(fallback(status)), message);
    match text("reason").and_then(|reason| Reason::from_code(&reason)) {
        Some(reason) => error.with_reason(reason),
        None => error,
    }
}

const fn fallback(status: StatusCode) -> ErrorKind {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => ErrorKind::Unavailable,
        _ => ErrorKind::BadResponse,
    }
}

fn gone(address: &str, error: hyper_util::client::legacy::Error) -> Error {
    let message = format!(
        "The server at http://{address} does not answer. It owns the data directory; wait for it, or stop it."
    );
    Error::new(ErrorKind::Unavailable, message).with_source(error)
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::BadResponse, "The server's answer cannot be read.").with_source(error)
}
