//! Texts around chunks, for whoever works on what was found.

use async_trait::async_trait;

use crate::context::{Context, ReadSet};
use crate::error::Result;
use crate::types::{Chunk, ChunkId, DocumentId, Metadata, Span, VersionId};

/// Reads chunks and their surroundings; what is deleted or out of the read-set is not there.
#[async_trait]
pub trait ChunkReader: Send + Sync + std::fmt::Debug {
    /// The passages of these chunks that are live and readable, in the order asked for; others are left out.
    ///
    /// # Errors
    /// `storage`.
    async fn hydrate(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        chunks: &[ChunkId],
    ) -> Result<Vec<Passage>>;

    /// Exact slices of live versions' texts, in the order asked for; `None` where one is not there.
    ///
    /// # Errors
    /// `storage`.
    async fn slices(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        requests: &[PassageRequest],
    ) -> Result<Vec<Option<String>>>;
}

/// A chunk with its document's metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The chunk.
    pub chunk: Chunk,
    /// Its version's id.
    pub version: VersionId,
    /// The document's metadata.
    pub metadata: Metadata,
}

/// A stretch of a version's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassageRequest {
    /// The document.
    pub document: DocumentId,
    /// The version.
    pub version: VersionId,
    /// The stretch.
    pub span: Span,
}
