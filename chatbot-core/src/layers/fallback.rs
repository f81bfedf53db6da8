//! Another model where one does not answer.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

use super::opening::opened;
use crate::context::Context;
use crate::error::Result;
use crate::traits::{ChatModel, ChatRequest, ModelEvent, ModelInfo, ModelStream};
use crate::types::Warning;

/// A [`ChatModel`] that asks others, one after the other, where the first does not begin to answer. Once one has said
/// something its answer stands, whole or broken. A warning (`model_fallback`) comes before the answer of another.
#[derive(Debug)]
pub struct Fallback {
    first: Arc<dyn ChatModel>,
    others: Vec<Arc<dyn ChatModel>>,
}

impl Fallback {
    /// Asks `first`, whose description this model has, and then the others in their order.
    #[must_use]
    pub fn new(first: Arc<dyn ChatModel>, others: Vec<Arc<dyn ChatModel>>) -> Self {
        Self { first, others }
    }
}

#[async_trait]
impl ChatModel for Fallback {
    fn info(&self) -> &ModelInfo {
        self.first.info()
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        let error = match opened(&*self.first, ctx, request.clone()).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        for other in &self.others {
            ctx.check()?;
            if !error.kind().may_differ_elsewhere() {
                break;
            }
            let (from, to) = (&self.info().name, &other.info().name);
            match opened(&**other, ctx, request.clone()).await {
                Ok(stream) => {
                    tracing::warn!(from, to, code = %error.kind(), "another model answers");
                    let warning = ModelEvent::Warning(Warning::model_fallback(from, to));
                    return Ok(stream::iter([Ok(warning)]).chain(stream).boxed());
                }
                Err(next) => {
                    tracing::warn!(from, to, code = %next.kind(), "the other model does not answer either");
                }
            }
        }
        // The first one is the model that was asked for: its error is the one that says what to do.
        Err(error)
    }
}
