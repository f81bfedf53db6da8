//! Google's Gemini API.

mod reply;
mod request;

use serde::Serialize;

use super::http::{Decoder, Endpoint, Failures, Format, ProviderConfig, ProviderModel};
use crate::error::Result;
use crate::traits::ChatRequest;

/// The dialect of Google's Gemini API.
#[derive(Debug)]
pub struct GeminiFormat;

/// A model behind Google's Gemini API.
pub type GeminiModel = ProviderModel<GeminiFormat>;

impl GeminiModel {
    /// Where Google's own API is.
    pub const BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta";

    /// The model that `config` describes. Nothing is sent before it is asked something.
    ///
    /// # Errors
    /// `config_invalid` for an address that is no HTTP address and for a key that cannot be one; `internal` where TLS
    /// cannot be set up.
    pub fn new(config: ProviderConfig) -> Result<Self> {
        let key = config.api_key.clone();
        let method = format!("{}:streamGenerateContent", config.model);
        let failures = Failures { provider: "gemini" };
        let endpoint = Endpoint::new(config, &["models", &method], failures)?;
        let mut endpoint = endpoint.parameter("alt", "sse");
        if let Some(key) = key {
            endpoint = endpoint.header("x-goog-api-key", key.reveal(), true)?;
        }
        Ok(Self::at(endpoint))
    }
}

impl Format for GeminiFormat {
    fn body<'a>(
        _endpoint: &'a Endpoint,
        request: &'a ChatRequest,
    ) -> impl Serialize + Send + Sync + 'a {
        request::body(request)
    }

    fn reply(_request: &ChatRequest, failures: Failures) -> Box<dyn Decoder> {
        Box::new(reply::Reply::new(failures))
    }
}
