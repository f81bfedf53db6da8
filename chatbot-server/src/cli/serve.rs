//! `serve`: the server, until somebody stops it.

use std::io::ErrorKind as Io;

use chatbot_core::{Error, ErrorKind, Reason, Result};
use serde_json::json;
use tokio::net::TcpListener;

use super::output::Output;
use super::{Outcome, interrupted};
use crate::auth::local;
use crate::config::Config;
use crate::lock::{DataLock, Ownership, in_use};

pub(super) async fn serve(config: Config, output: &Output) -> Result<Outcome> {
    let listener = bind(&config).await?;
    let address = listener.local_addr()?;
    let data_dir = config.engine.data_dir.clone().unwrap_or_default();
    let said = json!({"address": address.to_string(), "url": format!("http://{address}"), "data_dir": data_dir});
    let ready = || {
        output
            .line(&format!("Ready: open http://{address} in a browser. Ctrl-C stops the server."));
        output.line(&format!("Documents and conversations are kept in {}.", data_dir.display()));
        output.document(&said);
    };
    crate::serve::run_with(config, listener, interrupted(), ready).await?;
    Ok(Outcome::Done)
}

async fn bind(config: &Config) -> Result<TcpListener> {
    let listen = &config.server.listen;
    let mut addresses = tokio::net::lookup_host(listen).await.map_err(|error| {
        let message =
            format!("`{listen}` is no address to listen on. Use one like 127.0.0.1:8080.");
        Error::new(ErrorKind::ConfigInvalid, message).with_source(error)
    })?;
    if let Some(address) = addresses.find(|address| !local::is_loopback(address.ip())) {
        return Err(local::not_loopback(address));
    }
    match TcpListener::bind(listen).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == Io::AddrInUse => Err(taken(config, listen)),
        Err(error) => {
            let message = format!("The server cannot listen on {listen}: {}.", error.kind());
            Err(Error::new(ErrorKind::Unavailable, message).with_source(error))
        }
    }
}

/// Says who is there: our own server over the same data, or another program.
fn taken(config: &Config, listen: &str) -> Error {
    if let Some(data_dir) = &config.engine.data_dir
        && let Ok(Ownership::Theirs(owner)) = DataLock::try_acquire(data_dir)
    {
        return in_use(data_dir, owner.as_ref());
    }
    let message = format!(
        "Another program listens on {listen}. Stop it, or choose another address with --listen, such as \
         --listen 127.0.0.1:8081."
    );
    Error::new(ErrorKind::Unavailable, message).with_reason(Reason::AddressInUse)
}
