//! How much at a time, how much a minute, and what is remembered.

use chatbot_core::Reason;
use chatbot_core::history::EstimatedTokens;
use chatbot_core::layers::{
    Bulkhead, BulkheadLimits, CacheLimits, Concurrency, RateLimit, RateLimits, ResponseCache,
};
use chatbot_core::types::{PrincipalId, Usage};
use tokio::time::Instant;

use super::*;

fn room(max_at_once: usize, max_waiting: usize) -> Arc<Bulkhead> {
    let max_wait = SECOND * 10;
    Arc::new(Bulkhead::new(BulkheadLimits { max_at_once, max_waiting, max_wait }))
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_waits_and_what_finds_no_place_is_refused() {
    let bulkhead = room(2, 1);
    let slow = Arc::new(ScriptedModel::slow("a", SECOND * 3));
    let model = Concurrency::new(slow, bulkhead.clone());
    let ctx = Context::local();
    let began = Instant::now();
    let calls = futures_util::future::join_all((0..4).map(|_| outcome(&model, &ctx))).await;
    let refused = |events: &&Vec<_>| **events == [Err(ErrorKind::Unavailable)];
    assert_eq!(calls.iter().filter(refused).count(), 1);
    assert_eq!(began.elapsed(), SECOND * 6, "two at once, then the one that waited");
    assert_eq!(bulkhead.n_free(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_when_to_come_again() {
    let hanging = Arc::new(ScriptedModel::new(vec![Step::Hang]));
    let model = Concurrency::new(hanging, room(1, 0));
    let _held = model.stream(&Context::local(), request()).await.unwrap();
    let error = failure(&model).await;
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Unavailable, Some(Reason::Overloaded)));
    assert!(error.retry_after().is_some());
}

#[tokio::test(start_paused = true)]
async fn waiting_has_an_end_and_gives_its_place_back() {
    let bulkhead = room(1, 1);
    let hanging = Arc::new(ScriptedModel::new(vec![Step::Hang]));
    let model = Concurrency::new(hanging, bulkhead.clone());
    let held = model.stream(&Context::local(), request()).await.unwrap();
    let began = Instant::now();
    assert_eq!(failure(&model).await.reason(), Some(Reason::Overloaded));
    assert_eq!(began.elapsed(), SECOND * 10);
    let late = Context::local().with_timeout(SECOND);
    assert_eq!(outcome(&model, &late).await, [Err(ErrorKind::Timeout)]);
    drop(held);
    assert_eq!(bulkhead.n_free(), 1);
    let again = model.stream(&Context::local(), request()).await;
    assert!(again.is_ok(), "the places of those who left are free");
}

#[tokio::test(start_paused = true)]
async fn room_is_free_when_an_answer_ends_even_where_its_stream_is_kept() {
    let bulkhead = room(1, 0);
    let model = Concurrency::new(Arc::new(ScriptedModel::replying("a")), bulkhead.clone());
    let mut stream = model.stream(&Context::local(), request()).await.unwrap();
    assert_eq!(bulkhead.n_free(), 0);
    while stream.next().await.is_some() {}
    assert_eq!(bulkhead.n_free(), 1);
}

fn limited(model: Arc<dyn ChatModel>, requests: Option<u32>, tokens: Option<u32>) -> RateLimit {
    let limits = RateLimits {
        requests_per_minute: requests,
        tokens_per_minute: tokens,
        max_wait: SECOND * 10,
    };
    RateLimit::new(model, limits, Arc::new(EstimatedTokens))
}

#[tokio::test(start_paused = true)]
async fn calls_wait_their_turn_and_those_that_wait_too_long_are_refused() {
    let model = Arc::new(ScriptedModel::replying("a"));
    let limited = limited(model.clone(), Some(60), None);
    let ctx = Context::local();
    let began = Instant::now();
    let calls = futures_util::future::join_all((0..100).map(|_| outcome(&limited, &ctx))).await;
    let refused = |events: &&Vec<_>| **events == [Err(ErrorKind::RateLimited)];
    assert_eq!(calls.iter().filter(refused).count(), 30);
    assert_eq!((began.elapsed().as_secs(), model.requests().len()), (10, 70));
}

#[tokio::test(start_paused = true)]
async fn tokens_are_counted_by_what_was_used() {
    let usage = Usage { input_tokens: 500, output_tokens: 100, ..Usage::default() };
    let steps = [vec![Step::Usage(usage)], answer("a")].concat();
    let limited = limited(Arc::new(ScriptedModel::new(steps)), None, Some(600));
    assert!(text(&limited).await.is_ok());
    let began = Instant::now();
    assert!(text(&limited).await.is_ok());
    assert!(began.elapsed() < SECOND * 2, "only the estimate of the second is missing");
    let error = failure(&limited).await;
    assert_eq!((error.kind(), error.reason()), (ErrorKind::RateLimited, Some(Reason::Overloaded)));
    assert!(error.retry_after().is_some_and(|after| after > SECOND * 50), "{error:?}");
}

async fn remembered(cache: &ResponseCache, ctx: &Context, epoch: Option<u64>) -> Vec<ModelEvent> {
    let request = ChatRequest { epoch, ..request() };
    let stream = cache.stream(ctx, request).await.unwrap();
    stream.map(|event| event.unwrap()).collect().await
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_remembered_for_who_asked_in_the_same_state_for_a_while() {
    let model = Arc::new(ScriptedModel::replying("in France"));
    let cache = ResponseCache::new(model.clone(), CacheLimits::default());
    let (ctx, other) = (Context::local(), Context::new(PrincipalId::new("other")));
    let n = || model.requests().len();
    let first = remembered(&cache, &ctx, Some(1)).await;
    let again = remembered(&cache, &ctx, Some(1)).await;
    let free = Usage { cost_usd: Some(0.0), ..Usage::default() };
    assert_eq!(again[0], ModelEvent::Usage(free));
    assert_eq!((&again[1..], n()), (&first[..], 1));
    remembered(&cache, &other, Some(1)).await;
    assert_eq!(n(), 2, "another asker");
    remembered(&cache, &ctx, Some(2)).await;
    assert_eq!(n(), 3, "another state");
    remembered(&cache, &ctx, Some(1)).await;
    remembered(&cache, &ctx, Some(1)).await;
    assert_eq!(n(), 5, "what is old is not kept again");
    remembered(&cache, &ctx, None).await;
    remembered(&cache, &ctx, None).await;
    assert_eq!(n(), 7, "a state that nobody knows");
    let anew = ChatRequest { epoch: Some(2), anew: true, ..request() };
    cache.complete(&ctx, anew).await.unwrap();
    assert_eq!(n(), 8, "another answer is wanted");
    remembered(&cache, &ctx, Some(2)).await;
    assert_eq!(n(), 8, "which is remembered then");
    assert!(cache.n_bytes() > 0);
    tokio::time::sleep(SECOND * 601).await;
    assert_eq!(cache.n_bytes(), 0, "memory lets go of it though nobody asks");
    remembered(&cache, &ctx, Some(2)).await;
    assert_eq!(n(), 9, "too long ago");
}

#[tokio::test]
async fn what_is_broken_or_cut_is_not_remembered_and_memory_is_bounded() {
    for last in [Step::Fail(ErrorKind::Unavailable), Step::Finish(FinishReason::Length)] {
        let model = Arc::new(ScriptedModel::new(vec![Step::Text("a".into()), last]));
        let cache = ResponseCache::new(model, CacheLimits::default());
        let request = ChatRequest { epoch: Some(1), ..request() };
        let stream = cache.stream(&Context::local(), request).await.unwrap();
        let _: Vec<_> = stream.collect().await;
        assert_eq!(cache.n_bytes(), 0);
    }
    let limits = CacheLimits { max_bytes: 10_000, max_age: SECOND * 60 };
    let cache = ResponseCache::new(Arc::new(ScriptedModel::replying(&"x".repeat(3_000))), limits);
    for n in 0..20 {
        let ctx = Context::new(PrincipalId::new(format!("{n}")));
        remembered(&cache, &ctx, Some(1)).await;
    }
    assert!((3_000..=10_000).contains(&cache.n_bytes()), "{}", cache.n_bytes());
    let large = ResponseCache::new(Arc::new(ScriptedModel::replying(&"x".repeat(11_000))), limits);
    remembered(&large, &Context::local(), Some(1)).await;
    assert_eq!(large.n_bytes(), 0);
}
