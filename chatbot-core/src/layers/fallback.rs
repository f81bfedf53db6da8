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
    info: ModelInfo,
    first: Arc<dyn ChatModel>,
    others: Vec<Arc<dyn ChatModel>>,
}

impl Fallback {
    /// Asks `first`, whose description this model has, and then the others in their order. Its price is that of the dearest
    /// of them, since nobody knows in advance which one answers.
    #[must_use]
    pub fn new(first: Arc<dyn ChatModel>, others: Vec<Arc<dyn ChatModel>>) -> Self {
        let mut info = first.info().clone();
        for other in &others {
            info.usd_per_million = dearest(info.usd_per_million, other.info().usd_per_million);
        }
        Self { info, first, others }
    }
}

#[async_trait]
impl ChatModel for Fallback {
    fn info(&self) -> &ModelInfo {
        &self.info
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

/// The higher of two prices, each of its parts by itself.
fn dearest(one: Option<(f64, f64)>, other: Option<(f64, f64)>) -> Option<(f64, f64)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.max(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}
