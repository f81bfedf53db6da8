//! Any endpoint that speaks OpenAI's chat completions.

mod reply;
mod request;

use async_trait::async_trait;

use super::http::{Endpoint, Failures, Framing, ProviderConfig, check};
use crate::context::Context;
use crate::error::Result;
use crate::traits::{ChatModel, ChatRequest, ModelInfo, ModelStream};

/// A model behind an OpenAI-compatible endpoint.
#[derive(Debug)]
pub struct OpenAiModel {
    endpoint: Endpoint,
}

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
impl ChatModel for OpenAiModel {
    fn info(&self) -> &ModelInfo {
        &self.endpoint.info
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        check(ctx, &request)?;
        let body =
            request::body(&self.endpoint.model, &request, self.endpoint.is_at("api.openai.com"));
        let reply = Box::new(reply::Reply::new(&request.tools, self.endpoint.failures()));
        self.endpoint.stream(ctx, &body, Framing::events(), reply).await
    }
}
