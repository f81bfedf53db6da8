//! A provider that is slow: fault 21.

use chatbot_core::Reason;

use super::*;

/// Fault 21: one provider hangs. It takes its own room and no more: further calls to it are refused at once, and another
/// provider answers as if nothing were.
#[tokio::test]
async fn f21_a_slow_provider_takes_only_its_own_room() {
    let slow = Rig::new(vec![[event_stream(&[&delta("In")]), vec![Act::Hang]].concat()]).await;
    let other = Rig::new(vec![answer("In France.")]).await;
    let mut held = Vec::new();
    for _ in 0..N_ROOMS {
        held.push(slow.model.stream(&Context::local(), request()).await.expect("a stream"));
    }
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let model = slow.model.clone();
            tokio::spawn(async move { model.stream(&Context::local(), request()).await.map(drop) })
        })
        .collect();
    while slow.share.bulkhead.n_waiting() < 2 {
        tokio::task::yield_now().await;
    }
    let error = slow.model.stream(&Context::local(), request()).await.map(drop);
    let error = error.expect_err("neither room nor a place in the queue");
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Unavailable, Some(Reason::Overloaded)));
    assert!(error.retry_after().is_some() && error.is_retryable());
    for _ in 0..20 {
        assert_eq!(other.ask().await.expect("an answer").text, "In France.");
    }
    assert_eq!(slow.n_requests(), N_ROOMS, "what waits has not asked");
    // Two leave, and the two that waited take their places.
    held.truncate(2);
    slow.server.requested(N_ROOMS + 2).await;
    for waiting in waiting {
        waiting.await.expect("a task").expect("a stream");
    }
    drop(held);
    slow.server.left(N_ROOMS + 2).await;
}
