//! A provider that cannot be reached, or says nothing: faults 6 to 8.

use chatbot_core::Reason;
use chatbot_core::layers::TimeLimits;
use tokio::net::TcpListener;

use super::*;

async fn failure_at(address: &str) -> Error {
    let (model, share, _) = layered(model_at(address), options());
    let before = share.retries.left();
    let error = model.complete(&Context::local(), request()).await.expect_err("nobody is there");
    assert_eq!(share.bulkhead.n_free(), N_ROOMS);
    assert_eq!(before - share.retries.left(), 1, "tried once more, and no oftener");
    is_fit_to_be_seen(&error);
    error
}

/// Fault 6: a closed port, and a name that nobody has. A typed error after one more try: with the pauses as they are shipped,
/// that is half a second at the most. Names are asked for anew with every connection; nothing here remembers them.
#[tokio::test]
async fn f06_nobody_there() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let closed = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    // No name has a part of more than 63 letters, so that nobody has to be asked for this one.
    let nobody = format!("http://{}.invalid", "a".repeat(64));
    for address in [closed, nobody] {
        let error = failure_at(&address).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{address}");
        assert_eq!(error.reason(), Some(Reason::Unreachable));
        assert!(error.is_retryable());
    }
}

/// Fault 7: a handshake that stalls ends with the limit, and one that is no TLS at all fails; neither is tried without TLS.
/// What a certificate must be is tried with the program, whose trust a test can set.
#[tokio::test]
async fn f07_a_handshake_that_stalls_or_is_none() {
    let server = ScriptedServer::start(vec![answer("In France.")]).await.expect("a port");
    let address = server.url().replace("http://", "https://");
    let time = TimeLimits { first: Some(Duration::from_millis(50)), ..TimeLimits::default() };
    let retry = RetryPolicy { max_retries: 0, ..options().retry };
    let options = StackOptions { time, retry, ..options() };
    let (model, share, _) = layered(model_at(&address), options);
    // This server waits for a request, and what it gets is not one.
    let error = model.complete(&Context::local(), request()).await.expect_err("it stalls");
    assert_eq!((error.kind(), share.bulkhead.n_free()), (ErrorKind::Timeout, N_ROOMS));
    assert!(server.received().is_empty(), "nothing was sent in the clear");

    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = format!("https://{}", listener.local_addr().expect("an address"));
    let plain = tokio::spawn(async move {
        let mut sent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let mut hello = [0; 5];
            let _ = stream.read_exact(&mut hello).await;
            sent.push(hello[0]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            if sent.len() == 2 {
                break;
            }
        }
        sent
    });
    assert_eq!(failure_at(&address).await.kind(), ErrorKind::Unavailable);
    let handshake = 22;
    assert_eq!(plain.await.expect("two tries"), [handshake; 2]);
}

/// Fault 8: the headers never come. The limit for the first byte ends it, and the connection is closed.
#[tokio::test]
async fn f08_headers_never_come() {
    let time = TimeLimits { first: Some(Duration::from_millis(50)), ..TimeLimits::default() };
    let retry = RetryPolicy { max_retries: 0, ..options().retry };
    let rig = Rig::with(vec![vec![Act::Hang]], StackOptions { time, retry, ..options() }).await;
    assert_eq!(rig.failure().await.kind(), ErrorKind::Timeout);
    rig.server.left(1).await;
}
