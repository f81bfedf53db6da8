//! How an answer ends: with its calls and a reason, or broken off.

use super::failure::Failures;
use super::tool_calls::ToolCalls;
use crate::error::Result;
use crate::traits::ModelEvent;
use crate::types::FinishReason;

/// What of an answer is said at its end.
#[derive(Debug)]
pub(in crate::models) struct Ending {
    pub(in crate::models) failures: Failures,
    pub(in crate::models) calls: ToolCalls,
    /// Why the answer ends, once the provider said so.
    pub(in crate::models) reason: Option<FinishReason>,
    is_over: bool,
}

impl Ending {
    pub(in crate::models) fn new(failures: Failures) -> Self {
        Self { failures, calls: ToolCalls::new(failures), reason: None, is_over: false }
    }

    /// Whether the last event was given out.
    pub(in crate::models) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The last events. What counts tokens may come after the reason, so that the reason waits for the end.
    ///
    /// # Errors
    /// `bad_response` for an end without a reason, which is none, and for calls that cannot be made.
    pub(in crate::models) fn end(&mut self) -> Result<Vec<ModelEvent>> {
        let reason = self.reason.take().ok_or_else(|| self.failures.broken_off())?;
        let mut events = self.calls.finish()?;
        self.is_over = true;
        events.push(ModelEvent::Finish(reason));
        Ok(events)
    }
}
