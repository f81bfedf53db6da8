//! Fetches over HTTP, step by step: no redirect is followed before it was looked at.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LOCATION, USER_AGENT,
};
use reqwest::{Client, Response, Url, redirect};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::content;
use super::guard::{Guard, Refused};
use super::names::{CheckedNames, Names, SystemNames};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{Fetched, Fetcher};
use crate::types::MediaType;

/// How long connecting may take; an origin that is there answers within a tenth of this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Redirects that are followed: from http to https, to the host with www, to the language, and a few more.
const MAX_REDIRECTS: usize = 5;
/// Documents fetched at the same time: each may take a file of the largest size.
const N_AT_ONCE: usize = 8;
/// What says who is asking, so that an origin can complain.
const AGENT: &str = concat!("chatbot-core/", env!("CARGO_PKG_VERSION"));

/// How documents are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOptions {
    /// Hosts that may be reached although they are not of the public network, each as `host` or `host:port`.
    pub allow_hosts: Vec<String>,
    /// How long a document may take, redirects included.
    pub max_duration: Duration,
    /// Where a document lies until all of it is there, in a file without a name.
    pub folder: PathBuf,
}

/// Fetches documents from the web.
#[derive(Debug)]
pub struct HttpFetcher {
    client: Client,
    guard: Arc<Guard>,
    options: FetchOptions,
    places: Semaphore,
}

impl HttpFetcher {
    /// A fetcher that asks the system for the addresses of names.
    ///
    /// # Errors
    /// `config_invalid` for a host that is none; `internal` where TLS cannot be set up.
    pub fn new(options: FetchOptions) -> Result<Self> {
        Self::with_names(options, Arc::new(SystemNames::default()))
    }

    /// A fetcher that asks `names` for the addresses of names.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_names(options: FetchOptions, names: Arc<dyn Names>) -> Result<Self> {
        let guard = Arc::new(Guard::new(&options.allow_hosts)?);
        // Fails where the host has chosen a provider of its own, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            // A proxy would look names up itself.
            .no_proxy()
            .dns_resolver(CheckedNames { names, guard: guard.clone() })
            .connect_timeout(CONNECT_TIMEOUT)
            // Whoever comes next may not reach what this one may.
            .pool_max_idle_per_host(0);
        let client = client.build().map_err(|error| {
            Error::internal("The HTTP client could not be set up.").with_source(error)
        })?;
        Ok(Self { client, guard, options, places: Semaphore::new(N_AT_ONCE) })
    }

    async fn take(&self, address: &str, max_bytes: u64) -> Result<Fetched> {
        let url = self.guard.address(address)?;
        let address = url.to_string();
        let place = self.places.acquire().await;
        let _place = place.map_err(|_| Error::internal("The places for fetching are gone."))?;
        let response = self.follow(url).await?;
        let declared = declared(response.headers());
        if let Some(declared) = &declared
            && is_no_document(declared)
        {
            let message = format!("At this address is no document, but {declared}.");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        if length(response.headers()).is_some_and(|length| length > max_bytes) {
            return Err(content::too_large());
        }
        let content = content::take(response, max_bytes, &self.options.folder).await?;
        Ok(Fetched { address, declared, content })
    }

    /// Asks, and asks where that leads, until there is an answer.
    async fn follow(&self, mut url: Url) -> Result<Response> {
        for _ in 0..=MAX_REDIRECTS {
            self.guard.check(&url)?;
            let request = self.client.get(url.clone()).header(USER_AGENT, AGENT);
            let request = request.header(ACCEPT, "*/*").header(ACCEPT_ENCODING, "gzip");
            let response = request.send().await.map_err(|error| of_transport(&error))?;
            match next(&response, &url)? {
                Some(next) => url = next,
                None if response.status().is_success() => return Ok(response),
                None => return Err(of_status(&response)),
            }
        }
        Err(bad("The address leads on and on to others."))
    }
}

#[async_trait]
impl Fetcher for HttpFetcher {
    async fn fetch(&self, ctx: &Context, address: &str, max_bytes: u64) -> Result<Fetched> {
        let late = || Error::new(ErrorKind::Timeout, "The document did not arrive in time.");
        ctx.run(async {
            let fetched = timeout(self.options.max_duration, self.take(address, max_bytes)).await;
            fetched.map_err(|_| late())?
        })
        .await
    }
}

/// Where the answer leads, where it leads on.
fn next(response: &Response, from: &Url) -> Result<Option<Url>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let nowhere = || bad("The address leads on to nowhere.");
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let next = from.join(location.ok_or_else(nowhere)?).map_err(|_| nowhere())?;
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err(bad("The address leads on to one that is not protected."));
    }
    Ok(Some(next))
}

fn declared(headers: &HeaderMap) -> Option<MediaType> {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(MediaType::parse)
}

/// What nobody could read, or what never ends.
fn is_no_document(declared: &MediaType) -> bool {
    let name = declared.as_str();
    let family = name.split('/').next().unwrap_or_default();
    ["image", "audio", "video", "font"].contains(&family)
        || ["text/event-stream", "multipart/x-mixed-replace"].contains(&name)
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn of_status(response: &Response) -> Error {
    let status = response.status().as_u16();
    bad(format!("The address answers with the status {status}."))
}

/// What a client's error says; what it knows of the network stays out of it.
pub(super) fn of_transport(error: &reqwest::Error) -> Error {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<Refused>() {
            return Refused.into();
        }
        source = cause.source();
    }
    if error.is_timeout() {
        return Error::new(ErrorKind::Timeout, "The address does not answer in time.");
    }
    if error.is_body() || error.is_decode() {
        return bad("The document broke off on its way.");
    }
    bad("The address cannot be reached.")
}

/// The origin is at fault.
pub(super) fn bad(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::BadResponse, message)
}
