use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::error::Error;
use crate::history::EstimatedTokens;
use crate::testing::{FixedClock, ScriptedModel, Step};
use crate::traits::{ChatModel, ModelMessage};
use crate::types::{
    Allowance, CallPurpose, FinishReason, MessageRole, SessionId, Timestamp, Usage, UsageQuery,
    UsageReport,
};

/// Counts what it is asked for, and lets replies have as many tokens as it is told to.
#[derive(Debug, Default)]
struct Book {
    reserved: Mutex<Vec<ReserveCall>>,
    settled: Mutex<Vec<CallRecord>>,
    n_writes: AtomicUsize,
    /// `None`: there is no room.
    room: Option<u64>,
}

#[async_trait]
impl LedgerStore for Book {
    async fn reserve(&self, _: &Context, call: ReserveCall) -> Result<CallEstimate> {
        self.n_writes.fetch_add(1, Ordering::SeqCst);
        let estimate = call.estimate;
        self.reserved.lock().unwrap().push(call);
        let full = || Error::new(ErrorKind::BudgetExceeded, "There is no room.");
        let max_output_tokens = self.room.ok_or_else(full)?;
        Ok(CallEstimate { max_output_tokens, ..estimate })
    }

    async fn settle(&self, _: &Context, calls: Vec<CallRecord>) -> Result<()> {
        self.n_writes.fetch_add(1, Ordering::SeqCst);
        self.settled.lock().unwrap().extend(calls);
        Ok(())
    }

    async fn settle_abandoned(&self, _: &Context, _: Option<Timestamp>) -> Result<u64> {
        Ok(0)
    }

    async fn usage(&self, _: &Context, _: &UsageQuery) -> Result<UsageReport> {
        Err(Error::internal("No test asks for it."))
    }
}

struct Desk {
    book: Arc<Book>,
    ledger: Arc<Ledger>,
    turn: MessageId,
}

fn desk(budgets: Budgets, room: Option<u64>) -> Desk {
    let book = Arc::new(Book { room, ..Book::default() });
    let ledger = Arc::new(Ledger {
        store: book.clone(),
        counter: Arc::new(EstimatedTokens),
        clock: Arc::new(FixedClock::default()),
        budgets,
        tasks: TaskTracker::new(),
        turns: Mutex::default(),
    });
    let turn = MessageId::new();
    ledger.begin_turn(turn);
    Desk { book, ledger, turn }
}

fn limited() -> Budgets {
    let turn = Allowance { tokens: Some(1_000), usd: None };
    Budgets { turn, ..Budgets::default() }
}

impl Desk {
    async fn ask(&self, model: &ScriptedModel) -> Result<ModelStream> {
        self.ask_for(model, Some(self.turn)).await
    }

    async fn ask_for(
        &self,
        model: &ScriptedModel,
        message: Option<MessageId>,
    ) -> Result<ModelStream> {
        let model: Arc<dyn ChatModel> = Arc::new(model.clone());
        let session = SessionId::new();
        let call = Call { model: &model, purpose: CallPurpose::Answer, session, message };
        let content = "Where is the Seine?".to_owned();
        let asked = ModelMessage { role: MessageRole::User, content };
        let request = ChatRequest { messages: vec![asked], ..ChatRequest::default() };
        self.ledger.ask(&Context::local(), call, request).await
    }

    async fn ask_to_the_end(&self, model: &ScriptedModel) {
        let stream = self.ask(model).await.unwrap();
        drop(stream.collect::<Vec<_>>().await);
    }

    /// The only call of the turn.
    fn call(&self) -> CallRecord {
        let calls = self.ledger.end_turn(self.turn);
        let [call] = calls.as_slice() else { panic!("one call, not {calls:?}") };
        call.clone()
    }

    fn n_writes(&self) -> usize {
        self.book.n_writes.load(Ordering::SeqCst)
    }
}

fn said(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage { input_tokens, output_tokens, cost_usd: None, estimated: false }
}

fn priced(model: ScriptedModel) -> ScriptedModel {
    let info = ModelInfo { usd_per_million: Some((1.0, 10.0)), ..model.info().clone() };
    model.with_info(info)
}

#[tokio::test]
async fn without_budgets_the_calls_of_a_turn_cost_the_store_no_write() {
    let desk = desk(Budgets::default(), None);
    let finish = Step::Finish(FinishReason::Stop);
    let steps = vec![Step::Usage(said(7, 3)), Step::Text("In France.".into()), finish];
    let model = priced(ScriptedModel::new(steps));
    desk.ask_to_the_end(&model).await;
    desk.ask_to_the_end(&model).await;
    assert_eq!(model.requests()[0].max_output_tokens, None, "nothing is cut");
    let calls = desk.ledger.end_turn(desk.turn);
    assert_eq!((calls.len(), desk.n_writes()), (2, 0));
    assert_ne!(calls[0].id, calls[1].id);
    let call = &calls[0];
    assert_eq!((call.usage.tokens(), call.usage.cost_usd, call.error), (10, Some(37e-6), None));
    assert_eq!((call.message, call.model.as_str()), (Some(desk.turn), "scripted"));
}

