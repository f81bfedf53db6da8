//! Any endpoint that speaks OpenAI's chat completions.

mod reply;
mod request;

use serde::Serialize;

use super::http::{Decoder, Endpoint, Failures, Format, ProviderConfig, ProviderModel};
use crate::error::Result;
use crate::traits::ChatRequest;

/// The dialect of OpenAI.
#[derive(Debug)]
pub struct OpenAiFormat;

/// A model behind an OpenAI-compatible endpoint.
pub type OpenAiModel = ProviderModel<OpenAiFormat>;

impl OpenAiModel {
    /// Where OpenAI's own API is.
    pub const BASE_URL: &str = "https://api.openai.com/v1";

    /// The model that `config` describes. Nothing is sent before it is asked something.
    ///
    /// # Errors
    /// `config_invalid` for an address that is no HTTP address and for a key that cannot be one; `internal` where TLS
    /// cannot be set up.
    pub fn new(config: ProviderConfig) -> Result<Self> {
        let key = config.api_key.clone();
        let failures = Failures { provider: "openai" };
        let endpoint =
            Endpoint::new(config, &["chat", "completions"], failures)?.bearer(key.as_ref())?;
        Ok(Self::at(endpoint))
    }
}

impl Format for OpenAiFormat {
    fn body<'a>(
        endpoint: &'a Endpoint,
        request: &'a ChatRequest,
    ) -> impl Serialize + Send + Sync + 'a {
        request::body(&endpoint.model, request, endpoint.is_at("api.openai.com"))
    }

    fn reply(_request: &ChatRequest, failures: Failures) -> Box<dyn Decoder> {
        Box::new(reply::Reply::new(failures))
    }
}
