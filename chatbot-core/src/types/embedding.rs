//! The work of giving chunks their vectors.

use super::{ChunkHash, DocumentId, Lease, VersionId};

/// A version whose chunks wait for vectors, leased like a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingJob {
    /// Its lease: every write of the result shows it.
    pub lease: Lease,
    /// The document.
    pub document: DocumentId,
    /// Its live version.
    pub version: VersionId,
}

/// A chunk without a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unembedded {
    /// Its position in the version.
    pub ordinal: u32,
    /// Names the text.
    pub hash: ChunkHash,
    /// The exact text to embed.
    pub text: String,
}

/// How an embedding job ends, or pauses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmbeddingOutcome {
    /// Every chunk has its vector.
    Done,
    /// Somebody else's turn; it waits behind everything that waits now.
    Later,
    /// The embedder cannot embed this document. It is tried again when an engine is started, or once it is read again.
    Failed(super::DocumentFailure),
}

/// How many chunks have vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EmbeddingCount {
    /// Chunks of documents that answer.
    pub n_total: u64,
    /// Those of them that have a vector, or need none.
    pub n_done: u64,
}

/// How far the embedding of everything has come.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EmbeddingProgress {
    /// Chunks that have their vectors.
    pub n_done: u64,
    /// Chunks of all documents that answer.
    pub n_total: u64,
    /// Chunks embedded in a second, smoothed; 0 before the first batch.
    pub per_second: f64,
    /// How long the rest will take at this rate, in seconds; `None` where that is not known yet.
    pub seconds_left: Option<f64>,
    /// Whether somebody paused it.
    pub paused: bool,
}
