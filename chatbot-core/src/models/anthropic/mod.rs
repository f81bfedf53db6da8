//! Anthropic's messages API.

mod reply;
mod request;

use serde::Serialize;

use super::http::{Decoder, Endpoint, Failures, Format, ProviderConfig, ProviderModel};
use crate::error::Result;
use crate::traits::ChatRequest;

/// The version of the API that this module speaks; the newest since 2023.
const API_VERSION: &str = "2023-06-01";

/// The dialect of Anthropic's messages API.
#[derive(Debug)]
pub struct AnthropicFormat;

/// A model behind Anthropic's messages API.
pub type AnthropicModel = ProviderModel<AnthropicFormat>;

impl AnthropicModel {
    /// Where Anthropic's own API is.
    pub const BASE_URL: &str = "https://api.anthropic.com/v1";

    /// The model that `config` describes. Nothing is sent before it is asked something.
    ///
    /// # Errors
    /// `config_invalid` for an address that is no HTTP address and for a key that cannot be one; `internal` where TLS
    /// cannot be set up.
    pub fn new(config: ProviderConfig) -> Result<Self> {
        let key = config.api_key.clone();
        let endpoint = Endpoint::new(config, &["messages"], Failures { provider: "anthropic" })?;
        let mut endpoint = endpoint.header("anthropic-version", API_VERSION, false)?;
        if let Some(key) = key {
            endpoint = endpoint.header("x-api-key", key.reveal(), true)?;
        }
        Ok(Self::at(endpoint))
    }
}

impl Format for AnthropicFormat {
    fn body<'a>(
        endpoint: &'a Endpoint,
        request: &'a ChatRequest,
    ) -> impl Serialize + Send + Sync + 'a {
        request::body(&endpoint.model, request, endpoint.info.max_output_tokens)
    }

    fn reply(request: &ChatRequest, failures: Failures) -> Box<dyn Decoder> {
        Box::new(reply::Reply::new(request, failures))
    }
}
