//! A client of the HTTP API that takes the time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chatbot_core::sse::SseParser;
use futures_util::StreamExt as _;
use reqwest::header::CONTENT_TYPE;
use reqwest::multipart::{Form, Part};
use reqwest::{Client as Http, Response, StatusCode};
use serde_json::{Value, json};

use crate::{Failure, Result};

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(300);
const STATUS_POLL: Duration = Duration::from_millis(5);
/// What stands between the parts of a form that is written by hand.
const BOUNDARY: &str = "a-boundary-of-no-file";

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Client {
    http: Http,
    base: String,
}

/// What a question took.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Until the question was stored.
    pub acknowledged: Duration,
    /// Until the first text of the answer.
    pub first_text: Duration,
    /// The whole answer.
    pub text: String,
}

/// A plain HTTP client. It speaks to loopback addresses only, but wants to know how it would encrypt all the same.
///
/// # Errors
/// Where it cannot be set up.
pub fn http() -> Result<Http> {
    // Fails where it was chosen before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Http::builder().timeout(PATIENCE).no_proxy().tcp_nodelay(true).build()?)
}

impl Client {
    /// A client of the server at `address`.
    ///
    /// # Errors
    /// Where there is no HTTP client on this system.
    pub fn new(address: SocketAddr) -> Result<Self> {
        let http = http()?;
        Ok(Self { http, base: format!("http://{address}/api/v1") })
    }

    /// Uploads a file of plain text and returns its id at once.
    ///
    /// # Errors
    /// Where the server refuses it.
    pub async fn upload(&self, name: &str, text: String) -> Result<String> {
        let part = Part::text(text).file_name(name.to_owned()).mime_str("text/plain")?;
        let form = Form::new().part("file", part);
        let reply =
            self.http.post(format!("{}/documents", self.base)).multipart(form).send().await?;
        id(accepted(reply).await?.json().await?)
    }

    /// Uploads a file of any kind and returns its id at once.
    ///
    /// # Errors
    /// Where the server refuses it.
    pub async fn upload_file(&self, name: &str, bytes: Vec<u8>) -> Result<String> {
        let form = Form::new().part("file", Part::bytes(bytes).file_name(name.to_owned()));
        let reply =
            self.http.post(format!("{}/documents", self.base)).multipart(form).send().await?;
        id(accepted(reply).await?.json().await?)
    }

    /// Uploads a file under any name, written into the form as browsers write it; the status and the JSON of the reply, whether
    /// it was taken or not.
    ///
    /// # Errors
    /// Where there is no reply.
    pub async fn try_upload(&self, name: &str, bytes: &[u8]) -> Result<(u16, Value)> {
        let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let body = [head.as_bytes(), bytes, tail.as_bytes()].concat();
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = self.http.post(format!("{}/documents", self.base));
        let reply = request.header(CONTENT_TYPE, kind).body(body).send().await?;
        let status = reply.status().as_u16();
        Ok((status, serde_json::from_slice(&reply.bytes().await?).unwrap_or_default()))
    }

    /// Adds a text to a collection.
    ///
    /// # Errors
    /// Where the server refuses it.
    pub async fn add_text(&self, collection: &str, title: &str, text: &str) -> Result<String> {
        let body = json!({"collection_id": collection, "title": title, "text": text});
        id(self.post("/documents/text", &body).await?.json().await?)
    }

    /// Makes a collection.
    ///
    /// # Errors
    /// Where the server refuses it.
    pub async fn create_collection(&self, name: &str) -> Result<String> {
        id(self.post("/collections", &json!({"name": name})).await?.json().await?)
    }

    /// Makes a session.
    ///
    /// # Errors
    /// Where the server refuses it.
    pub async fn create_session(&self) -> Result<String> {
        id(self.post("/sessions", &json!({})).await?.json().await?)
    }

    /// Deletes a document.
    ///
    /// # Errors
    /// Where the server refuses it.
    pub async fn delete_document(&self, document: &str) -> Result<()> {
        let url = format!("{}/documents/{document}", self.base);
        accepted(self.http.delete(url).send().await?).await.map(drop)
    }

    /// Deletes a document, where it is still there.
    ///
    /// # Errors
    /// Where the server refuses it for another reason.
    pub async fn try_delete(&self, document: &str) -> Result<()> {
        let reply = self.http.delete(format!("{}/documents/{document}", self.base)).send().await?;
        if reply.status() == StatusCode::NOT_FOUND {
            return Ok(());
        }
        accepted(reply).await.map(drop)
    }

    /// Every document, as a pair of its id and its title.
    ///
    /// # Errors
    /// Where the server refuses.
    pub async fn documents(&self) -> Result<Vec<(String, String)>> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let url = format!("{}/documents?limit=200{cursor}", self.base);
            let page: Value = accepted(self.http.get(url).send().await?).await?.json().await?;
            let text = |item: &Value, key: &str| {
                item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let items = page.get("items").and_then(Value::as_array).ok_or("no items")?;
            all.extend(items.iter().map(|item| (text(item, "id"), text(item, "title"))));
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }

