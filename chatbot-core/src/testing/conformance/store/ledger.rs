//! What calls used, and budgets that no number of callers exceeds.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::bench::{Bench, Fresh, kind, principal};
use crate::context::Context;
use crate::error::{ErrorKind, Result};
use crate::testing::FixedClock;
use crate::traits::{Clock as _, FinishTurn, ReserveCall};
use crate::types::{
    Allowance, Budgets, CallEstimate, CallId, CallPurpose, CallRecord, Message, MessageId,
    MessageState, SessionId, Timestamp, Usage, UsageGrouping, UsageQuery, UsageReport, UsageTotals,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Tokens that a call of these cases may use: 100 read, and 200 written.
const CALL_TOKENS: u64 = 300;

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn ledger(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    a_hundred_at_once_exceed_no_budget(make).await;
    what_was_set_aside_is_settled_once(make).await;
    a_budget_is_of_its_own_turn_session_and_user(make).await;
    days_and_months_begin_anew(make).await;
    a_refusal_keeps_what_has_ended(make).await;
    calls_of_the_dead_count_as_what_was_set_aside(make).await;
    an_answer_is_stored_with_its_calls(make).await;
    usage_is_summed_up_in_every_way(make).await;
}

fn of(allowance: Allowance) -> Budgets {
    Budgets { user_day: allowance, ..Budgets::default() }
}

fn tokens(tokens: u64) -> Allowance {
    Allowance { tokens: Some(tokens), usd: None }
}

/// A call at a dollar for a million tokens.
fn call(budgets: Budgets) -> ReserveCall {
    ReserveCall {
        id: CallId::new(),
        session: None,
        message: None,
        purpose: CallPurpose::Answer,
        model: "scripted".to_owned(),
        estimate: CallEstimate {
            input_tokens: 100,
            max_output_tokens: 200,
            usd_per_million: Some((1.0, 1.0)),
        },
        budgets,
        ended: Vec::new(),
    }
}

fn record(at: Timestamp) -> CallRecord {
    let usage = Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() };
    CallRecord {
        id: CallId::new(),
        session: None,
        message: None,
        purpose: CallPurpose::Answer,
        model: "scripted".to_owned(),
        usage: usage.priced(Some((1.0, 1.0))),
        error: None,
        at,
    }
}

async fn used(bench: &Bench, ctx: &Context) -> UsageTotals {
    bench.store.usage(ctx, &UsageQuery::default()).await.unwrap().total
}

fn n_tokens(totals: UsageTotals) -> u64 {
    totals.input_tokens + totals.output_tokens
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.expect_err("there is no room");
    assert_eq!(error.kind(), ErrorKind::BudgetExceeded);
    error.message().to_owned()
}

async fn a_hundred_at_once_exceed_no_budget(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    // Room for ten, and not for a short reply more; 300 tokens cost 0.0003 dollars.
    let in_dollars = Allowance { tokens: None, usd: Some(0.003) };
    for allowance in [tokens(10 * CALL_TOKENS + 299), in_dollars] {
        let bench = Bench::new(make).await;
        let ada = principal("ada");
        let all = (0..100).map(|_| bench.store.reserve(&ada, call(of(allowance))));
        let outcomes = join_all(all).await;
        let n_admitted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let refused = outcomes.into_iter().filter_map(Result::err);
        assert!(refused.into_iter().all(|error| error.kind() == ErrorKind::BudgetExceeded));
        let used = used(&bench, &ada).await;
        assert_eq!((n_admitted, used.n_calls, n_tokens(used)), (10, 10, 10 * CALL_TOKENS));
        assert!(used.cost_usd <= 0.003, "{used:?}");
    }
}

