//! What every [`Bus`] must do.

#![allow(clippy::unwrap_used, reason = "a suite reports by panicking, as every test does")]

use std::time::Duration;

use futures_util::StreamExt as _;

use crate::context::Context;
use crate::traits::{Bus, Signal};
use crate::types::{DocumentId, MessageId, SessionId};

/// How long a signal may take before the suite gives up on it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the suite.
///
/// # Panics
/// Where the bus does not keep its word.
pub async fn bus(bus: &dyn Bus) {
    let ctx = Context::local();
    bus.publish(&ctx, Signal::JobQueued).await.unwrap();
    let mut listeners = [bus.subscribe(), bus.subscribe()];
    let signals = [
        Signal::Changed,
        Signal::Document(DocumentId::new()),
        Signal::Session(SessionId::new()),
        Signal::StopTurn(MessageId::new()),
    ];
    for signal in signals {
        bus.publish(&ctx, signal).await.unwrap();
    }
    for listener in &mut listeners {
        for signal in signals {
            let heard = tokio::time::timeout(PATIENCE, listener.next()).await.unwrap();
            assert_eq!(heard, Some(signal), "everyone who listens hears what was sent since");
        }
    }
}
