//! What models behind an HTTP address have in common: one request, one stream of bytes, mapped to
//! [`ModelEvent`](crate::traits::ModelEvent)s by the decoder of each provider.
//!
//! No retries, no fallback, no rate limits here: they are layers around a model. What a provider answers is never shown
//! in an error: it may repeat the prompt.

mod answer;
mod ending;
mod failure;
mod lines;
mod provider;
mod tool_calls;

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Response, Url, redirect};
use serde::Serialize;

use self::answer::Answer;
pub(super) use self::answer::{Decoder, Framing};
pub(super) use self::ending::Ending;
pub(super) use self::failure::Failures;
pub(super) use self::provider::Format;
pub use self::provider::ProviderModel;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{ChatRequest, ModelInfo, ModelStream};
use crate::types::Secret;

/// How long connecting may take, with the handshake; a provider that is there answers within a tenth of this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a provider may be silent where no layer says less: five times what reasoning models have been seen to think
/// before the first byte.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(600);

/// The most that is read of an answer that is no stream.
const MAX_BODY_BYTES: usize = 4 << 20;

/// Where a model is, and how to ask it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderConfig {
    /// The name that requests use for it, such as `openai:gpt-4o`.
    pub name: String,
    /// The address that the provider's documentation calls the base URL, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// The provider's name for the model.
    pub model: String,
    /// The key, where the endpoint wants one. Never shown.
    pub api_key: Option<Secret>,
}

/// An address, and whatever is the same for every request to it.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) info: ModelInfo,
    pub(super) model: String,
    url: Url,
    headers: HeaderMap,
    client: Client,
    failures: Failures,
}

impl Endpoint {
    /// The endpoint at `path` below the base address.
    ///
    /// # Errors
    /// `config_invalid` for an address that is no HTTP address; `internal` where TLS cannot be set up.
    pub(super) fn new(config: ProviderConfig, path: &[&str], failures: Failures) -> Result<Self> {
        let url = address(&config.base_url, path)?;
        let info = ModelInfo {
            name: config.name,
            context_window: None,
            max_output_tokens: None,
            quotes_only: false,
            usd_per_million: None,
        };
        let client = client(&url)?;
        Ok(Self { info, model: config.model, client, url, headers: HeaderMap::new(), failures })
    }

    /// This endpoint with a header for every request. A value that is a secret is never shown.
    ///
    /// # Errors
    /// `config_invalid` for what cannot stand in a header.
    pub(super) fn header(
        mut self,
        name: &'static str,
        value: &str,
        is_secret: bool,
    ) -> Result<Self> {
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            Error::new(
                ErrorKind::ConfigInvalid,
                "The key for the model's provider holds characters that no key has.",
            )
        })?;
        value.set_sensitive(is_secret);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// This endpoint with a key as bearers show it, where there is one.
    ///
    /// # Errors
    /// As [`header`](Self::header).
    pub(super) fn bearer(self, key: Option<&Secret>) -> Result<Self> {
        let Some(key) = key else { return Ok(self) };
        self.header("authorization", &format!("Bearer {}", key.reveal()), true)
    }

    /// This endpoint with a parameter in its address.
    pub(super) fn parameter(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// What is known of the model. The name stays.
    pub(super) fn set_info(&mut self, info: ModelInfo) {
        let name = std::mem::take(&mut self.info.name);
        self.info = ModelInfo { name, ..info };
    }

    pub(super) fn is_at(&self, host: &str) -> bool {
        self.url.host_str() == Some(host)
    }

    /// Asks, and hands what comes to `decoder`.
    pub(super) async fn stream(
        &self,
        ctx: &Context,
        body: &impl Serialize,
        framing: Framing,
        mut decoder: Box<dyn Decoder>,
    ) -> Result<ModelStream> {
        let response = ctx.run(self.send(body, &framing)).await?;
        let headers = response.headers();
        // None was asked for, and what is small on the line may be large here.
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(self.failures.not_understood());
        }
        match media_type(headers) {
            "application/json" => {
                let body = ctx.run(self.read(response)).await?;
                let text =
                    std::str::from_utf8(&body).map_err(|_| self.failures.not_understood())?;
                let mut events = decoder.take(text)?;
                if !decoder.is_over() {
                    events.extend(decoder.end()?);
                }
                Ok(stream::iter(events.into_iter().map(Ok)).boxed())
            }
            given if given.is_empty() || given == framing.media_type() => {
                let failures = self.failures;
                let bytes = response.bytes_stream();
                let bytes = bytes.map_err(move |error| failures.of_transport(error)).boxed();
                Ok(Answer::new(ctx.clone(), bytes, framing, decoder, failures).into_stream())
            }
            _ => Err(self.failures.not_understood()),
        }
    }

    async fn send(&self, body: &impl Serialize, framing: &Framing) -> Result<Response> {
        let http = self.client.post(self.url.clone()).headers(self.headers.clone());
        let http = http.header(ACCEPT, framing.media_type()).json(body);
        let response = http.send().await.map_err(|error| self.failures.of_transport(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.read(response).await.unwrap_or_default();
        Err(self.failures.of_status(status, &headers, &body))
    }

    /// The body, as far as anyone would send one.
    async fn read(&self, response: Response) -> Result<Vec<u8>> {
        let mut bytes = response.bytes_stream();
        let mut body = Vec::new();
        while let Some(piece) = bytes.try_next().await.map_err(|e| self.failures.of_transport(e))? {
            body.extend_from_slice(&piece);
            if body.len() > MAX_BODY_BYTES {
                return Err(self.failures.not_understood());
            }
        }
        Ok(body)
    }
}

/// Nothing is asked where there is nothing to answer.
fn check(ctx: &Context, request: &ChatRequest) -> Result<()> {
    ctx.check()?;
    if request.messages.is_empty() {
        return Err(Error::invalid("There is no message to answer."));
    }
    Ok(())
}

fn address(base_url: &str, path: &[&str]) -> Result<Url> {
    let invalid = || {
        Error::new(
            ErrorKind::ConfigInvalid,
            "The model's address must look like `http://host:port/v1` or `https://host/v1`.",
        )
    };
    let mut url = Url::parse(base_url).map_err(|error| invalid().with_source(error))?;
    let is_valid = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_valid {
        return Err(invalid());
    }
    url.path_segments_mut().map_err(|()| invalid())?.pop_if_empty().extend(path);
    Ok(url)
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

fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}
