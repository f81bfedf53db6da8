//! What calls to models use: set aside before they are made, where there are budgets, and written down once they have ended.
//!
//! The calls of a turn are written in the transaction that stores its answer, so that counting costs a turn no flush of its
//! own. Only where a budget is configured is there a write before a call: nothing else could hold back the hundredth of a
//! hundred that come at once. What a process that died had set aside stays spent; the next start closes it.

mod account;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt as _;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use self::account::{Account, Counted};
use super::Parts;
use super::calls::Call;
use crate::context::Context;
use crate::error::{ErrorKind, Result};
use crate::traits::{
    ChatRequest, Clock, LedgerStore, ModelInfo, ModelStream, ReserveCall, TokenCounter,
};
use crate::types::{Budgets, CallEstimate, CallRecord, MessageId};

/// Tokens of a reply where neither the caller nor the model has a limit. With a budget such a reply is held to it, since what
/// it may cost has to be known: more than ten pages of a book.
const DEFAULT_OUTPUT_TOKENS: usize = 4096;

/// How old a call is that cannot be going on any more: twice the longest time that an answer can be given.
const ABANDONED_MS: i64 = 2 * 24 * 60 * 60 * 1000;

/// What calls to models use.
#[derive(Debug)]
pub(super) struct Ledger {
    store: Arc<dyn LedgerStore>,
    counter: Arc<dyn TokenCounter>,
    clock: Arc<dyn Clock>,
    budgets: Budgets,
    /// Writes that no turn does.
    tasks: TaskTracker,
    /// The turns that run here, with their calls that have ended.
    turns: Mutex<HashMap<MessageId, Vec<CallRecord>>>,
}

impl Ledger {
    pub(super) fn new(parts: &Parts, budgets: Budgets, tasks: TaskTracker) -> Arc<Self> {
        Arc::new(Self {
            store: parts.store.clone(),
            counter: Arc::clone(&parts.counter),
            clock: Arc::clone(&parts.clock),
            budgets,
            tasks,
            turns: Mutex::default(),
        })
    }

    /// Asks a model where the budgets have room for it.
    pub(super) async fn ask(
        self: &Arc<Self>,
        ctx: &Context,
        call: Call<'_>,
        mut request: ChatRequest,
    ) -> Result<ModelStream> {
        let mut account = Account::open(self, ctx, &call, self.prompt_tokens(&request));
        // Quoting costs nothing, and nobody is paid for it.
        if self.budgets.any() && !call.model.info().quotes_only {
            let estimate = estimate(&request, call.model.info(), account.prompt_tokens());
            match self.reserve(ctx, &account, estimate).await {
                Ok(tokens) => request.max_output_tokens = Some(tokens),
                Err(error) => {
                    if error.kind() == ErrorKind::BudgetExceeded {
                        account.forget();
                    }
                    return Err(error);
                }
            }
        }
        account.sent();
        match call.model.stream(ctx, request).await {
            Ok(stream) => Ok(Counted::new(stream, account).boxed()),
            Err(error) => {
                account.refused(&error);
                Err(error)
            }
        }
    }

    /// Sets aside what the call may use, and says how long the reply may be.
    async fn reserve(
        &self,
        ctx: &Context,
        account: &Account,
        estimate: CallEstimate,
    ) -> Result<usize> {
        let call = account.reservation(estimate, self.budgets);
        let ended = call.message.and_then(|message| self.turns().get(&message).cloned());
        let call = ReserveCall { ended: ended.unwrap_or_default(), ..call };
        let admitted = self.store.reserve(ctx, call).await?;
        Ok(usize::try_from(admitted.max_output_tokens).unwrap_or(usize::MAX))
    }

    /// Tokens that the model will read, by estimate.
    fn prompt_tokens(&self, request: &ChatRequest) -> u64 {
        let texts: usize = request.texts().map(|text| self.counter.count(text)).sum();
        let schemas =
            request.tools.iter().map(|tool| &tool.parameters).chain(&request.answer_schema);
        let schemas: usize = schemas.map(|schema| self.counter.count(&schema.to_string())).sum();
        let about = request.tools.iter().map(|tool| self.counter.count(&tool.description));
        (texts + schemas + about.sum::<usize>()) as u64
    }

    /// From here on the calls of this turn are kept for its end.
    pub(super) fn begin_turn(&self, message: MessageId) {
        self.turns().insert(message, Vec::new());
    }

    /// The calls of a turn that ends, for the transaction that ends it.
    pub(super) fn end_turn(&self, message: MessageId) -> Vec<CallRecord> {
        self.turns().remove(&message).unwrap_or_default()
    }

    /// Takes in a call that has ended.
    fn note(&self, ctx: &Context, record: CallRecord) {
        let Some(record) = self.keep(record) else { return };
        let (store, ctx) = (Arc::clone(&self.store), ctx.detached());
        let write = async move { settle(store.as_ref(), &ctx, vec![record]).await };
        match Handle::try_current() {
            Ok(runtime) => drop(self.tasks.spawn_on(write, &runtime)),
            Err(_) => {
                tracing::error!("what a call used was not written down: nothing runs any more")
            }
        }
    }

    /// Keeps the call for the end of its turn; gives it back where none runs here.
    fn keep(&self, record: CallRecord) -> Option<CallRecord> {
        let mut turns = self.turns();
        let calls = record.message.and_then(|message| turns.get_mut(&message));
        match calls {
            Some(calls) => {
                calls.push(record);
                None
            }
            None => Some(record),
        }
    }

    /// Writes down calls that no turn could.
    pub(super) async fn settle(&self, ctx: &Context, calls: Vec<CallRecord>) {
        settle(self.store.as_ref(), ctx, calls).await;
    }

    /// Closes calls whose end was never written.
    pub(super) async fn settle_abandoned(&self, ctx: &Context) -> Result<()> {
        if !self.budgets.any() {
            return Ok(());
        }
        let before = self.clock.now().plus_millis(-ABANDONED_MS);
        self.store.settle_abandoned(ctx, Some(before)).await.map(drop)
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<MessageId, Vec<CallRecord>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn settle(store: &dyn LedgerStore, ctx: &Context, calls: Vec<CallRecord>) {
    if calls.is_empty() {
        return;
    }
    if let Err(error) = store.settle(ctx, calls).await {
        tracing::error!(?error, "what a call used was not written down");
    }
}

/// The most that a call can use.
fn estimate(request: &ChatRequest, model: &ModelInfo, input_tokens: u64) -> CallEstimate {
    let limits = [request.max_output_tokens, model.max_output_tokens];
    let longest = limits.into_iter().flatten().min().unwrap_or(DEFAULT_OUTPUT_TOKENS);
    CallEstimate {
        input_tokens,
        max_output_tokens: longest as u64,
        usd_per_million: model.usd_per_million,
    }
}
