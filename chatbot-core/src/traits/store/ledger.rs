//! What calls to models used, and whether there is room for another one.

use async_trait::async_trait;

use crate::context::Context;
use crate::error::Result;
use crate::types::{
    Budgets, CallEstimate, CallId, CallPurpose, CallRecord, MessageId, SessionId, Timestamp,
    UsageQuery, UsageReport,
};

/// A call that is about to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct ReserveCall {
    /// Its id.
    pub id: CallId,
    /// The session that it is for.
    pub session: Option<SessionId>,
    /// The answer that it is for.
    pub message: Option<MessageId>,
    /// What it is for.
    pub purpose: CallPurpose,
    /// The model.
    pub model: String,
    /// The most that it can use.
    pub estimate: CallEstimate,
    /// What it must fit in.
    pub budgets: Budgets,
    /// Calls of the same answer that have ended: they are settled in the same step, whether or not this one fits.
    pub ended: Vec<CallRecord>,
}

/// The ledger: a row for each call, of the context's principal, or of nobody for the engine's own work.
#[async_trait]
pub trait LedgerStore: Send + Sync + std::fmt::Debug {
    /// Sets aside what a call may use, where every budget has room for it. It counts as spent from here on, until the call
    /// is settled. Looking and setting aside are one step: however many ask at the same time, no budget is exceeded.
    /// Returns the estimate as it fits, with a shorter reply where there is no room for all of it.
    ///
    /// # Errors
    /// `budget_exceeded`, as [`Budgets::admit`] says.
    async fn reserve(&self, ctx: &Context, call: ReserveCall) -> Result<CallEstimate>;

    /// Writes down what calls used, in the place of what was set aside for them. A call that is settled already stays as it
    /// is.
    async fn settle(&self, ctx: &Context, calls: Vec<CallRecord>) -> Result<()>;

    /// Closes calls of processes that died, of which nobody will say more: those begun before `before`, or all that are open
    /// where there is none. Each counts as what was set aside for it, as an estimate. Returns how many.
    async fn settle_abandoned(&self, ctx: &Context, before: Option<Timestamp>) -> Result<u64>;

    /// What the principal used. What is set aside counts.
    ///
    /// # Errors
    /// `invalid_input` where the time ends before it begins.
    async fn usage(&self, ctx: &Context, query: &UsageQuery) -> Result<UsageReport>;
}