    /// The bytes that a document came as.
    ///
    /// # Errors
    /// Where the server refuses.
    pub async fn original(&self, document: &str) -> Result<Vec<u8>> {
        let url = format!("{}/documents/{document}/content", self.base);
        Ok(accepted(self.http.get(url).send().await?).await?.bytes().await?.to_vec())
    }

    /// The headers that the bytes a document came as are handed out with.
    ///
    /// # Errors
    /// Where the server refuses.
    pub async fn original_headers(&self, document: &str) -> Result<Vec<(String, String)>> {
        let url = format!("{}/documents/{document}/content", self.base);
        let reply = accepted(self.http.get(url).send().await?).await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = reply.headers().iter();
        Ok(headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect())
    }

    /// The text that was taken out of a document; `None` where it has none.
    ///
    /// # Errors
    /// Where there is no reply.
    pub async fn text(&self, document: &str) -> Result<Option<String>> {
        let reply =
            self.http.get(format!("{}/documents/{document}/text", self.base)).send().await?;
        Ok(if reply.status().is_success() { Some(reply.text().await?) } else { None })
    }

    /// Waits until a document answers; the number of its chunks.
    ///
    /// # Errors
    /// Where it failed.
    pub async fn until_ready(&self, document: &str) -> Result<u64> {
        loop {
            let state = self.document(document).await?;
            match state.get("status").and_then(Value::as_str) {
                Some("ready") => return Ok(number(&state, "chunk_count")),
                Some("queued" | "processing") => tokio::time::sleep(STATUS_POLL).await,
                _ => {
                    return Err(Failure::from(format!(
                        "the document did not become ready: {state}"
                    )));
                }
            }
        }
    }

    /// A document as the server shows it.
    ///
    /// # Errors
    /// Where the server refuses.
    pub async fn document(&self, document: &str) -> Result<Value> {
        let url = format!("{}/documents/{document}", self.base);
        Ok(accepted(self.http.get(url).send().await?).await?.json().await?)
    }

    /// How far a document is: `queued`, `processing`, `ready` or `failed`.
    ///
    /// # Errors
    /// Where the server refuses.
    pub async fn document_status(&self, document: &str) -> Result<String> {
        let state = self.document(document).await?;
        Ok(state.get("status").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// The share of a document's passages that have vectors.
    ///
    /// # Errors
    /// Where the server refuses.
    pub async fn dense_coverage(&self, document: &str) -> Result<f64> {
        let state = self.document(document).await?;
        let share = state.pointer("/coverage/dense").and_then(Value::as_f64);
        share.ok_or_else(|| Failure::from("the document has no coverage"))
    }

    /// How many documents have this status, counted up to `limit`.
    ///
    /// # Errors
    /// Where the server refuses.
    pub async fn any_with_status(&self, status: &str) -> Result<bool> {
        let url = format!("{}/documents?status={status}&limit=1", self.base);
        let page: Value = accepted(self.http.get(url).send().await?).await?.json().await?;
        Ok(page.get("items").and_then(Value::as_array).is_some_and(|items| !items.is_empty()))
    }

    /// Asks, and follows the answer to its end.
    ///
    /// # Errors
    /// Where the answer fails.
    pub async fn ask(&self, question: &str, model: Option<&str>) -> Result<Asked> {
        self.ask_with(question, model, "auto").await
    }

    /// As [`ask`](Self::ask), with passages found by this strategy.
    ///
    /// # Errors
    /// Where the answer fails.
    pub async fn ask_with(
        &self,
        question: &str,
        model: Option<&str>,
        strategy: &str,
    ) -> Result<Asked> {
        let body = json!({
            "message": question, "stream": true, "model": model, "context_strategy": strategy,
        });
        let begun = Instant::now();
        let reply = self.post("/chat", &body).await?;
        let (mut parser, mut bytes) = (SseParser::default(), reply.bytes_stream());
        let mut asked = Asked::default();
        while let Some(piece) = bytes.next().await {
            for event in parser.push(&piece?)? {
                match event.event.as_deref() {
                    Some("started") => asked.acknowledged = begun.elapsed(),
                    Some("text") if asked.text.is_empty() => {
                        asked.first_text = begun.elapsed();
                        asked.text = delta(&event.data)?;
                    }
                    Some("text") => asked.text.push_str(&delta(&event.data)?),
                    Some("done") => return Ok(asked),
                    Some("failed") => return Err(Failure::from(event.data)),
                    _ => {}
                }
            }
        }
        Err(Failure::from("the answer broke off"))
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Response> {
        accepted(self.http.post(format!("{}{path}", self.base)).json(body).send().await?).await
    }
}

async fn accepted(reply: Response) -> Result<Response> {
    if reply.status().is_success() {
        return Ok(reply);
    }
    let status = reply.status();
    Err(Failure::from(format!("{status}: {}", reply.text().await.unwrap_or_default())))
}

fn id(reply: Value) -> Result<String> {
    let id = reply.get("id").and_then(Value::as_str).ok_or("the reply has no id")?;
    Ok(id.to_owned())
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn delta(data: &str) -> Result<String> {
    let event: Value = serde_json::from_str(data)?;
    Ok(event.get("delta").and_then(Value::as_str).unwrap_or_default().to_owned())
}
