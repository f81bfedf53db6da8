//! Which earlier messages a model gets to see.

use async_trait::async_trait;

use super::{ModelMessage, TokenCounter};
use crate::context::Context;
use crate::error::Result;
use crate::types::Message;

/// Chooses what of a conversation goes into a prompt.
#[async_trait]
pub trait HistoryPolicy: Send + Sync + std::fmt::Debug {
    /// The messages to show, oldest first, within `max_tokens`. `path` leads from the first message to the one
    /// before the question. Never fails for want of room: what does not fit is left out.
    ///
    /// # Errors
    /// Only what the policy itself needs (a summarising model, say) can fail.
    async fn select(
        &self,
        ctx: &Context,
        path: &[Message],
        counter: &dyn TokenCounter,
        max_tokens: usize,
    ) -> Result<Vec<ModelMessage>>;
}
