//! Signals inside one process.

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{Bus, Signal};

/// Signals that wait for a listener before it misses the oldest: a burst of a few documents' stages.
const CAPACITY: usize = 1024;

/// A [`Bus`] for the tasks of one process.
#[derive(Debug, Clone)]
pub struct MemoryBus(broadcast::Sender<Signal>);

impl MemoryBus {
    /// A bus that nobody listens to yet.
    #[must_use]
    pub fn new() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn publish(&self, _ctx: &Context, signal: Signal) -> Result<()> {
        // It fails only where nobody listens, and then there is nobody to tell.
        self.0.send(signal).ok();
        Ok(())
    }

    fn subscribe(&self) -> BoxStream<'static, Signal> {
        stream::unfold(self.0.subscribe(), |mut signals| async move {
            loop {
                match signals.recv().await {
                    Ok(signal) => return Some((signal, signals)),
                    // What was missed is found in the store: whoever listens looks there anyway.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_listener_misses_signals_and_goes_on() {
        let bus = MemoryBus::new();
        let mut slow = bus.subscribe();
        for _ in 0..CAPACITY * 2 {
            bus.publish(&Context::local(), Signal::JobQueued).await.unwrap();
        }
        bus.publish(&Context::local(), Signal::Changed).await.unwrap();
        drop(bus);
        let rest: Vec<Signal> = slow.by_ref().collect().await;
        assert_eq!(rest.len(), CAPACITY);
        assert_eq!(rest.last(), Some(&Signal::Changed));
    }
}
