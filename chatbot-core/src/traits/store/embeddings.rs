//! Vectors, and the work of making them.

use std::time::Duration;

use async_trait::async_trait;

use crate::context::{Context, ReadSet};
use crate::error::Result;
use crate::traits::EmbedderInfo;
use crate::types::{ChunkHash, EmbeddingCount, EmbeddingJob, EmbeddingOutcome, Lease, Unembedded};

/// Vectors of some chunks of one version, on their way into the store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEmbeddings {
    /// The chunk after the last one that was embedded: every chunk before it has a vector now.
    pub next_ordinal: u32,
    /// The vectors, by what was embedded.
    pub vectors: Vec<(ChunkHash, Vec<f32>)>,
}

/// Vectors by (hash of the exact text, space), so that an unchanged passage is never embedded twice, whatever document or
/// version it is in.
///
/// While a space is in use, publishing a version queues its embedding in the same step, unless every chunk has its vector
/// already. Deleting or replacing a document voids its job: its lease is lost.
#[async_trait]
pub trait EmbeddingStore: Send + Sync + std::fmt::Debug {
    /// Names the space in use, or that there is none; then nothing is missing and nothing waits. A space that was not in
    /// use makes every document incomplete until [`queue_embeddings`](Self::queue_embeddings) has looked at it. The
    /// vectors of other spaces stay until they are swept, those of the space before for a month at least. What the embedder refused before is tried again.
    ///
    /// # Errors
    /// `dimension_mismatch` where the space is known with another number of components.
    async fn use_embedder(&self, ctx: &Context, embedder: Option<&EmbedderInfo>) -> Result<()>;

    /// Looks at the next live versions of those that were there before the space was, and queues what is incomplete.
    /// Returns whether there are more; an interrupted walk goes on where it was.
    async fn queue_embeddings(&self, ctx: &Context) -> Result<bool>;

    /// Whether the space in use lacks nothing: everything was looked at, and nothing waits. What the embedder refuses, or
    /// a person stopped, is not waited for.
    async fn is_embedded(&self, ctx: &Context) -> Result<bool>;

    /// Takes the version that waits longest and is not held, for `ttl`. `None` where there is none.
    async fn lease_embedding(&self, ctx: &Context, ttl: Duration) -> Result<Option<EmbeddingJob>>;

    /// Holds an embedding job for `ttl` from now.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn renew_embedding(&self, ctx: &Context, lease: &Lease, ttl: Duration) -> Result<()>;

    /// The next chunks of the job's version that have no vector, at most `limit`, in order. None: all have one.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn unembedded(&self, ctx: &Context, lease: &Lease, limit: u32)
    -> Result<Vec<Unembedded>>;

    /// Stores vectors with their change, and counts them. Returns the change's number.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`); `dimension_mismatch`, where nothing is stored.
    async fn store_embeddings(
        &self,
        ctx: &Context,
        lease: &Lease,
        new: NewEmbeddings,
    ) -> Result<u64>;

    /// Ends an embedding job or gives it back.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`), also for `Done` where a chunk has no vector yet.
    async fn finish_embedding(
        &self,
        ctx: &Context,
        lease: &Lease,
        outcome: EmbeddingOutcome,
    ) -> Result<()>;

    /// How many chunks of readable documents have vectors.
    async fn embedding_count(&self, ctx: &Context, read_set: &ReadSet) -> Result<EmbeddingCount>;

    /// Removes up to `limit` vectors that no chunk can ask for any more: of texts that are gone, and of other spaces once
    /// the one in use is complete and a month has passed since it took the place of another. Returns how many. Does nothing while documents are taken in, whose chunks may ask again.
    async fn sweep_embeddings(&self, ctx: &Context, limit: u32) -> Result<u64>;
}
