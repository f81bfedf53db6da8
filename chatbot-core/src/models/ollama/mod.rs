//! Ollama's own chat API: models on this machine or in this house.

mod reply;
mod request;

use async_trait::async_trait;

use super::http::{Endpoint, Failures, Framing, ProviderConfig, check};
use crate::context::Context;
use crate::error::Result;
use crate::traits::{ChatModel, ChatRequest, ModelInfo, ModelStream};

/// A model that an Ollama server runs.
#[derive(Debug)]
pub struct OllamaModel {
    endpoint: Endpoint,
}

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
impl ChatModel for OllamaModel {
    fn info(&self) -> &ModelInfo {
        &self.endpoint.info
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        check(ctx, &request)?;
        let endpoint = &self.endpoint;
        let body = request::body(&endpoint.model, &request, endpoint.info.context_window);
        let reply = Box::new(reply::Reply::new(&request.tools, endpoint.failures()));
        endpoint.stream(ctx, &body, Framing::lines(), reply).await
    }
}
