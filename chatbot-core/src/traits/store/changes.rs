//! The feed that every index is a projection of.

use std::ops::Range;

use async_trait::async_trait;

use crate::context::Context;
use crate::error::Result;
use crate::types::{
    Change, Checkpoint, Chunk, ChunkId, CollectionId, DocumentId, Lineage, VersionId,
};

/// A version that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveVersion {
    /// Its collection.
    pub collection: CollectionId,
    /// Its document.
    pub document: DocumentId,
    /// The version.
    pub version: VersionId,
}

/// A chunk of a live version with its vector.
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkVector {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its position in the version.
    pub ordinal: u32,
    /// Its document.
    pub document: DocumentId,
    /// Its collection.
    pub collection: CollectionId,
    /// The vector, of unit length.
    pub vector: Vec<f32>,
}

/// The feed that indexes follow.
#[async_trait]
pub trait ChangeFeed: Send + Sync + std::fmt::Debug {
    /// Which life of the store this is.
    async fn lineage(&self, ctx: &Context) -> Result<Lineage>;

    /// The number of the last change; 0 where there was none.
    async fn last_change(&self, ctx: &Context) -> Result<u64>;

    /// Up to `limit` changes after `seq`, in order. `None` where they were trimmed, or where `seq` is ahead of the
    /// store: the index must be rebuilt.
    async fn changes_after(
        &self,
        ctx: &Context,
        seq: u64,
        limit: u32,
    ) -> Result<Option<Vec<Change>>>;

    /// Up to `limit` live versions after `after`, in the order of their ids: for rebuilding.
    async fn live_versions(
        &self,
        ctx: &Context,
        after: Option<VersionId>,
        limit: u32,
    ) -> Result<Vec<LiveVersion>>;

    /// Up to `limit` chunks of a live version from `ordinal` on, with their texts; none where it is not live.
    async fn chunks_of(
        &self,
        ctx: &Context,
        version: VersionId,
        ordinal: u32,
        limit: u32,
    ) -> Result<Vec<Chunk>>;

    /// Up to `limit` vectors of the chunks of a live version that lie in `ordinals`, in order: those that the embedder
    /// with this fingerprint has made. None where the version is not live.
    async fn vectors_of(
        &self,
        ctx: &Context,
        version: VersionId,
        fingerprint: &str,
        ordinals: Range<u32>,
        limit: u32,
    ) -> Result<Vec<ChunkVector>>;

    /// Forgets how far indexes are that are not among `used`: they hold nothing back any more.
    async fn forget_checkpoints(&self, ctx: &Context, used: &[&str]) -> Result<()>;

    /// Notes how far an index is, and trims what every known index has seen.
    async fn record_checkpoint(
        &self,
        ctx: &Context,
        index: &str,
        checkpoint: Checkpoint,
    ) -> Result<()>;
}
