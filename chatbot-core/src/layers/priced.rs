//! Gives a model its price.

use std::sync::Arc;

use async_trait::async_trait;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{ChatModel, ChatRequest, ModelInfo, ModelStream};

/// A [`ChatModel`] with a price, in place of the one that it names itself.
#[derive(Debug)]
pub struct Priced {
    info: ModelInfo,
    inner: Arc<dyn ChatModel>,
}

impl Priced {
    /// `inner` at this price: dollars per million tokens read and written.
    #[must_use]
    pub fn new(inner: Arc<dyn ChatModel>, usd_per_million: (f64, f64)) -> Self {
        let info = ModelInfo { usd_per_million: Some(usd_per_million), ..inner.info().clone() };
        Self { info, inner }
    }
}

#[async_trait]
impl ChatModel for Priced {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        self.inner.stream(ctx, request).await
    }
}
