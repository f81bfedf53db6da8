//! The truth: what is acknowledged is here, and every index is a projection of it.
//!
//! Operations say what is intended, and each is one atomic step: after a crash it happened or it did not. They are
//! grouped by what they are about; one object implements all groups. A method that reads for someone takes a
//! [`ReadSet`](crate::ReadSet) or answers only for the context's principal; what is not theirs is `not_found`, as if it were not there.
//! Writes of a job's or a turn's result show their [`Lease`](crate::types::Lease) and are refused with `conflict` (`lease_lost`) once
//! somebody else holds it.
//!
//! Every method may fail with `storage` besides the kinds it names.

mod changes;
mod collections;
mod conversations;
mod documents;
mod embeddings;
mod jobs;
mod ledger;
mod snapshots;

pub use changes::{ChangeFeed, ChunkVector, LiveVersion};
pub use collections::CollectionStore;
pub use conversations::{
    BeginTurn, BegunTurn, ConversationStore, FinishTurn, KeepSummary, TurnTarget,
};
pub use documents::{AcceptDocument, AcceptVersion, Accepted, DocumentStore, Swept};
pub use embeddings::{EmbeddingStore, NewEmbeddings};
pub use jobs::{JobStore, PublishVersion, StagedPart};
pub use ledger::{LedgerStore, ReserveCall};
pub use snapshots::{Snapshots, StoreCopy};

use async_trait::async_trait;

use super::ChunkReader;

/// Everything that is true.
#[async_trait]
pub trait Store:
    CollectionStore
    + DocumentStore
    + JobStore
    + EmbeddingStore
    + ChangeFeed
    + ConversationStore
    + LedgerStore
    + Snapshots
    + ChunkReader
{
    /// Writes what waits and lets go of whatever the store holds open, so that another process can open it at once.
    /// Every later call fails with `unavailable`; closing once more changes nothing.
    async fn close(&self);
}

/// Makes a create happen once: the same key and body get the first result, another body is a `conflict`
/// (`idempotency_mismatch`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key; unique per principal.
    pub key: String,
    /// A hash of what was asked.
    pub body: [u8; 32],
}