#[tokio::test]
async fn a_call_without_room_never_reaches_the_model() {
    let desk = desk(limited(), None);
    let model = ScriptedModel::replying("In France.");
    let refused = desk.ask(&model).await.map(drop).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::BudgetExceeded));
    assert_eq!(model.requests().len(), 0);
    assert_eq!(desk.ledger.end_turn(desk.turn), [], "nothing was used");
}

#[tokio::test]
async fn a_reply_is_cut_to_the_room_that_is_left() {
    let desk = desk(limited(), Some(300));
    let model = ScriptedModel::replying("In France.");
    desk.ask_to_the_end(&model).await;
    assert_eq!(model.requests()[0].max_output_tokens, Some(300));
    let reserved = desk.book.reserved.lock().unwrap()[0].clone();
    assert_eq!(reserved.estimate.max_output_tokens, DEFAULT_OUTPUT_TOKENS as u64);
    assert!(reserved.estimate.input_tokens > 3);
    assert_eq!(desk.call().id, reserved.id, "what was set aside is what is settled");
}

#[tokio::test]
async fn what_a_turn_has_used_is_settled_with_the_next_call() {
    let desk = desk(limited(), Some(300));
    let model = ScriptedModel::replying("In France.");
    desk.ask_to_the_end(&model).await;
    desk.ask_to_the_end(&model).await;
    let reserved = desk.book.reserved.lock().unwrap().clone();
    assert_eq!((reserved[0].ended.len(), reserved[1].ended.len()), (0, 1));
    assert_eq!(reserved[1].ended[0].id, reserved[0].id);
    assert_eq!((desk.ledger.end_turn(desk.turn).len(), desk.n_writes()), (2, 2));
}

#[tokio::test]
async fn quoting_needs_no_room() {
    let desk = desk(limited(), None);
    let model = ScriptedModel::replying("In France.");
    let info = ModelInfo { quotes_only: true, ..model.info().clone() };
    desk.ask_to_the_end(&model.with_info(info)).await;
    assert_eq!(desk.n_writes(), 0);
}

#[tokio::test]
async fn a_call_that_failed_settles_what_the_provider_said_and_what_came() {
    let text = Step::Text("In the middle of France, where ".repeat(5));
    for last in [vec![Step::Fail(ErrorKind::Unavailable)], Vec::new()] {
        let desk = desk(Budgets::default(), None);
        let steps = [vec![Step::Usage(said(70, 1)), text.clone()], last].concat();
        desk.ask_to_the_end(&ScriptedModel::new(steps)).await;
        let call = desk.call();
        assert!(call.error.is_some() && call.usage.estimated, "{call:?}");
        assert!(call.usage.input_tokens == 70 && call.usage.output_tokens > 20, "{call:?}");
    }
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_settled_once() {
    let desk = desk(Budgets::default(), None);
    let model = ScriptedModel::new(vec![Step::Text("In".into()), Step::Hang]);
    let mut stream = desk.ask(&model).await.unwrap();
    stream.next().await;
    drop(stream);
    let call = desk.call();
    assert_eq!((call.error, call.usage.estimated), (Some(ErrorKind::Cancelled), true));
    assert!(call.usage.input_tokens > 3 && call.usage.output_tokens > 0);
}

#[tokio::test]
async fn a_call_that_never_began_used_nothing() {
    let desk = desk(Budgets::default(), None);
    let model = ScriptedModel::replying("In France.");
    let ctx = Context::local();
    ctx.cancel();
    let asked: Arc<dyn ChatModel> = Arc::new(model);
    let (purpose, session) = (CallPurpose::Rewrite, SessionId::new());
    let call = Call { model: &asked, purpose, session, message: Some(desk.turn) };
    let refused = desk.ledger.ask(&ctx, call, ChatRequest::default()).await.map(drop);
    assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Cancelled));
    let call = desk.call();
    assert_eq!((call.usage.tokens(), call.usage.cost_usd), (0, Some(0.0)));
    assert_eq!((call.purpose, call.error), (CallPurpose::Rewrite, Some(ErrorKind::Cancelled)));
}

#[tokio::test]
async fn a_call_of_no_turn_is_written_by_itself() {
    let desk = desk(Budgets::default(), None);
    let model = ScriptedModel::replying("In France.");
    for message in [None, Some(MessageId::new())] {
        let stream = desk.ask_for(&model, message).await.unwrap();
        drop(stream.collect::<Vec<_>>().await);
    }
    desk.ledger.tasks.close();
    desk.ledger.tasks.wait().await;
    let settled = desk.book.settled.lock().unwrap().len();
    assert_eq!((settled, desk.n_writes()), (2, 2));
    assert_eq!(desk.ledger.end_turn(desk.turn), []);
}