async fn what_was_set_aside_is_settled_once(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let budgets = of(tokens(CALL_TOKENS + 100));
    let first = call(budgets);
    let id = first.id;
    store.reserve(&ada, first).await.unwrap();
    assert_eq!(
        (used(&bench, &ada).await.n_estimated, n_tokens(used(&bench, &ada).await)),
        (1, 300)
    );
    let message = refusal(store.reserve(&ada, call(budgets)).await);
    assert!(message.contains("300 of 400 tokens"), "{message}");

    let now = bench.clock.now();
    let settled = CallRecord { id, ..record(now) };
    store.settle(&ada, vec![settled.clone()]).await.unwrap();
    let more = Usage { input_tokens: 9_000, ..settled.usage };
    store.settle(&ada, vec![CallRecord { usage: more, ..settled }]).await.unwrap();
    let totals = used(&bench, &ada).await;
    assert_eq!((totals.n_calls, n_tokens(totals), totals.n_estimated), (1, 15, 0));
    assert_eq!(totals.cost_usd, 15e-6);
    store.reserve(&ada, call(budgets)).await.expect("what was not used is free again");
}

async fn a_budget_is_of_its_own_turn_session_and_user(
    make: &impl AsyncFn(Arc<FixedClock>) -> Fresh,
) {
    let bench = Bench::new(make).await;
    let (ada, bob, store) = (principal("ada"), principal("bob"), &bench.store);
    let (session, message) = (Some(SessionId::new()), Some(MessageId::new()));
    let turn = Budgets { turn: tokens(CALL_TOKENS), ..Budgets::default() };
    let in_turn = |message| ReserveCall { session, message, ..call(turn) };
    store.reserve(&ada, in_turn(message)).await.unwrap();
    refusal(store.reserve(&ada, in_turn(message)).await);
    store.reserve(&ada, in_turn(Some(MessageId::new()))).await.expect("another turn");
    store.reserve(&ada, in_turn(None)).await.expect("no turn");

    let of_session = Budgets { session: tokens(4 * CALL_TOKENS), ..Budgets::default() };
    let in_session = |session| ReserveCall { session, ..call(of_session) };
    store.reserve(&ada, in_session(session)).await.expect("the fourth");
    refusal(store.reserve(&ada, in_session(session)).await);
    store.reserve(&ada, in_session(Some(SessionId::new()))).await.expect("another session");

    let user = of(tokens(5 * CALL_TOKENS));
    refusal(store.reserve(&ada, call(user)).await);
    store.reserve(&bob, call(user)).await.expect("another user");
    store.reserve(&Context::system(), call(user)).await.expect("nobody");
    assert_eq!(used(&bench, &bob).await.n_calls, 1);
}

async fn days_and_months_begin_anew(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let budgets = Budgets {
        user_day: tokens(CALL_TOKENS),
        user_month: tokens(2 * CALL_TOKENS),
        ..Budgets::default()
    };
    store.reserve(&ada, call(budgets)).await.unwrap();
    let refused = store.reserve(&ada, call(budgets)).await.expect_err("the day is spent");
    let wait = refused.retry_after().expect("a day ends");
    assert!(wait < DAY && refused.message().contains("today"), "{refused}");
    bench.clock.advance(wait.saturating_sub(Duration::from_millis(1)));
    refusal(store.reserve(&ada, call(budgets)).await);
    bench.clock.advance(Duration::from_millis(1));
    store.reserve(&ada, call(budgets)).await.expect("another day");
    bench.clock.advance(DAY);
    let refused = store.reserve(&ada, call(budgets)).await.expect_err("the month is spent");
    assert!(refused.message().contains("this month"), "{refused}");
    bench.clock.advance(refused.retry_after().expect("a month ends"));
    store.reserve(&ada, call(budgets)).await.expect("another month");
}

async fn a_refusal_keeps_what_has_ended(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let ended = record(bench.clock.now());
    let next = ReserveCall { ended: vec![ended], ..call(of(tokens(1))) };
    refusal(store.reserve(&ada, next).await);
    let totals = used(&bench, &ada).await;
    assert_eq!((totals.n_calls, n_tokens(totals)), (1, 15));
}

