//! Who is told what models used.

use std::time::Duration;

use crate::context::Scope;
use crate::error::ErrorKind;
use crate::types::{RequestId, Usage};

/// What one call to a model used. There is exactly one for each call, however it ended and however often it was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageRecord {
    /// The request that it was made for.
    pub request_id: RequestId,
    /// Who asked.
    pub scope: Scope,
    /// The model, by the name that requests use.
    pub model: String,
    /// Tokens and their price. Nothing where the model was never reached.
    pub usage: Usage,
    /// How it ended; `None` where the answer is whole.
    pub error: Option<ErrorKind>,
    /// Until the first piece of the answer; `None` where none came.
    pub first_content: Option<Duration>,
    /// Until the end.
    pub total: Duration,
}

/// Takes the records of what was used: a ledger, a metric, a log.
pub trait UsageSink: Send + Sync + std::fmt::Debug {
    /// Takes a record. It is called while an answer is on its way, so it must not wait.
    fn record(&self, record: UsageRecord);
}
