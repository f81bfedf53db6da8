//! From a listener to requests: connections that are taken in, bounded in time and number, and let go in order.
//!
//! A loop of our own, because `axum::serve` waits for ever: for a first byte, for the rest of a request's headers, and
//! for a place for one more connection.

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

/// How much patience there is with connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long the headers of a request may take, and how long a connection may wait for its next one.
    pub(crate) headers: Duration,
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
                let connection = connection(io, router.clone(), limits.headers, draining.clone());
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
    patience: Duration,
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
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience);
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(io), service);
    let mut connection = std::pin::pin!(connection);
    let silent = std::pin::pin!(silent(asked, patience));
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
