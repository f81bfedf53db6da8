//! An end without an answer is a failure that says why.

use std::sync::Arc;

use async_trait::async_trait;

use super::opening::{Watch, watched};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::{ChatModel, ChatRequest, ModelEvent, ModelInfo, ModelStream};
use crate::types::FinishReason;

/// A [`ChatModel`] that fails where the one inside ends without text and without a call: `content_blocked` where the
/// provider refused, `bad_response` with the reason `no_answer` otherwise. What it used is still reported.
#[derive(Debug)]
pub struct Substance {
    inner: Arc<dyn ChatModel>,
}

impl Substance {
    /// Wants `inner` to say something.
    #[must_use]
    pub fn new(inner: Arc<dyn ChatModel>) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl ChatModel for Substance {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        Ok(watched(self.inner.stream(ctx, request).await?, Said(false)))
    }
}

/// Whether something was said.
struct Said(bool);

impl Watch for Said {
    fn see(&mut self, event: Result<ModelEvent>) -> Vec<Result<ModelEvent>> {
        match event {
            Ok(ModelEvent::Finish(reason)) if !self.0 => vec![Err(nothing(&reason))],
            Ok(ModelEvent::Text(text)) => {
                self.0 |= !text.trim().is_empty();
                vec![Ok(ModelEvent::Text(text))]
            }
            Ok(ModelEvent::ToolCall(call)) => {
                self.0 = true;
                vec![Ok(ModelEvent::ToolCall(call))]
            }
            other => vec![other],
        }
    }
}

fn nothing(reason: &FinishReason) -> Error {
    let (kind, message) = match reason {
        FinishReason::ContentFilter => {
            (ErrorKind::ContentBlocked, "The model's provider refused to answer this.")
        }
        FinishReason::Length => (
            ErrorKind::BadResponse,
            "The model used up all that it may write before it answered. Allow it more, or ask for less.",
        ),
        FinishReason::Stop | FinishReason::ToolCalls | FinishReason::Other(_) => {
            (ErrorKind::BadResponse, "The model answered with nothing. Ask again.")
        }
    };
    let error = Error::new(kind, message).with_operation("model.answer");
    if kind == ErrorKind::BadResponse { error.with_reason(Reason::NoAnswer) } else { error }
}
