//! From a listener to requests: connections that are taken in, bounded in time and number, and let go in order.
//!
//! A loop of our own, because `axum::serve` waits for ever: for a first byte, for the rest of a request's headers, and
//! for a place for one more connection.

mod write_timeout;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::write_timeout::WriteTimeout;

/// What waits in memory to be written to one reader, who may take nothing: an answer beyond that stays where all of its
/// readers share it. Also the room for the headers of a request.
const BUFFER_BYTES: usize = 64 << 10;

/// How much patience there is with connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long the headers of a request may take, and how long a connection may wait for its next one.
    pub(crate) headers: Duration,
    /// How long a connection may take nothing of what is sent to it.
    pub(crate) stall: Duration,
    /// How many connections there may be at a time; further ones wait until one is closed.
    pub(crate) n_connections: usize,
}

/// Serves until `draining` is cancelled and every request that runs then is answered. Dropping it cuts them off.
pub(crate) async fn serve(
    mut listener: impl Listener,
    router: Router,
    limits: Limits,
    draining: CancellationToken,
) {
    let seats = Arc::new(Semaphore::new(limits.n_connections));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let seat = seats.clone().acquire_owned().await;
            (seat, listener.accept().await.0)
        };
        tokio::select! {
            (seat, io) = next => {
                let connection = connection(io, router.clone(), limits, draining.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(seat);
                });
            }
            Some(_) = connections.join_next() => {}
            () = draining.cancelled() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    limits: Limits,
    draining: CancellationToken,
) {
    let asked = CancellationToken::new();
    let service = {
        let asked = asked.clone();
        let router = TowerToHyperService::new(router);
        hyper::service::service_fn(move |request: Request<Incoming>| {
            asked.cancel();
            hyper::service::Service::call(&router, request)
        })
    };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_buf_size(BUFFER_BYTES);
    builder.http2().timer(TokioTimer::new()).max_send_buf_size(BUFFER_BYTES);
    let io = WriteTimeout::new(io, limits.stall);
    let connection = builder.serve_connection(TokioIo::new(io), service);
    let mut connection = std::pin::pin!(connection);
    let silent = std::pin::pin!(silent(asked, limits.headers));
    tokio::select! {
        served = connection.as_mut() => return ended(served),
        () = silent => return tracing::debug!("a connection was closed: it asked for nothing"),
        () = draining.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    ended(connection.await);
}

/// Ends where nothing was asked for in time. Which protocol a connection speaks is found out from its first bytes, and
/// the time for headers begins only after that.
async fn silent(asked: CancellationToken, patience: Duration) {
    if tokio::time::timeout(patience, asked.cancelled()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

fn ended(served: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = served {
        tracing::debug!(error, "a connection was broken off");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use futures_util::stream;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const PIECE: usize = 1 << 10;

    /// A server that writes without end, and how many bytes of it were asked for.
    fn endless() -> (Router, Arc<AtomicUsize>) {
        let n_bytes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&n_bytes);
        let pieces = move || {
            let counted = Arc::clone(&counted);
            let pieces = stream::repeat_with(move || {
                counted.fetch_add(PIECE, Ordering::SeqCst);
                Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b'x'; PIECE]))
            });
            async { Body::from_stream(pieces) }
        };
        (Router::new().route("/", get(pieces)), n_bytes)
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_costs_a_buffer_and_is_dropped_and_who_reads_slowly_is_not() {
        let stall = Duration::from_secs(30);
        let limits = Limits { headers: Duration::from_secs(10), stall, n_connections: 1 };
        for reads in [false, true] {
            let (router, n_bytes) = endless();
            let (mut client, server) = tokio::io::duplex(PIECE);
            let draining = CancellationToken::new();
            let served = tokio::spawn(connection(server, router, limits, draining));
            client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
            let began = tokio::time::Instant::now();
            if reads {
                for _ in 0..8 {
                    tokio::time::sleep(stall / 2).await;
                    client.read_exact(&mut [0; 16]).await.unwrap();
                }
                assert!(!served.is_finished(), "whoever takes something is not dropped");
                served.abort();
            } else {
                served.await.unwrap();
                assert_eq!(began.elapsed().as_secs(), stall.as_secs());
                let pulled = n_bytes.load(Ordering::SeqCst);
                assert!((PIECE..=256 << 10).contains(&pulled), "{pulled}");
            }
        }
    }
}
