//! Google's Gemini API.

mod reply;
mod request;

use async_trait::async_trait;

use super::http::{Endpoint, Failures, Framing, ProviderConfig, check};
use crate::context::Context;
use crate::error::Result;
use crate::traits::{ChatModel, ChatRequest, ModelInfo, ModelStream};

/// A model behind Google's Gemini API.
#[derive(Debug)]
pub struct GeminiModel {
    endpoint: Endpoint,
}

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
impl ChatModel for GeminiModel {
    fn info(&self) -> &ModelInfo {
        &self.endpoint.info
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        check(ctx, &request)?;
        let body = request::body(&request);
        let reply = Box::new(reply::Reply::new(&request.tools, self.endpoint.failures()));
        self.endpoint.stream(ctx, &body, Framing::events(), reply).await
    }
}
