//! A provider that says one thing and sends another: faults 15 to 18, and 20.

use chatbot_core::Reason;
use chatbot_core::testing::scripted_server::event_stream_head;

use super::*;

fn whole(text: &str) -> String {
    format!("data: {}\n\ndata: {STOP}\n\ndata: [DONE]\n\n", delta(text))
}

fn raw(headers: &str, body: &str) -> Act {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{headers}\r\n");
    Act::Send(format!("{head}{body}").into_bytes())
}

/// Fault 15: a length that is too short, too long, or beside another framing. No byte of one answer reaches the next.
#[tokio::test]
async fn f15_lengths_that_are_wrong() {
    let body = whole("first");
    let n = body.len();
    let chunked = format!("{n:x}\r\n{body}\r\n0\r\n\r\n");
    let scripts = [
        (raw(&format!("content-length: {}\r\n", n - 40), &body), false),
        (raw("content-length: 10\r\n", &body), false),
        (raw(&format!("content-length: {}\r\n", n + 40), &whole("first")), true),
        (raw(&format!("content-length: {n}\r\ncontent-length: 7\r\n"), &body), false),
        (raw("content-length: 7\r\ntransfer-encoding: chunked\r\n", &chunked), true),
    ];
    for (n, (act, may_be_whole)) in scripts.into_iter().enumerate() {
        // After the lie, the same connection would serve on as properly as another.
        let retry = RetryPolicy { max_retries: 0, ..options().retry };
        let proper = format!("content-length: {}\r\n", whole("second").len());
        let lie = vec![act, Act::Receive, raw(&proper, &whole("second"))];
        let options = StackOptions { retry, ..options() };
        let rig = Rig::with(vec![lie, answer("second")], options).await;
        match rig.ask().await {
            Ok(reply) => assert!(may_be_whole && reply.text == "first", "{n}: {reply:?}"),
            Err(error) => assert!(error.is_retryable(), "{n}: {error:?}"),
        }
        let second = rig.ask().await;
        assert_eq!(second.expect("an answer").text, "second", "{n}");
    }
}

/// Fault 16: 200 with a page, or with any other type. A typed error, and nothing of the page.
#[tokio::test]
async fn f16_a_page_instead_of_an_answer() {
    for media_type in ["text/html", "text/plain", "application/octet-stream", "application/xml"] {
        let page = "<html>the secret prompt</html>";
        let rig = Rig::new(vec![status("200 OK", &[("content-type", media_type)], page)]).await;
        assert_eq!(rig.failure().await.kind(), ErrorKind::BadResponse, "{media_type}");
    }
    let rig =
        Rig::new(vec![status("200 OK", &[("content-type", "application/json")], "<html>")]).await;
    assert_eq!(rig.failure().await.kind(), ErrorKind::BadResponse);
}

/// Fault 17: a compressed answer, small on the line and huge in memory. None was asked for, so none is unpacked.
#[tokio::test]
async fn f17_nothing_is_unpacked() {
    use std::io::Write as _;
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        bomb.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        bomb.len()
    );
    let rig = Rig::new(vec![vec![Act::Send(head.into_bytes()), Act::Send(bomb)]]).await;
    assert_eq!(rig.failure().await.kind(), ErrorKind::BadResponse);
    assert_eq!(rig.server.received()[0].header("accept-encoding"), None);
}

/// Fault 18: usage that is missing, said twice, or late. One record, and an estimate that says so where there is none.
#[tokio::test]
async fn f18_usage_missing_twice_or_late() {
    let early = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":1}}"#;
    let text = delta("In the middle of France.");
    let text = text.as_str();
    for (data, estimated) in [
        (vec![text, STOP, "[DONE]"], true),
        (vec![text, STOP, USAGE, USAGE, "[DONE]"], false),
        (vec![early, text, STOP, USAGE, "[DONE]"], false),
        (vec![text, STOP, "[DONE]", USAGE], true),
        (vec![text, STOP, USAGE], false),
    ] {
        let rig = Rig::new(vec![event_stream(&data)]).await;
        let reply = rig.ask().await.expect("an answer");
        let usage = rig.record().usage;
        assert_eq!(reply.usage, Some(usage));
        assert_eq!(usage.estimated, estimated, "{data:?}");
        if estimated {
            assert!(usage.input_tokens > 0 && usage.output_tokens > 0);
        } else {
            assert_eq!((usage.input_tokens, usage.output_tokens), (7, 3));
        }
    }
}

/// Fault 20: an end that is no answer. Each has a status of its own, and none is an empty success.
#[tokio::test]
async fn f20_ends_that_are_no_answers() {
    let end =
        |reason: &str| format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
    for (reason, kind, why) in [
        ("stop", ErrorKind::BadResponse, Some(Reason::NoAnswer)),
        ("length", ErrorKind::BadResponse, Some(Reason::NoAnswer)),
        ("content_filter", ErrorKind::ContentBlocked, None),
    ] {
        let rig = Rig::new(vec![event_stream(&[&end(reason), USAGE, "[DONE]"])]).await;
        let error = rig.failure().await;
        assert_eq!((error.kind(), error.reason()), (kind, why), "{reason}");
        assert_eq!((rig.n_requests(), rig.record().usage.input_tokens), (1, 7), "paid for once");
        let rig = Rig::new(vec![event_stream(&[&delta("In"), &end(reason), "[DONE]"])]).await;
        let reply = rig.ask().await.expect("an answer");
        assert_eq!(reply.finish_reason.map(String::from).as_deref(), Some(reason));
    }
    let rig = Rig::new(vec![vec![Act::Send(event_stream_head())]]).await;
    assert_eq!(rig.failure().await.kind(), ErrorKind::BadResponse, "no end at all");
}
