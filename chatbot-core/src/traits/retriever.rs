//! How passages are found: retrievers and the building blocks they are composed of.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;

use super::{ChunkReader, Passage};
use crate::context::{Context, ReadSet};
use crate::error::Result;
use crate::types::{ChunkId, DocumentId, RetrievalTrace, SourceScores, Warning};

/// Finds chunks for a question. A composition of retrievers is one too.
#[async_trait]
pub trait Retriever: Send + Sync + std::fmt::Debug {
    /// The best candidates, and how they were found.
    ///
    /// # Errors
    /// `invalid_input`, `storage`, `unavailable`, `timeout`, `cancelled`.
    async fn retrieve(&self, ctx: &Context, query: &Query) -> Result<Retrieval>;
}

/// Puts a question differently before the search.
#[async_trait]
pub trait QueryTransform: Send + Sync + std::fmt::Debug {
    /// Its name in the trace.
    fn name(&self) -> &'static str;

    /// The questions to search for instead.
    ///
    /// # Errors
    /// As [`Retriever::retrieve`].
    async fn transform(&self, ctx: &Context, query: Query) -> Result<Vec<Query>>;
}

/// Works on passages after they were found and read.
#[async_trait]
pub trait PostProcessor: Send + Sync + std::fmt::Debug {
    /// Its name in the trace.
    fn name(&self) -> &'static str;

    /// The candidates to go on with, best first.
    ///
    /// # Errors
    /// As [`Retriever::retrieve`].
    async fn process(
        &self,
        ctx: &Context,
        query: &Query,
        reader: &dyn ChunkReader,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>>;
}

/// A question, and where one may look.
#[derive(Debug, Clone)]
pub struct Query {
    /// The question.
    pub text: String,
    /// What else it is about: words of the conversation that count less than its own.
    pub context: Vec<QueryContext>,
    /// Where one may look.
    pub read_set: ReadSet,
    /// Only in these documents: a metadata filter, resolved.
    pub documents: Option<Arc<HashSet<DocumentId>>>,
    /// Passages wanted in the end.
    pub top_k: usize,
}

/// Words that a question leans on.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryContext {
    /// The words.
    pub text: String,
    /// How much they count where the question's own words count 1.
    pub weight: f32,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Retrieval {
    /// The candidates, best first.
    pub candidates: Vec<Candidate>,
    /// How common the question's terms are, where a retriever knows.
    pub terms: Vec<TermEvidence>,
    /// How they were found.
    pub trace: RetrievalTrace,
    /// What was gone without, for whoever reads the answer.
    pub warnings: Vec<Warning>,
}

/// A chunk that was found; with its passage once it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The chunk.
    pub chunk: ChunkId,
    /// What the order is by.
    pub score: f32,
    /// What the score was made of.
    pub scores: SourceScores,
    /// Its text, once it was read.
    pub passage: Option<Passage>,
}

/// A term of the question, and how much it tells.
#[derive(Debug, Clone, PartialEq)]
pub struct TermEvidence {
    /// The surface form, normalised.
    pub surface: String,
    /// Its stems, one per language it may be in.
    pub stems: Vec<String>,
    /// Chunks that have it.
    pub document_frequency: u64,
    /// Chunks that were searched.
    pub n_chunks: u64,
}

impl TermEvidence {
    /// How much the term tells: the inverse document frequency that cannot be negative,
    /// `ln(1 + (N - n + 0.5) / (n + 0.5))`. Comparable within one reply only.
    #[must_use]
    pub fn rarity(&self) -> f32 {
        #[allow(clippy::cast_precision_loss, reason = "a logarithm follows")]
        let [with, without] = [
            self.document_frequency as f32,
            self.n_chunks.saturating_sub(self.document_frequency) as f32,
        ];
        ((without + 0.5) / (with + 0.5)).ln_1p()
    }
}
