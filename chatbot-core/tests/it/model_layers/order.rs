//! The order in which the layers stand: what each would do wrong anywhere else.

use chatbot_core::Reason;
use chatbot_core::history::EstimatedTokens;
use chatbot_core::layers::{
    BulkheadLimits, CacheLimits, Fallback, Meters, ProviderShare, RateLimits, StackOptions,
    TimeLimits, stack,
};
use chatbot_core::testing::conformance::chat_model;
use tokio::time::Instant;

use super::*;

struct Stacked {
    model: Arc<dyn ChatModel>,
    share: ProviderShare,
    ledger: Arc<Ledger>,
}

fn stacked(model: Arc<dyn ChatModel>, options: StackOptions, max_at_once: usize) -> Stacked {
    let limits = BulkheadLimits { max_at_once, max_waiting: 1, max_wait: SECOND * 100 };
    let share = ProviderShare::new(limits);
    let ledger = Arc::new(Ledger::default());
    let meters = Meters { counter: Arc::new(EstimatedTokens), sink: ledger.clone() };
    Stacked { model: stack(model, options, &share, &meters), share, ledger }
}

#[tokio::test(start_paused = true)]
async fn a_model_in_its_layers_is_a_model() {
    let model = Arc::new(ScriptedModel::replying("In France."));
    let Stacked { model, .. } = stacked(model, StackOptions::default(), 2);
    chat_model::run(&*model, &request()).await;
    let chain = Fallback::new(model.clone(), vec![model]);
    chat_model::run(&chain, &request()).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_tried_again_is_recorded_once_and_pauses_hold_no_room() {
    let later = || overloaded().with_retry_after(SECOND * 20);
    let model = Fickle::new("m", vec![Err(later), Ok(answer("a"))]);
    let Stacked { model, share, ledger } = stacked(model, StackOptions::default(), 1);
    let look = async {
        tokio::time::sleep(SECOND * 10).await;
        share.bulkhead.n_free()
    };
    let (text, n_free) = tokio::join!(text(&*model), look);
    assert_eq!((text.unwrap().as_str(), n_free, ledger.records().len()), ("a", 1, 1));
    assert_eq!(ledger.records()[0].error, None);
}

#[tokio::test(start_paused = true)]
async fn time_in_a_queue_is_not_the_models_silence() {
    let time = TimeLimits { first: Some(SECOND * 3), idle: Some(SECOND * 3), total: None };
    let slow = Arc::new(ScriptedModel::slow("a b c d ", SECOND * 2));
    let options = StackOptions { time, ..StackOptions::default() };
    let Stacked { model, .. } = stacked(slow, options, 1);
    let (first, second) = tokio::join!(text(&*model), text(&*model));
    assert_eq!((first.unwrap(), second.unwrap()), ("a b c d ".to_owned(), "a b c d ".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_here_is_no_failure_of_the_provider() {
    let rate = RateLimits {
        requests_per_minute: Some(1),
        tokens_per_minute: None,
        max_wait: Duration::ZERO,
    };
    let model = Arc::new(ScriptedModel::replying("a"));
    let options = StackOptions { rate, ..StackOptions::default() };
    let Stacked { model, .. } = stacked(model, options, 1);
    assert!(text(&*model).await.is_ok());
    for _ in 0..100 {
        assert_eq!(failure(&*model).await.reason(), Some(Reason::Overloaded));
    }
    tokio::time::advance(SECOND * 60).await;
    assert!(text(&*model).await.is_ok(), "no circuit opened");
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_neither_metered_nor_limited() {
    let rate = RateLimits { requests_per_minute: Some(1), ..RateLimits::default() };
    let cache = Some(CacheLimits::default());
    let options = StackOptions { rate, cache, ..StackOptions::default() };
    let model = Arc::new(ScriptedModel::replying("a"));
    let Stacked { model, ledger, .. } = stacked(model, options, 1);
    for _ in 0..5 {
        let request = ChatRequest { epoch: Some(1), ..request() };
        assert!(model.complete(&Context::local(), request).await.is_ok());
    }
    assert_eq!(ledger.records().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_says_nothing_is_not_remembered() {
    let empty = vec![Step::Finish(FinishReason::Stop)];
    let model = Fickle::new("m", vec![Ok(empty), Ok(answer("a"))]);
    let cache = Some(CacheLimits::default());
    let options = StackOptions { cache, ..StackOptions::default() };
    let Stacked { model, .. } = stacked(model, options, 1);
    let ask = async || {
        let request = ChatRequest { epoch: Some(1), ..request() };
        model.complete(&Context::local(), request).await.map(|reply| reply.text)
    };
    assert_eq!(ask().await.unwrap_err().kind(), ErrorKind::BadResponse);
    assert_eq!(ask().await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tried_again_beyond_the_time_for_all_of_it() {
    let time = TimeLimits { total: Some(SECOND * 30), ..TimeLimits::default() };
    let model = Fickle::failing("m", || overloaded().with_retry_after(SECOND * 40));
    let options = StackOptions { time, ..StackOptions::default() };
    let Stacked { model: stacked, .. } = stacked(model.clone(), options, 1);
    let began = Instant::now();
    assert_eq!(failure(&*stacked).await.kind(), ErrorKind::Unavailable);
    assert_eq!((model.n_calls(), began.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_paid_for_once_and_another_model_is_asked() {
    let empty = Fickle::new("m", vec![Ok(vec![Step::Finish(FinishReason::Stop)])]);
    let Stacked { model, ledger, .. } = stacked(empty.clone(), StackOptions::default(), 1);
    let chain = Fallback::new(model, vec![Fickle::new("other", vec![Ok(answer("a"))])]);
    assert_eq!(text(&chain).await.unwrap(), "a");
    assert_eq!((empty.n_calls(), ledger.records().len()), (1, 1));
}
