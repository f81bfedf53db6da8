//! Calls to models: the one place through which the engine asks any of them.

use std::sync::Arc;

use super::Engine;
use crate::context::Context;
use crate::error::Result;
use crate::traits::{ChatModel, ChatRequest, ModelStream};
use crate::types::{CallPurpose, SessionId};

/// Which model is asked, and for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) model: &'a Arc<dyn ChatModel>,
    pub(super) purpose: CallPurpose,
    pub(super) session: SessionId,
}

impl Engine {
    /// Begins an answer of a model.
    pub(super) async fn ask_model(
        &self,
        ctx: &Context,
        call: Call<'_>,
        request: ChatRequest,
    ) -> Result<ModelStream> {
        tracing::debug!(model = call.model.info().name, purpose = call.purpose.as_str(), session = %call.session, "a model is asked");
        call.model.stream(ctx, request).await
    }
}
