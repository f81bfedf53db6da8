//! The model behind a provider's address. What differs from provider to provider is its [`Format`].

use std::fmt;
use std::marker::PhantomData;

use async_trait::async_trait;
use serde::Serialize;

use super::answer::{Decoder, Framing};
use super::failure::Failures;
use super::{Endpoint, check};
use crate::context::Context;
use crate::error::Result;
use crate::traits::{ChatModel, ChatRequest, ModelInfo, ModelStream};

/// The dialect of a provider.
pub(in crate::models) trait Format: 'static {
    /// What is sent.
    fn body<'a>(
        endpoint: &'a Endpoint,
        request: &'a ChatRequest,
    ) -> impl Serialize + Send + Sync + 'a;

    /// How the pieces of an answer are told apart.
    fn framing() -> Framing {
        Framing::events()
    }

    /// What reads the answer.
    fn reply(request: &ChatRequest, failures: Failures) -> Box<dyn Decoder>;
}

/// A model behind an address. `F` is the dialect of its provider.
pub struct ProviderModel<F> {
    endpoint: Endpoint,
    format: PhantomData<fn() -> F>,
}

impl<F> ProviderModel<F> {
    pub(in crate::models) const fn at(endpoint: Endpoint) -> Self {
        Self { endpoint, format: PhantomData }
    }

    /// This model with what is known of it: its window, its longest answer, its prices. The name stays.
    #[must_use]
    pub fn with_info(mut self, info: ModelInfo) -> Self {
        self.endpoint.set_info(info);
        self
    }
}

impl<F> fmt::Debug for ProviderModel<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderModel").field("endpoint", &self.endpoint).finish()
    }
}

#[async_trait]
impl<F: Format> ChatModel for ProviderModel<F> {
    fn info(&self) -> &ModelInfo {
        &self.endpoint.info
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        check(ctx, &request)?;
        let endpoint = &self.endpoint;
        let reply = F::reply(&request, endpoint.failures);
        endpoint.stream(ctx, &F::body(endpoint, &request), F::framing(), reply).await
    }
}
