//! The HTTP API as a client sees it that writes everything down.

use std::net::SocketAddr;
use std::time::Duration;

use chatbot_core::sse::SseParser;
use futures_util::StreamExt as _;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::Result;

/// The longest that a request may take while nobody kills the server.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest event that is read.
const MAX_EVENT_BYTES: usize = 16 << 20;

/// A server's API.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    base: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body; null where it is empty or not JSON.
    pub json: Value,
}

impl Reply {
    /// The string at this place of the body; empty where there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.json.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the request was done.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// A request that may be sent again.
#[derive(Debug, Clone)]
pub struct Question {
    /// How.
    pub method: Method,
    /// Where, below `/api/v1`.
    pub path: String,
    /// The idempotency key.
    pub key: String,
    /// What.
    pub body: Value,
}

/// How far an answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// To its end.
    ToTheEnd,
    /// So many events; then the connection is cut.
    Events(usize),
}

/// What was read of an answer.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// The status, where it was not an answer.
    pub refused: Option<Reply>,
    /// The event that said that the question is stored.
    pub started: Option<Value>,
    /// The text so far.
    pub text: String,
    /// The last event.
    pub end: Option<Value>,
}

impl Api {
    /// The API of the server at `address`.
    #[must_use]
    pub fn new(http: &Client, address: SocketAddr) -> Self {
        Self { http: http.clone(), base: format!("http://{address}/api/v1") }
    }

    /// Asks without a body.
    ///
    /// # Errors
    /// Where no answer came.
    pub async fn call(&self, method: Method, path: &str) -> Result<Reply> {
        reply(self.request(method, path).send().await?).await
    }

    /// Reads something.
    ///
    /// # Errors
    /// Where no answer came.
    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.call(Method::GET, path).await
    }

    /// Asks with a JSON body.
    ///
    /// # Errors
    /// Where no answer came.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Reply> {
        reply(self.request(method, path).json(body).send().await?).await
    }

    /// The bytes at this place; `None` where it is not there.
    ///
    /// # Errors
    /// Where no answer came.
    pub async fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let reply = self.request(Method::GET, path).send().await?;
        if !reply.status().is_success() {
            return Ok(None);
        }
        Ok(Some(reply.bytes().await?.to_vec()))
    }

    /// Sends a file of plain text, under this key.
    ///
    /// # Errors
    /// Where no answer came.
    pub async fn file(
        &self,
        (method, path): (Method, &str),
        key: &str,
        (name, text): (&str, &str),
    ) -> Result<Reply> {
        let part = Part::text(text.to_owned()).file_name(name.to_owned()).mime_str("text/plain")?;
        let request = self.request(method, path).header("idempotency-key", key);
        reply(request.multipart(Form::new().part("file", part)).send().await?).await
    }

    /// The documents that a search by words finds, best first.
    ///
    /// # Errors
    /// Where no answer came, or the search was refused.
    pub async fn found(&self, query: &str, strategy: &str) -> Result<Vec<String>> {
        let body = json!({"query": query, "strategy": strategy, "top_k": 100});
        let reply = self.send(Method::POST, "/search", &body).await?;
        let hits = reply.json.get("hits").and_then(Value::as_array);
        let hits = hits.ok_or_else(|| format!("the search was refused: {}", reply.json))?;
        let id = |hit: &Value| hit.get("document_id").and_then(Value::as_str).map(str::to_owned);
        Ok(hits.iter().filter_map(id).collect())
    }

    /// Asks, and takes down in `read` what comes, so that it is known also where the connection breaks.
    ///
    /// # Errors
    /// Where the connection broke before the end.
    pub async fn ask(&self, question: &Question, until: Reading, read: &mut Read) -> Result<()> {
        let request = self.request(question.method.clone(), &question.path);
        let request = request.header("idempotency-key", &question.key);
        let answer =
            request.header("accept", "text/event-stream").json(&question.body).send().await?;
        if !answer.status().is_success() {
            read.refused = Some(reply(answer).await?);
            return Ok(());
        }
        let (mut parser, mut pieces) =
            (SseParser::with_limit(MAX_EVENT_BYTES), answer.bytes_stream());
        let mut n_events = 0;
        while let Some(piece) = pieces.next().await {
            for event in parser.push(&piece?)? {
                let data: Value = serde_json::from_str(&event.data)?;
                n_events += 1;
                if read.take(event.event.as_deref().unwrap_or_default(), data)
                    || until == Reading::Events(n_events)
                {
                    return Ok(());
                }
            }
        }
        Err("the answer broke off".into())
    }

    /// Opens a stream of events and reads `n` pieces of it, then goes away.
    ///
    /// # Errors
    /// Where the connection broke.
    pub async fn peek(&self, path: &str, n: usize) -> Result<()> {
        let request = self.request(Method::GET, path).header("accept", "text/event-stream");
        let mut pieces = request.send().await?.bytes_stream();
        for _ in 0..n {
            match tokio::time::timeout(Duration::from_secs(1), pieces.next()).await {
                Ok(Some(piece)) => drop(piece?),
                Ok(None) | Err(_) => break,
            }
        }
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).timeout(PATIENCE)
    }
}

impl Read {
    /// Takes an event; says whether it was the last one.
    fn take(&mut self, name: &str, data: Value) -> bool {
        match name {
            "started" => self.started = Some(data),
            "text" => {
                self.text.push_str(data.get("delta").and_then(Value::as_str).unwrap_or_default());
            }
            "done" | "failed" => {
                self.end = Some(data);
                return true;
            }
            _ => {}
        }
        false
    }
}

async fn reply(answer: Response) -> Result<Reply> {
    let status = answer.status().as_u16();
    let body = answer.bytes().await?;
    Ok(Reply { status, json: serde_json::from_slice(&body).unwrap_or_default() })
}
