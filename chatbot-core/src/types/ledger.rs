//! The ledger: a record for each call to a model, and what many of them come to.

use serde::{Deserialize, Serialize};

use super::{CallId, CallPurpose, MessageId, SessionId, Timestamp, Usage};
use crate::error::{Error, ErrorKind, Result};

/// A call to a model that has ended. No text is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRecord {
    /// The id.
    pub id: CallId,
    /// The session that it was made for, where it was for one.
    pub session: Option<SessionId>,
    /// The answer that it was made for, where it was part of a turn.
    pub message: Option<MessageId>,
    /// What it was for.
    pub purpose: CallPurpose,
    /// The model, by the name that requests use.
    pub model: String,
    /// What it used; an estimate where nobody said.
    pub usage: Usage,
    /// How it ended; `None` where the reply is whole.
    pub error: Option<ErrorKind>,
    /// When it began.
    pub at: Timestamp,
}

/// By what used tokens are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UsageGrouping {
    /// By the day in UTC, such as `2026-11-28`; the earliest first.
    #[default]
    Day,
    /// By the model; the one with the most tokens first, as for those below.
    Model,
    /// By what calls were for, such as `answer`.
    Purpose,
    /// By the session's id. Calls for no session are under an empty key.
    Session,
}

/// Which calls are summed up: those of the asker that began in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageQuery {
    /// From here on; thirty days before the end where there is none.
    pub from: Option<Timestamp>,
    /// Until before then; now where there is none.
    pub to: Option<Timestamp>,
    /// By what they are put together.
    pub group_by: UsageGrouping,
}

/// Thirty days: the last month, wherever in it one is.
const DEFAULT_SPAN_MS: i64 = 30 * 24 * 60 * 60 * 1000;

impl UsageQuery {
    /// The most groups of a report. Where there are more, those with the most tokens are shown; the total is of all.
    pub const MAX_GROUPS: u32 = 1000;

    /// The time that is meant: its first millisecond, and the first one after it.
    ///
    /// # Errors
    /// `invalid_input` where it ends before it begins.
    pub fn span(&self, now: Timestamp) -> Result<(Timestamp, Timestamp)> {
        // What happens in this millisecond has happened.
        let to = self.to.unwrap_or(now.plus_millis(1));
        let from = self.from.unwrap_or(to.plus_millis(-DEFAULT_SPAN_MS));
        if from > to {
            return Err(Error::invalid("`from` must not be later than `to`."));
        }
        Ok((from, to))
    }
}

/// What calls came to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageTotals {
    /// Calls.
    pub n_calls: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// What those with a price cost.
    pub cost_usd: f64,
    /// Calls of models that have no price here: what they cost is not in the sum.
    pub n_unpriced: u64,
    /// Calls whose figures are our estimate.
    pub n_estimated: u64,
    /// Calls that failed or were stopped.
    pub n_failed: u64,
}

/// The calls that have something in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageGroup {
    /// What they have in common: a day, a model, a purpose or a session's id.
    pub key: String,
    /// What they came to.
    pub total: UsageTotals,
}

/// What the asker used in a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageReport {
    /// From here on.
    pub from: Timestamp,
    /// Until before then.
    pub to: Timestamp,
    /// By what it is put together.
    pub group_by: UsageGrouping,
    /// All of it.
    pub total: UsageTotals,
    /// Its parts.
    pub items: Vec<UsageGroup>,
}
