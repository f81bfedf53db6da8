//! How long, how often, and whom else: timeouts, retries, circuits, fallbacks, and ends without an answer.

use chatbot_core::Reason;
use chatbot_core::layers::{
    BreakerPolicy, BreakerState, CircuitBreaker, Fallback, Retry, RetryBudget, RetryPolicy,
    Substance, TimeLimits, Timeout,
};
use tokio::time::Instant;

use super::*;

fn limits(first: u64, idle: u64, total: u64) -> TimeLimits {
    let seconds = |n: u64| Some(SECOND * u32::try_from(n).unwrap());
    TimeLimits { first: seconds(first), idle: seconds(idle), total: seconds(total) }
}

fn word(text: &str) -> Step {
    Step::Text(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn silence_before_in_and_after_an_answer_has_a_limit_of_its_own() {
    let finish = Step::Finish(FinishReason::Stop);
    let wait = |n: u32| Step::Wait(SECOND * n);
    let cases = [
        (vec![Step::Hang], 0, 5),
        (vec![wait(4), word("a"), Step::Hang], 1, 4 + 3),
        (vec![wait(4), word("a"), wait(2), word("b"), wait(2), finish.clone()], 3, 4 + 2 + 2),
        (vec![wait(4), word("a"), wait(2), word("b"), wait(2), word("c"), wait(2), finish], 3, 9),
    ];
    for (steps, n_events, seconds) in cases {
        let model = ScriptedModel::new(steps);
        let timed = Timeout::new(Arc::new(model.clone()), limits(5, 3, 9));
        let began = Instant::now();
        let mut stream = match timed.stream(&Context::local(), request()).await {
            Ok(stream) => stream,
            Err(error) => futures_util::stream::iter([Err(error)]).boxed(),
        };
        let mut events = Vec::new();
        while let Some(event) = stream.next().await {
            events.push(event.map_err(|error| error.kind()));
            if events.last() == Some(&Err(ErrorKind::Timeout)) {
                assert_eq!(model.n_running(), 0, "what timed out is let go of at once");
            }
        }
        assert_eq!(events.iter().filter(|event| event.is_ok()).count(), n_events, "{events:?}");
        let is_whole = matches!(events.last(), Some(Ok(ModelEvent::Finish(_))));
        assert!(is_whole || events.last() == Some(&Err(ErrorKind::Timeout)), "{events:?}");
        assert_eq!(began.elapsed().as_secs(), seconds);
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_who_asks_holds_too() {
    let model = Timeout::new(Arc::new(ScriptedModel::new(vec![Step::Hang])), limits(5, 5, 5));
    let began = Instant::now();
    let events = outcome(&model, &Context::local().with_timeout(SECOND)).await;
    assert_eq!(events, [Err(ErrorKind::Timeout)]);
    assert_eq!(began.elapsed().as_secs(), 1);
}

fn retrying(model: Arc<dyn ChatModel>) -> Retry {
    Retry::new(model, RetryPolicy::default(), Arc::default())
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_twice_more_and_no_more() {
    let model = Fickle::new("m", vec![Err(overloaded), Err(overloaded), Ok(answer("a"))]);
    assert_eq!(text(&retrying(model.clone())).await.unwrap(), "a");
    let model = Fickle::failing("m", overloaded);
    assert_eq!(failure(&retrying(model.clone())).await.kind(), ErrorKind::Unavailable);
    assert_eq!(model.n_calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_before_it_says_anything_is_tried_again() {
    let before = vec![Step::Usage(Default::default()), Step::Fail(ErrorKind::Unavailable)];
    let model = Fickle::new("m", vec![Ok(before), Ok(Vec::new()), Ok(answer("a"))]);
    assert_eq!(text(&retrying(model.clone())).await.unwrap(), "a");
    assert_eq!(model.n_calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tried_again_once_something_was_said() {
    for first in [word("In"), Step::Thinking("Hm".to_owned())] {
        let steps = vec![first, Step::Fail(ErrorKind::Unavailable)];
        let model = Fickle::new("m", vec![Ok(steps), Ok(answer("a"))]);
        let events = outcome(&retrying(model.clone()), &Context::local()).await;
        assert_eq!(events.last(), Some(&Err(ErrorKind::Unavailable)));
        assert_eq!((events.len(), model.n_calls()), (2, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn what_asking_again_cannot_mend_is_asked_once() {
    let errors: [fn() -> Error; 7] = [
        || Error::new(ErrorKind::BudgetExceeded, ""),
        || Error::new(ErrorKind::Unauthenticated, ""),
        || Error::new(ErrorKind::ContentBlocked, ""),
        || Error::new(ErrorKind::ContextTooLong, ""),
        || overloaded().with_reason(Reason::Overloaded),
        || overloaded().with_reason(Reason::CircuitOpen),
        || Error::new(ErrorKind::BadResponse, "").with_reason(Reason::NoAnswer),
    ];
    for error in errors {
        let model = Fickle::failing("m", error);
        assert_eq!(failure(&retrying(model.clone())).await.kind(), error().kind());
        assert_eq!(model.n_calls(), 1, "{:?}", error());
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_never_shorter_than_the_provider_asks_for() {
    let error = || Error::new(ErrorKind::RateLimited, "").with_retry_after(SECOND * 7);
    for _ in 0..20 {
        let model = Fickle::new("m", vec![Err(error), Ok(answer("a"))]);
        let began = Instant::now();
        assert_eq!(text(&retrying(model)).await.unwrap(), "a");
        let waited = began.elapsed();
        assert!(waited >= SECOND * 7 && waited <= SECOND * 7 + SECOND / 2, "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_or_a_minute_fails_at_once() {
    let began = Instant::now();
    let week = || Error::new(ErrorKind::RateLimited, "").with_retry_after(SECOND * 604_800);
    let model = Fickle::failing("m", week);
    let error = failure(&retrying(model.clone())).await;
    assert_eq!((error.retry_after(), model.n_calls()), (Some(SECOND * 604_800), 1));
    let soon = || Error::new(ErrorKind::RateLimited, "").with_retry_after(SECOND * 10);
    let model = Fickle::failing("m", soon);
    let ctx = Context::local().with_timeout(SECOND * 9);
    assert_eq!(outcome(&retrying(model.clone()), &ctx).await, [Err(ErrorKind::RateLimited)]);
    assert_eq!((model.n_calls(), began.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn many_failures_cause_a_fifth_more_calls_at_the_most() {
    let model = Fickle::failing("m", overloaded);
    let budget = Arc::new(RetryBudget::default());
    let retrying = Retry::new(model.clone(), RetryPolicy::default(), budget.clone());
    let ctx = Context::local();
    let calls = (0..500).map(|_| outcome(&retrying, &ctx));
    futures_util::future::join_all(calls).await;
    assert!((500..=600).contains(&model.n_calls()), "{}", model.n_calls());
    assert_eq!(budget.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pause_ends_with_who_asks() {
    let error = || Error::new(ErrorKind::RateLimited, "").with_retry_after(SECOND * 50);
    let model = Fickle::failing("m", error);
    let (retrying, ctx) = (retrying(model.clone()), Context::local());
    let cancel = async {
        tokio::time::sleep(SECOND).await;
        ctx.cancel();
    };
    let (events, ()) = tokio::join!(outcome(&retrying, &ctx), cancel);
    assert_eq!((events, model.n_calls()), (vec![Err(ErrorKind::Cancelled)], 1));
}

async fn fail_often(model: &dyn ChatModel, n: usize) {
    for _ in 0..n {
        outcome(model, &Context::local()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_opens_at_half_of_twenty_calls_and_closes_with_one_that_works() {
    let mut outcomes: Vec<Outcome> = vec![Ok(answer("a")); 10];
    outcomes.extend(vec![Err(overloaded as fn() -> Error); 11]);
    outcomes.push(Ok(answer("back")));
    let model = Fickle::new("m", outcomes);
    let circuit = CircuitBreaker::new(model.clone(), BreakerPolicy::default());
    fail_often(&circuit, 19).await;
    assert_eq!(circuit.state(), BreakerState::Closed);
    fail_often(&circuit, 1).await;
    assert_eq!(circuit.state(), BreakerState::Open);
    let error = failure(&circuit).await;
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Unavailable, Some(Reason::CircuitOpen)));
    assert_eq!((error.retry_after(), model.n_calls()), (Some(SECOND * 5), 20));

    tokio::time::advance(SECOND * 5).await;
    assert_eq!(failure(&circuit).await.reason(), None, "one call tries, and fails");
    assert_eq!(failure(&circuit).await.reason(), Some(Reason::CircuitOpen));
    tokio::time::advance(SECOND * 5).await;
    assert_eq!(text(&circuit).await.unwrap(), "back");
    assert_eq!((circuit.state(), model.n_calls()), (BreakerState::Closed, 22));
}

#[tokio::test(start_paused = true)]
async fn failures_long_ago_and_failures_of_the_asker_open_nothing() {
    let model = Fickle::failing("m", overloaded);
    let circuit = CircuitBreaker::new(model, BreakerPolicy::default());
    for _ in 0..100 {
        fail_often(&circuit, 1).await;
        tokio::time::advance(SECOND).await;
    }
    assert_eq!(circuit.state(), BreakerState::Closed);
    let refusing = Fickle::failing("m", || Error::invalid("no"));
    let circuit = CircuitBreaker::new(refusing, BreakerPolicy::default());
    fail_often(&circuit, 100).await;
    let hanging = Arc::new(ScriptedModel::new(vec![Step::Hang]));
    let patient = CircuitBreaker::new(hanging, BreakerPolicy::default());
    for _ in 0..100 {
        outcome(&patient, &Context::local().with_timeout(Duration::from_millis(1))).await;
    }
    assert_eq!([circuit.state(), patient.state()], [BreakerState::Closed; 2]);
}

#[tokio::test(start_paused = true)]
async fn an_account_without_credit_opens_at_once_and_for_longer() {
    let model = Fickle::failing("m", || Error::new(ErrorKind::BudgetExceeded, ""));
    let circuit = CircuitBreaker::new(model.clone(), BreakerPolicy::default());
    fail_often(&circuit, 1).await;
    tokio::time::advance(SECOND * 59).await;
    fail_often(&circuit, 1).await;
    assert_eq!((circuit.state(), model.n_calls()), (BreakerState::Open, 1));
}

#[tokio::test(start_paused = true)]
async fn only_one_call_at_a_time_tries_and_one_that_leaves_lets_the_next_try() {
    let mut outcomes: Vec<Outcome> = vec![Err(overloaded as fn() -> Error); 20];
    outcomes.extend([Ok(vec![Step::Hang]), Ok(answer("back"))]);
    let model = Fickle::new("m", outcomes);
    let circuit = CircuitBreaker::new(model.clone(), BreakerPolicy::default());
    fail_often(&circuit, 20).await;
    tokio::time::advance(SECOND * 5).await;
    let probe = circuit.stream(&Context::local(), request()).await.expect("the probe");
    assert_eq!(circuit.state(), BreakerState::HalfOpen);
    assert_eq!(failure(&circuit).await.reason(), Some(Reason::CircuitOpen));
    drop(probe);
    assert_eq!(text(&circuit).await.unwrap(), "back");
}

#[tokio::test(start_paused = true)]
async fn another_model_answers_and_says_so() {
    let first = Fickle::failing("first", overloaded);
    let second = Fickle::failing("second", || Error::new(ErrorKind::BudgetExceeded, ""));
    let third = Fickle::new("third", vec![Ok(answer("a"))]);
    let chain = Fallback::new(first, vec![second.clone(), third]);
    assert_eq!(chain.info().name, "first");
    let reply = chain.complete(&Context::local(), request()).await.unwrap();
    assert_eq!(reply.text, "a");
    assert_eq!(reply.warnings.len(), 1);
    assert_eq!(reply.warnings[0].code, "model_fallback");
    assert!(reply.warnings[0].message.contains("`third`"), "{:?}", reply.warnings);
    assert_eq!(second.n_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_began_and_a_refusal_are_not_taken_elsewhere() {
    let other = Fickle::new("other", vec![Ok(answer("a"))]);
    let broken = Fickle::new("m", vec![Ok(vec![word("In"), Step::Fail(ErrorKind::Timeout)])]);
    let blocked = Fickle::failing("m", || Error::new(ErrorKind::ContentBlocked, ""));
    let invalid = Fickle::failing("m", || Error::invalid(""));
    for (model, kind) in [
        (broken, ErrorKind::Timeout),
        (blocked, ErrorKind::ContentBlocked),
        (invalid, ErrorKind::InvalidInput),
    ] {
        let chain = Fallback::new(model, vec![other.clone()]);
        assert_eq!(failure(&chain).await.kind(), kind);
    }
    assert_eq!(other.n_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn where_none_answers_the_first_says_why() {
    let first = Fickle::failing("first", || Error::new(ErrorKind::RateLimited, ""));
    let chain = Fallback::new(first, vec![Fickle::failing("second", overloaded)]);
    assert_eq!(failure(&chain).await.kind(), ErrorKind::RateLimited);
}

#[tokio::test]
async fn an_end_without_an_answer_is_no_answer() {
    let cases = [
        (FinishReason::Stop, ErrorKind::BadResponse, Some(Reason::NoAnswer)),
        (FinishReason::Length, ErrorKind::BadResponse, Some(Reason::NoAnswer)),
        (FinishReason::ContentFilter, ErrorKind::ContentBlocked, None),
        (FinishReason::Other("odd".to_owned()), ErrorKind::BadResponse, Some(Reason::NoAnswer)),
    ];
    for (finish, kind, reason) in cases {
        let steps = vec![Step::Thinking("Hm".into()), word(" \n"), Step::Finish(finish.clone())];
        let error = failure(&Substance::new(Arc::new(ScriptedModel::new(steps)))).await;
        assert_eq!((error.kind(), error.reason()), (kind, reason), "{finish:?}");
        let said = ScriptedModel::new(vec![word("In"), Step::Finish(finish.clone())]);
        let reply = Substance::new(Arc::new(said)).complete(&Context::local(), request()).await;
        assert_eq!(reply.unwrap().finish_reason, Some(finish));
    }
}
