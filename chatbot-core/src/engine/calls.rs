//! Calls to models: the one place through which the engine asks any of them.

use std::sync::Arc;

use super::Engine;
use crate::context::Context;
use crate::error::Result;
use crate::traits::{ChatModel, ChatRequest, ModelStream};
use crate::types::{CallPurpose, MessageId, SessionId};

/// Which model is asked, and for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) model: &'a Arc<dyn ChatModel>,
    pub(super) purpose: CallPurpose,
    pub(super) session: SessionId,
    /// The answer that it is part of: it is among what that answer used, and counts for the budget of a turn.
    pub(super) message: Option<MessageId>,
}

impl Engine {
    /// Begins an answer of a model, where the budgets have room for it. What it uses is in the ledger once it has ended, or
    /// its stream was dropped.
    ///
    /// # Errors
    /// `budget_exceeded`, before the model is asked; and those of [`ChatModel::stream`].
    pub(super) async fn ask_model(
        &self,
        ctx: &Context,
        call: Call<'_>,
        request: ChatRequest,
    ) -> Result<ModelStream> {
        tracing::debug!(model = call.model.info().name, purpose = call.purpose.as_str(), session = %call.session, "a model is asked");
        self.ledger.ask(ctx, call, request).await
    }
}
