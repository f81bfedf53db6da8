//! An answer that goes wrong on its way: faults 9 to 14. Fault 12 is a property of the parser, tested in `sse.rs`.

use chatbot_core::layers::TimeLimits;
use chatbot_core::testing::scripted_server::event_stream_head;

use super::*;

fn begun(text: &str) -> Vec<Act> {
    event_stream(&[&delta(text)])
}

/// Fault 9: the stream stalls. The limit for silence ends it; what came stands, and is not whole.
#[tokio::test]
async fn f09_a_stall_in_the_middle() {
    let time = TimeLimits { idle: Some(Duration::from_millis(50)), ..TimeLimits::default() };
    let script = [begun("In"), vec![Act::Hang]].concat();
    let rig = Rig::with(vec![script], StackOptions { time, ..options() }).await;
    let (events, error) = rig.broken().await;
    assert_eq!((texts(&events).as_str(), error.kind()), ("In", ErrorKind::Timeout));
    assert!(!events.iter().any(|event| matches!(event, ModelEvent::Finish(_))));
    rig.server.left(1).await;
    assert_eq!(rig.n_requests(), 1, "what was seen is not asked for again");
}

/// Fault 10: the connection ends without the end, properly or by a reset. Never whole; what came is counted once.
#[tokio::test]
async fn f10_cut_off_without_an_end() {
    // A reset may overtake what was sent before it, unless there is a moment between.
    let reset = vec![Act::Wait(Duration::from_millis(50)), Act::Reset];
    for last in [vec![], reset] {
        let rig = Rig::new(vec![[begun("In the middle of"), last].concat()]).await;
        let (events, error) = rig.broken().await;
        assert!(error.is_retryable(), "{error:?}");
        assert!(texts(&events).is_empty() || texts(&events) == "In the middle of");
        assert!(!events.iter().any(|event| matches!(event, ModelEvent::Finish(_))));
        let record = rig.record();
        assert_eq!(record.error, Some(error.kind()));
        assert_eq!(record.usage.output_tokens > 0, !events.is_empty(), "{record:?}");
        assert_eq!(record.usage.estimated, !events.is_empty(), "{record:?}");
    }
}

/// Fault 11: an error after a status that promised success is an error and no text, whatever is in it.
#[tokio::test]
async fn f11_an_error_in_the_middle() {
    for (body, kind) in [
        (r#"{"error":{"message":"the secret prompt","code":503}}"#, ErrorKind::Unavailable),
        (r#"{"error":{"message":"the secret prompt","code":"429"}}"#, ErrorKind::RateLimited),
        (r#"{"error":"the secret prompt"}"#, ErrorKind::Unavailable),
        (r#"{"error":{"type":"server_error"},"choices":[]}"#, ErrorKind::Unavailable),
        (r#"{"error":{"code":"content_filter"}}"#, ErrorKind::ContentBlocked),
    ] {
        let rig = Rig::new(vec![event_stream(&[&delta("In"), body, STOP, "[DONE]"])]).await;
        let (events, error) = rig.broken().await;
        assert_eq!((texts(&events).as_str(), error.kind()), ("In", kind), "{body}");
    }
}

/// Fault 13: a line without an end. It is cut at the limit, long before its end, and the connection closed.
#[tokio::test]
async fn f13_a_line_without_end() {
    let endless = vec![
        Act::Send(event_stream_head()),
        Act::Send(format!("data: {}\n\ndata: ", delta("In")).into_bytes()),
        Act::Repeat(vec![b'x'; 64 << 10], 1600),
    ];
    let rig = Rig::new(vec![endless]).await;
    let (events, error) = rig.broken().await;
    assert_eq!((texts(&events).as_str(), error.kind()), ("In", ErrorKind::BadResponse));
    rig.server.left(1).await;
}

/// Fault 14: JSON that is cut or is none. That answer fails; the next one comes by another connection.
#[tokio::test]
async fn f14_a_piece_that_is_no_json() {
    for piece in [r#"{"choices":[{"delta":{"content":"In"#, "nonsense", "[1,2]", r#"{"choices":7}"#]
    {
        let body = format!("data: {}\n\ndata: {piece}\n\n", delta("In"));
        let chunk = format!("{:x}\r\n{body}\r\n", body.len());
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let broken = vec![Act::Send(format!("{head}{chunk}").into_bytes()), Act::Hang];
        let rig = Rig::new(vec![broken, answer("again")]).await;
        let (events, error) = rig.broken().await;
        assert_eq!(
            (texts(&events).as_str(), error.kind()),
            ("In", ErrorKind::BadResponse),
            "{piece}"
        );
        rig.server.left(1).await;
        assert_eq!(rig.ask().await.expect("an answer").text, "again");
        let connections: Vec<_> = rig.server.received().iter().map(|r| r.connection).collect();
        assert_eq!(connections, [1, 2]);
    }
}
