//! From a listener to a server that was shut down in order.

use std::future::Future;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use chatbot_core::{Chatbot, Result};
use tokio::net::TcpListener;

use crate::app::App;
use crate::auth::local;
use crate::config::{Config, ServerConfig};
use crate::connections::{self, Limits};
use crate::lock::DataLock;
use crate::routes;

/// What a connection gets to write the end of an answer, once that has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Opens the engine and serves it on `listener` until `shutdown` ends; then finishes what runs and lets go of the data
/// directory.
///
/// # Errors
/// `config_invalid` for an address that other machines can reach; `storage` where the data directory cannot be used or
/// is somebody else's; whatever opening the engine says.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    run_with(config, listener, shutdown, || ()).await
}

/// As [`run`], and calls `ready` once requests are answered.
///
/// # Errors
/// As [`run`].
pub(crate) async fn run_with(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
    ready: impl FnOnce(),
) -> Result<()> {
    let address = listener.local_addr()?;
    if !local::is_loopback(address.ip()) {
        return Err(local::not_loopback(address));
    }
    let mut lock = match &config.engine.data_dir {
        Some(data_dir) => Some(DataLock::acquire(data_dir)?),
        None => None,
    };
    let chatbot = Chatbot::open(config.engine.clone()).await?;
    if let Some(lock) = &mut lock {
        lock.announce(Some(address.to_string()))?;
    }
    ready();
    serve(App::new(chatbot, &config), &config.server, listener, shutdown).await
}

/// Answers requests until `shutdown` ends; then finishes those that run, as long as the configuration and the engine
/// allow, and closes the engine.
///
/// # Errors
/// Whatever closing the engine says.
pub async fn serve(
    app: App,
    config: &ServerConfig,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let (chatbot, draining) = (app.chatbot.clone(), app.draining.clone());
    let router = routes::router(app);
    let limits = Limits {
        headers: Duration::from_secs(config.header_timeout_s),
        stall: Duration::from_secs(config.write_timeout_s),
        n_connections: config.max_connections,
    };
    // Tokens are small and must not wait for more to fill a packet.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let late = async {
        shutdown.await;
        draining.cancel();
        tokio::time::sleep(Duration::from_secs(config.drain_s)).await;
    };
    let mut served = std::pin::pin!(connections::serve(listener, router, limits, draining.clone()));
    let all_ended = tokio::select! {
        () = served.as_mut() => true,
        () = late => false,
    };
    // The engine waits a while for answers that are being made, and their readers stay to the end of them.
    let closed = chatbot.close().await;
    if !all_ended && tokio::time::timeout(LAST_WORDS, served).await.is_err() {
        tracing::warn!("connections are cut: they did not end in time");
    }
    closed
}
