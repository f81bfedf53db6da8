//! Who agrees before a tool changes something.

use async_trait::async_trait;

use super::ToolCall;
use crate::context::Context;
use crate::error::Result;

/// Agrees, or not, before a tool changes something: the place where a host asks a person. Where a host gives none, nothing that
/// changes anything is called.
#[async_trait]
pub trait ToolApproval: Send + Sync + std::fmt::Debug {
    /// Whether this call may be made. Its arguments fit the tool's schema; the context says for whom it is. It may take as
    /// long as the turn lives.
    ///
    /// # Errors
    /// Any kind: the call is not made, and the model is told so.
    async fn approve(&self, ctx: &Context, call: &ToolCall) -> Result<bool>;
}

/// Agrees to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefuseWrites;

#[async_trait]
impl ToolApproval for RefuseWrites {
    async fn approve(&self, _ctx: &Context, _call: &ToolCall) -> Result<bool> {
        Ok(false)
    }
}
