//! Anthropic's messages API.

mod reply;
mod request;

use async_trait::async_trait;

use super::http::{Endpoint, Failures, Framing, ProviderConfig, check};
use crate::context::Context;
use crate::error::Result;
use crate::traits::{ChatModel, ChatRequest, ModelInfo, ModelStream};

/// The version of the API that this module speaks; the newest since 2023.
const API_VERSION: &str = "2023-06-01";

/// A model behind Anthropic's messages API.
#[derive(Debug)]
pub struct AnthropicModel {
    endpoint: Endpoint,
}

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
        Ok(Self { endpoint })
    }

    /// This model with what is known of it: its window, its longest answer, its prices. The name stays.
    #[must_use]
    pub fn with_info(mut self, info: ModelInfo) -> Self {
        self.endpoint.set_info(info);
        self
    }
}

#[async_trait]
impl ChatModel for AnthropicModel {
    fn info(&self) -> &ModelInfo {
        &self.endpoint.info
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        check(ctx, &request)?;
        let endpoint = &self.endpoint;
        let body = request::body(&endpoint.model, &request, endpoint.info.max_output_tokens);
        let reply = Box::new(reply::Reply::new(&request, endpoint.failures()));
        endpoint.stream(ctx, &body, Framing::events(), reply).await
    }
}
