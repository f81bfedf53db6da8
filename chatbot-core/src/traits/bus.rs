//! Wake-ups between tasks, and between processes where a bus spans them.

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::context::Context;
use crate::error::Result;
use crate::types::{DocumentId, MessageId, SessionId};

/// A hint that something happened. Signals may be lost or doubled: whoever listens looks at the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// A job was queued.
    JobQueued,
    /// The change feed grew.
    Changed,
    /// A document's status, stage or coverage is another.
    Document(DocumentId),
    /// A session is another, or a message in it.
    Session(SessionId),
    /// Someone wants this answer to stop.
    StopTurn(MessageId),
}

/// Carries signals.
#[async_trait]
pub trait Bus: Send + Sync + std::fmt::Debug {
    /// Sends a signal to everyone who listens now.
    ///
    /// # Errors
    /// `unavailable`, for a bus over a network.
    async fn publish(&self, ctx: &Context, signal: Signal) -> Result<()>;

    /// The signals from now on. A listener that is too slow misses some.
    fn subscribe(&self) -> BoxStream<'static, Signal>;
}
