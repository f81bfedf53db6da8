//! Any endpoint that speaks OpenAI's chat completions.
//!
//! One request, one stream, mapped to [`ModelEvent`]s: no retries, no fallback, no rate limits here, they are layers
//! around a model. What a provider answers is never shown in an error: it may repeat the prompt.

mod failure;
mod reply;
mod request;

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Response, Url, redirect};

use self::reply::Reply;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::sse::SseParser;
use crate::traits::{ChatModel, ChatRequest, ModelEvent, ModelInfo, ModelStream};
use crate::types::Secret;

/// How long connecting may take; a provider that is there answers within a tenth of this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a provider may be silent: reasoning models have been seen to think this long before the first byte.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(120);

/// The most that is read of an answer that is no stream.
const MAX_BODY_BYTES: usize = 4 << 20;

/// Where a model is, and how to ask it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAiConfig {
    /// The name that requests use for it, such as `openai:gpt-4o`.
    pub name: String,
    /// The endpoint up to and without `/chat/completions`, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// The provider's name for the model.
    pub model: String,
    /// The key, where the endpoint wants one. Never shown.
    pub api_key: Option<Secret>,
}

/// A model behind an OpenAI-compatible endpoint.
#[derive(Debug)]
pub struct OpenAiModel {
    info: ModelInfo,
    config: OpenAiConfig,
    url: Url,
    client: Client,
}

impl OpenAiModel {
    /// The model that `config` describes. Nothing is sent before it is asked something.
    ///
    /// # Errors
    /// `config_invalid` for an address that is no HTTP address; `internal` where TLS cannot be set up.
    pub fn new(config: OpenAiConfig) -> Result<Self> {
        let url = endpoint(&config.base_url)?;
        let info = ModelInfo {
            name: config.name.clone(),
            context_window: None,
            max_output_tokens: None,
            quotes_only: false,
            usd_per_million: None,
        };
        Ok(Self { info, client: client(&url)?, config, url })
    }

    /// This model with what is known of it: its window, its longest answer, its prices. The name stays.
    #[must_use]
    pub fn with_info(mut self, info: ModelInfo) -> Self {
        self.info = ModelInfo { name: self.info.name, ..info };
        self
    }

    async fn send(&self, request: &ChatRequest) -> Result<Response> {
        let body = request::body(&self.config.model, request, is_openai(&self.url));
        let mut http = self.client.post(self.url.clone()).header(ACCEPT, "text/event-stream");
        if let Some(key) = &self.config.api_key {
            http = http.bearer_auth(key.reveal());
        }
        let response = http.json(&body).send().await.map_err(failure::of_transport)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(response).await.unwrap_or_default();
        Err(failure::of_status(status, &headers, &body))
    }
}

#[async_trait]
impl ChatModel for OpenAiModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        ctx.check()?;
        if request.messages.is_empty() {
            return Err(Error::invalid("There is no message to answer."));
        }
        let response = ctx.run(self.send(&request)).await?;
        if is_json(response.headers()) {
            let body = ctx.run(read(response)).await?;
            return Ok(stream::iter(reply::whole(&body)?.into_iter().map(Ok)).boxed());
        }
        if !is_event_stream(response.headers()) {
            return Err(failure::not_a_stream());
        }
        let bytes = response.bytes_stream().map_err(failure::of_transport).boxed();
        let answer = Answer::new(ctx.clone(), bytes);
        Ok(stream::unfold(answer, Answer::next).boxed())
    }
}

/// An answer that arrives.
struct Answer {
    ctx: Context,
    bytes: BoxStream<'static, Result<Bytes>>,
    parser: SseParser,
    reply: Reply,
    ready: VecDeque<Result<ModelEvent>>,
    over: bool,
}

impl Answer {
    fn new(ctx: Context, bytes: BoxStream<'static, Result<Bytes>>) -> Self {
        Self {
            ctx,
            bytes,
            parser: SseParser::default(),
            reply: Reply::default(),
            ready: VecDeque::new(),
            over: false,
        }
    }

    async fn next(mut self) -> Option<(Result<ModelEvent>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.over |= event.is_err();
                return Some((event, self));
            }
            if self.over {
                return None;
            }
            if let Err(error) = self.read_more().await {
                self.over = true;
                return Some((Err(error), self));
            }
        }
    }

    async fn read_more(&mut self) -> Result<()> {
        let bytes = &mut self.bytes;
        match self.ctx.run(async { bytes.next().await.transpose() }).await? {
            Some(bytes) => {
                for event in self.parser.push(&bytes)? {
                    self.take(&event.data);
                }
            }
            None => self.end()?,
        }
        Ok(())
    }

    fn take(&mut self, data: &str) {
        if self.over {
            return;
        }
        if data.trim() == "[DONE]" {
            self.over = true;
            self.ready.push_back(Ok(self.reply.finish()));
            return;
        }
        match self.reply.take(data) {
            Ok(events) => self.ready.extend(events.into_iter().map(Ok)),
            Err(error) => {
                self.over = true;
                self.ready.push_back(Err(error));
            }
        }
    }

    /// The connection ended: properly only where the model had said why it stopped.
    fn end(&mut self) -> Result<()> {
        self.over = true;
        if !self.reply.is_finished() {
            return Err(failure::broken_off());
        }
        self.ready.push_back(Ok(self.reply.finish()));
        Ok(())
    }
}

fn endpoint(base_url: &str) -> Result<Url> {
    let invalid = || {
        Error::new(
            ErrorKind::ConfigInvalid,
            "The model's address must look like `http://host:port/v1` or `https://host/v1`.",
        )
    };
    let url = format!("{}/chat/completions", base_url.trim_end_matches('/'));
    let url = Url::parse(&url).map_err(|error| invalid().with_source(error))?;
    let valid =
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.password().is_none();
    if valid { Ok(url) } else { Err(invalid()) }
}

fn client(url: &Url) -> Result<Client> {
    // Fails where the host has chosen a provider of its own, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE_TIMEOUT)
        // A key goes where it was meant to go, and nowhere else.
        .redirect(redirect::Policy::none());
    if is_loopback(url) {
        client = client.no_proxy();
    }
    client
        .build()
        .map_err(|error| Error::internal("The HTTP client could not be set up.").with_source(error))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_openai(url: &Url) -> bool {
    url.host_str() == Some("api.openai.com")
}

fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers) == "application/json"
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    matches!(media_type(headers), "text/event-stream" | "")
}

fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// The body, as far as anyone would send one.
async fn read(response: Response) -> Result<Vec<u8>> {
    let mut bytes = response.bytes_stream().map_err(failure::of_transport);
    let mut body = Vec::new();
    while let Some(piece) = bytes.try_next().await? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_BODY_BYTES {
            return Err(failure::not_a_stream());
        }
    }
    Ok(body)
}