async fn calls_of_the_dead_count_as_what_was_set_aside(
    make: &impl AsyncFn(Arc<FixedClock>) -> Fresh,
) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let old = call(of(tokens(10 * CALL_TOKENS)));
    let (id, budgets) = (old.id, old.budgets);
    store.reserve(&ada, old).await.unwrap();
    bench.clock.advance(DAY / 2);
    store.reserve(&ada, call(budgets)).await.unwrap();
    let system = Context::system();
    let noon = Some(bench.clock.now());
    assert_eq!(store.settle_abandoned(&system, noon).await.unwrap(), 1, "the older one");
    let late = CallRecord { id, ..record(bench.clock.now()) };
    store.settle(&ada, vec![late]).await.unwrap();
    let totals = used(&bench, &ada).await;
    assert_eq!((n_tokens(totals), totals.n_failed), (2 * CALL_TOKENS, 1), "it stays as it is");
    assert_eq!(store.settle_abandoned(&system, None).await.unwrap(), 1, "all that are open");
    assert_eq!(store.settle_abandoned(&system, None).await.unwrap(), 0);
    let totals = used(&bench, &ada).await;
    assert_eq!((totals.n_estimated, totals.n_failed), (2, 2));
}

async fn an_answer_is_stored_with_its_calls(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let begun = bench.begin(&ada, "One").await;
    let lease = begun.lease.clone().unwrap();
    let session = Some(begun.session.id);
    let message = Message { state: MessageState::Complete, ..begun.assistant_message.clone() };
    let answer = CallRecord { session, message: Some(message.id), ..record(bench.clock.now()) };
    let rewrite = CallRecord { id: CallId::new(), purpose: CallPurpose::Rewrite, ..answer.clone() };
    let finish = FinishTurn { message, calls: vec![answer, rewrite] };
    store.finish_turn(&ada, &lease, finish.clone()).await.unwrap();
    assert_eq!(kind(store.finish_turn(&ada, &lease, finish).await), ErrorKind::Conflict);
    assert_eq!(used(&bench, &ada).await.n_calls, 2);
    store.delete_session(&ada, begun.session.id).await.unwrap();
    assert_eq!(used(&bench, &ada).await.n_calls, 2, "what was used stays used");
}

async fn usage_is_summed_up_in_every_way(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let (now, session) = (bench.clock.now(), SessionId::new());
    let today = record(now);
    let titled = CallRecord {
        purpose: CallPurpose::Title,
        session: Some(session),
        usage: Usage { cost_usd: None, estimated: true, ..today.usage },
        ..record(now.plus_millis(-86_400_000))
    };
    let failed =
        CallRecord { model: "other".to_owned(), error: Some(ErrorKind::Timeout), ..record(now) };
    let long_ago = record(now.plus_millis(-40 * 86_400_000));
    store.settle(&ada, vec![today, titled, failed, long_ago]).await.unwrap();

    let by = async |group_by| {
        let query = UsageQuery { group_by, ..UsageQuery::default() };
        store.usage(&ada, &query).await.unwrap()
    };
    let shown = |report: &UsageReport| -> Vec<(String, u64)> {
        report.items.iter().map(|group| (group.key.clone(), group.total.n_calls)).collect()
    };
    let of = |key: &str, n: u64| (key.to_owned(), n);
    let days = by(UsageGrouping::Day).await;
    assert_eq!(shown(&days), [of("2023-11-13", 1), of("2023-11-14", 2)]);
    let UsageTotals { n_calls, n_unpriced, n_estimated, n_failed, .. } = days.total;
    assert_eq!((n_calls, n_unpriced, n_estimated, n_failed), (3, 1, 1, 1));
    assert_eq!((n_tokens(days.total), days.total.cost_usd), (45, 30e-6));
    assert_eq!(shown(&by(UsageGrouping::Model).await), [of("scripted", 2), of("other", 1)]);
    assert_eq!(shown(&by(UsageGrouping::Purpose).await), [of("answer", 2), of("title", 1)]);
    let sessions = shown(&by(UsageGrouping::Session).await);
    assert_eq!(sessions, [of("", 2), (session.to_string(), 1)]);

    let all = UsageQuery { from: Some(Timestamp::from_millis(0)), ..UsageQuery::default() };
    assert_eq!(store.usage(&ada, &all).await.unwrap().total.n_calls, 4);
    let none = UsageQuery { to: Some(Timestamp::from_millis(0)), ..all };
    assert_eq!(store.usage(&ada, &none).await.unwrap().items, []);
    let backwards = UsageQuery { from: Some(now), to: Some(now.plus_millis(-1)), ..all };
    assert_eq!(kind(store.usage(&ada, &backwards).await), ErrorKind::InvalidInput);
}
