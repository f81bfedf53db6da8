//! One call, from before it is made until it has ended, however it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

use futures_util::{Stream, StreamExt as _};

use super::Ledger;
use crate::context::Context;
use crate::engine::calls::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{ModelEvent, ModelStream, ReserveCall};
use crate::types::{Budgets, CallEstimate, CallId, CallRecord, Usage};

/// What a call has used so far. It is handed to the ledger exactly once: when the call ends, or when this is dropped.
#[derive(Debug)]
pub(super) struct Account {
    ledger: Arc<Ledger>,
    ctx: Context,
    record: CallRecord,
    /// Until it was handed over.
    is_open: bool,
    usd_per_million: Option<(f64, f64)>,
    prompt_tokens: u64,
    /// Whether the model may have seen any of it.
    is_sent: bool,
    /// All that came, for the estimate.
    written: String,
    /// The last that the provider said.
    said: Option<Usage>,
}

impl Account {
    pub(super) fn open(
        ledger: &Arc<Ledger>,
        ctx: &Context,
        call: &Call<'_>,
        prompt_tokens: u64,
    ) -> Self {
        let record = CallRecord {
            id: CallId::new(),
            session: Some(call.session),
            message: call.message,
            purpose: call.purpose,
            model: call.model.info().name.clone(),
            usage: Usage::default(),
            // What is dropped before its end was not wanted any more.
            error: Some(ErrorKind::Cancelled),
            at: ledger.clock.now(),
        };
        Self {
            ledger: Arc::clone(ledger),
            ctx: ctx.clone(),
            record,
            is_open: true,
            usd_per_million: call.model.info().usd_per_million,
            prompt_tokens,
            is_sent: false,
            written: String::new(),
            said: None,
        }
    }

    pub(super) const fn prompt_tokens(&self) -> u64 {
        self.prompt_tokens
    }

    /// What is set aside for it.
    pub(super) fn reservation(&self, estimate: CallEstimate, budgets: Budgets) -> ReserveCall {
        let record = &self.record;
        ReserveCall {
            id: record.id,
            session: record.session,
            message: record.message,
            purpose: record.purpose,
            model: record.model.clone(),
            estimate,
            budgets,
            ended: Vec::new(),
        }
    }

    /// From here on the prompt counts.
    pub(super) const fn sent(&mut self) {
        self.is_sent = true;
    }

    /// There is no such call: the budgets had no room for it.
    pub(super) const fn forget(&mut self) {
        self.is_open = false;
    }

    /// Nothing was used where nothing began.
    pub(super) fn refused(&mut self, error: &Error) {
        self.is_sent = false;
        self.end(Some(error.kind()));
    }

    fn see(&mut self, event: &Result<ModelEvent>) {
        match event {
            Ok(ModelEvent::Thinking(text) | ModelEvent::Text(text)) => self.written.push_str(text),
            Ok(ModelEvent::ToolCall(call)) => self.written.push_str(&call.arguments.to_string()),
            Ok(ModelEvent::Warning(_)) => {}
            Ok(ModelEvent::Usage(usage)) => self.said = Some(*usage),
            Ok(ModelEvent::Finish(_)) => self.end(None),
            Err(error) => self.end(Some(error.kind())),
        }
    }

    fn end(&mut self, error: Option<ErrorKind>) {
        if std::mem::take(&mut self.is_open) {
            let usage = self.usage(error.is_none());
            self.ledger.note(&self.ctx, CallRecord { usage, error, ..self.record.clone() });
        }
    }

    fn usage(&self, is_whole: bool) -> Usage {
        if !self.is_sent {
            return Usage { cost_usd: Some(0.0), ..Usage::default() };
        }
        let estimate = Usage {
            input_tokens: self.prompt_tokens,
            output_tokens: self.ledger.counter.count(&self.written) as u64,
            cost_usd: None,
            estimated: true,
        };
        let usage = Usage::of_call(self.said, estimate, is_whole);
        // What a layer below said is the price of the model that answered in the end.
        if usage.cost_usd.is_some() { usage } else { usage.priced(self.usd_per_million) }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.end(Some(ErrorKind::Cancelled));
    }
}

/// A reply that is counted as it arrives.
pub(super) struct Counted {
    stream: ModelStream,
    account: Account,
}

impl Counted {
    pub(super) fn new(stream: ModelStream, account: Account) -> Self {
        Self { stream, account }
    }
}

impl Stream for Counted {
    type Item = Result<ModelEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let event = ready!(self.stream.poll_next_unpin(cx));
        match &event {
            Some(event) => self.account.see(event),
            None => self.account.end(Some(ErrorKind::BadResponse)),
        }
        Poll::Ready(event)
    }
}
