//! A provider that says no: faults 1 to 5.

use std::time::Instant;

use chatbot_core::Reason;
use chatbot_core::layers::Fallback;
use chatbot_core::testing::ScriptedModel;

use super::*;

const TOO_MANY: &str = "429 Too Many Requests";

/// Fault 1: 429 with Retry-After in seconds. The wait is at least that long; then the answer comes.
#[tokio::test]
async fn f01_seconds_to_wait_are_waited() {
    let refusal = status(TOO_MANY, &[("retry-after", "1")], SECRET);
    let rig = Rig::new(vec![refusal.clone(), answer("In France.")]).await;
    let began = Instant::now();
    assert_eq!(rig.ask().await.expect("an answer").text, "In France.");
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(rig.n_requests(), 2);

    // With a limit of one retry: two tries, then another model or the error.
    let one = RetryPolicy { max_retries: 1, ..options().retry };
    let refusal = status(TOO_MANY, &[("retry-after", "0")], SECRET);
    let rig = Rig::with(vec![refusal], StackOptions { retry: one, ..options() }).await;
    assert_eq!(rig.failure().await.kind(), ErrorKind::RateLimited);
    assert_eq!(rig.n_requests(), 2);
    let other = Arc::new(ScriptedModel::replying("elsewhere"));
    let chain = Fallback::new(rig.model.clone(), vec![other]);
    let reply = chain.complete(&Context::local(), request()).await.expect("an answer");
    assert_eq!(
        (reply.text.as_str(), reply.warnings[0].code.as_str()),
        ("elsewhere", "model_fallback")
    );
}

/// Fault 2: Retry-After as a date. One that has passed means the usual pause; one beyond the deadline fails at once, and
/// so does a day.
#[tokio::test]
async fn f02_a_date_to_wait_for_is_understood() {
    let past = status(TOO_MANY, &[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], "");
    let rig = Rig::new(vec![past, answer("In France.")]).await;
    assert!(rig.ask().await.is_ok());
    assert_eq!(rig.n_requests(), 2);
    for far in ["Fri, 21 Oct 2095 07:28:00 GMT", "86400"] {
        let rig = Rig::new(vec![status(TOO_MANY, &[("retry-after", far)], "")]).await;
        let error = rig.failure().await;
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(error.retry_after().is_some_and(|after| after.as_secs() > 86_000), "{far}");
        assert_eq!(rig.n_requests(), 1, "{far}");
    }
}

/// Fault 3: 429 because the account is spent. It is asked for once; the circuit is open from then on.
#[tokio::test]
async fn f03_an_account_without_credit_is_not_asked_again() {
    let by_code = r#"{"error":{"message":"the secret prompt","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    let by_type = r#"{"error":{"message":"You have hit the secret prompt","code":"billing_hard_limit_reached"}}"#;
    let by_words =
        r#"{"error":{"type":"invalid_request_error","message":"Your credit balance is too low."}}"#;
    let a_day = r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[
        {"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel"}]},{"retryDelay":"36s"}]}}]"#;
    for body in [by_code, by_type, by_words, a_day] {
        let rig = Rig::new(vec![status(TOO_MANY, &[], body)]).await;
        let error = rig.failure().await;
        assert_eq!(error.kind(), ErrorKind::BudgetExceeded, "{body}");
        assert!(!error.is_retryable());
        assert_eq!(rig.failure().await.reason(), Some(Reason::CircuitOpen));
        assert_eq!(rig.n_requests(), 1, "{body}");
    }
}

/// Fault 4: 503 and 529, for everyone. The provider sees at most a fifth more calls than there were; another model answers
/// every one of them; the first is back soon after the storm.
#[tokio::test]
async fn f04_a_storm_is_not_made_worse() {
    const N_CALLS: usize = 100;
    let (busy, overloaded) = (status("503 Busy", &[], ""), status("529 Overloaded", &[], ""));
    let storm = (0..40).map(|n| if n % 2 == 0 { busy.clone() } else { overloaded.clone() });
    let rig = Rig::new(storm.chain([answer("back")]).collect()).await;
    let other = Arc::new(ScriptedModel::replying("elsewhere"));
    let chain = Fallback::new(rig.model.clone(), vec![other]);
    let (mut n_before, mut n_elsewhere) = (0, 0);
    loop {
        let reply = chain.complete(&Context::local(), request()).await.expect("an answer");
        n_before += 1;
        if reply.text == "back" {
            break;
        }
        assert_eq!(reply.warnings[0].code, "model_fallback");
        n_elsewhere += 1;
        if n_elsewhere > 20 {
            // The circuit is open by now; a moment later one call tries.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert_eq!(n_elsewhere + 1, n_before);
    assert!(
        rig.n_requests() <= n_before + n_before.max(15) / 5,
        "{} of {n_before}",
        rig.n_requests()
    );
    for _ in 0..N_CALLS {
        assert_eq!(chain.complete(&Context::local(), request()).await.unwrap().text, "back");
    }
}

/// Fault 5: 500 once, then fine. One retry, an answer, one charge.
#[tokio::test]
async fn f05_a_hiccup_is_not_seen() {
    let hiccup = status("500 Internal Server Error", &[("x-request-id", "req_7")], SECRET);
    let rig = Rig::new(vec![hiccup, answer("In France.")]).await;
    let reply = rig.ask().await.expect("an answer");
    assert_eq!((reply.text.as_str(), rig.n_requests()), ("In France.", 2));
    let record = rig.record();
    assert_eq!((record.usage.input_tokens, record.usage.output_tokens), (7, 3));
    assert_eq!(record.error, None);
}

/// The provider's own id of a request is in the log, for asking it about it; what is no id is not.
#[tokio::test]
async fn what_the_provider_calls_a_request_is_known() {
    let with = async |id: &str| {
        let rig = Rig::new(vec![status("401 Unauthorized", &[("x-request-id", id)], SECRET)]).await;
        format!("{:?}", rig.failure().await)
    };
    assert!(with("req_011CS").await.contains("req_011CS"));
    assert!(!with("not <an> id").await.contains("<an>"));
}
