//! Ollama's own chat API: models on this machine or in this house.

mod reply;
mod request;

use serde::Serialize;

use super::http::{Decoder, Endpoint, Failures, Format, Framing, ProviderConfig, ProviderModel};
use crate::error::Result;
use crate::traits::ChatRequest;

/// The dialect of Ollama.
#[derive(Debug)]
pub struct OllamaFormat;

/// A model that an Ollama server runs.
pub type OllamaModel = ProviderModel<OllamaFormat>;

impl OllamaModel {
    /// Where an Ollama server listens unless it is told otherwise.
    pub const BASE_URL: &str = "http://localhost:11434";

    /// The model that `config` describes. Nothing is sent before it is asked something.
    ///
    /// # Errors
    /// `config_invalid` for an address that is no HTTP address and for a key that cannot be one; `internal` where TLS
    /// cannot be set up.
    pub fn new(config: ProviderConfig) -> Result<Self> {
        let key = config.api_key.clone();
        let failures = Failures { provider: "ollama" };
        // A server behind a gateway may want a key.
        let endpoint = Endpoint::new(config, &["api", "chat"], failures)?.bearer(key.as_ref())?;
        Ok(Self::at(endpoint))
    }
}

impl Format for OllamaFormat {
    fn body<'a>(
        endpoint: &'a Endpoint,
        request: &'a ChatRequest,
    ) -> impl Serialize + Send + Sync + 'a {
        request::body(&endpoint.model, request, endpoint.info.context_window)
    }

    fn framing() -> Framing {
        Framing::lines()
    }

    fn reply(_request: &ChatRequest, failures: Failures) -> Box<dyn Decoder> {
        Box::new(reply::Reply::new(failures))
    }
}
