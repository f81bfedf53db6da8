//! What finds chunks.
//!
//! An index takes terms and vectors, never text: whoever searches analyses and embeds. That is what makes several
//! wordings, made-up answers, caches and asymmetric models possible, and keeps every index equal in what it indexes.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;

use crate::context::{Context, ReadSet};
use crate::error::{Error, ErrorKind, Result};
use crate::text::{QueryTerm, Terms};
use crate::types::{Checkpoint, ChunkId, CollectionId, DocumentId, VersionId};

/// A projection of the store that finds chunks. It can be thrown away and rebuilt at any time.
#[async_trait]
pub trait Index: Send + Sync + std::fmt::Debug {
    /// What it can do, and what its content was made with.
    fn capabilities(&self) -> IndexCapabilities;

    /// How far it has followed the store; `None` where it is new or was made by another analyser.
    ///
    /// # Errors
    /// `storage`.
    async fn checkpoint(&self, ctx: &Context) -> Result<Option<Checkpoint>>;

    /// Applies deletes, then upserts, as one step: after a crash all of it is there or none. Applying a batch again
    /// changes nothing. A batch with a checkpoint is durable and searchable when this returns.
    ///
    /// # Errors
    /// `storage`, `unsupported` for a kind of content it has no capability for, `dimension_mismatch`.
    async fn apply(&self, ctx: &Context, batch: IndexBatch) -> Result<()>;

    /// Forgets everything, for a rebuild.
    ///
    /// # Errors
    /// `storage`.
    async fn clear(&self, ctx: &Context) -> Result<()>;

    /// The best chunks within the read-set, which is applied before the best are chosen.
    ///
    /// # Shape
    /// At most `limit` hits, best first; equal scores in the order of chunk ids. The score of what a vector found is its
    /// cosine, right to five digits.
    ///
    /// # Errors
    /// `storage`, `unsupported` for a kind of query it has no capability for, `dimension_mismatch`.
    async fn search(&self, ctx: &Context, query: &IndexQuery) -> Result<IndexReply>;

    /// The cosine of each of these chunks to `vector`, in the order asked for: the score that a search would give it. `None`
    /// where a chunk has no vector here, or may not be read.
    ///
    /// # Errors
    /// `storage`, `unsupported` where the index has no vectors, `dimension_mismatch`.
    async fn similarities(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        vector: &[f32],
        chunks: &[ChunkId],
    ) -> Result<Vec<Option<f32>>> {
        let _ = (ctx, read_set, vector, chunks);
        Err(Error::new(ErrorKind::Unsupported, "This index has no vectors."))
    }

    /// Takes what was deleted out of everything that is stored. Returns whether nothing of it is left; where a change is
    /// half done, some is, and whoever wants it gone asks again.
    ///
    /// # Errors
    /// `storage`.
    async fn scrub(&self, ctx: &Context) -> Result<bool> {
        ctx.check()?;
        Ok(true)
    }

    /// Writes what waits and lets go of whatever the index holds open, so that another process can open it at once.
    ///
    /// # Errors
    /// `storage`.
    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// What an index can do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexCapabilities {
    /// Whether it finds chunks by their terms.
    pub lexical: bool,
    /// Whether it finds chunks by their vectors.
    pub dense: bool,
    /// Names the analyser its terms must come from.
    pub analyser: Option<String>,
    /// The fingerprint of the embedder that its vectors must come from.
    pub embedder: Option<String>,
}

/// Changes to an index.
#[derive(Debug, Clone, Default)]
pub struct IndexBatch {
    /// Versions to forget.
    pub deletes: Vec<VersionId>,
    /// Chunks to add; one with the same id is replaced.
    pub upserts: Vec<IndexEntry>,
    /// How far the index is after this batch; `None` in the middle of a change that comes in several batches.
    pub checkpoint: Option<Checkpoint>,
}

/// A chunk as an index sees it.
#[derive(Debug, Clone)]
pub struct IndexEntry {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its version.
    pub version: VersionId,
    /// Its document.
    pub document: DocumentId,
    /// Its collection.
    pub collection: CollectionId,
    /// What it is found by.
    pub content: IndexContent,
}

/// What a chunk is found by.
#[derive(Debug, Clone, PartialEq)]
pub enum IndexContent {
    /// The terms of its title, headings and text.
    Terms(Terms),
    /// Its vector, of unit length.
    Vector(Vec<f32>),
}

/// What to find, and where one may look.
#[derive(Debug, Clone)]
pub struct IndexQuery {
    /// Where one may look.
    pub read_set: ReadSet,
    /// Only in these documents: a metadata filter, resolved.
    pub documents: Option<Arc<HashSet<DocumentId>>>,
    /// What to find chunks by.
    pub find: Find,
    /// Chunks wanted.
    pub limit: usize,
}

/// What to find chunks by.
#[derive(Debug, Clone, PartialEq)]
pub enum Find {
    /// Chunks that have these terms.
    Terms(Vec<QueryTerm>),
    /// Chunks whose vectors point where this one does; it is of unit length.
    Vector(Vec<f32>),
}

impl Find {
    /// The terms, where they are what is asked for.
    #[must_use]
    pub fn terms(&self) -> &[QueryTerm] {
        match self {
            Self::Terms(terms) => terms,
            Self::Vector(_) => &[],
        }
    }
}

/// A chunk that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The chunk.
    pub chunk: ChunkId,
    /// How well it fits; higher is better.
    pub score: f32,
}

/// What a search found, and how common its terms are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IndexReply {
    /// The chunks, best first.
    pub hits: Vec<Hit>,
    /// For each term of the query, in order: chunks that have its surface form or one of its stems. Empty for a vector.
    pub document_frequencies: Vec<u64>,
    /// Chunks in the index.
    pub n_chunks: u64,
}
