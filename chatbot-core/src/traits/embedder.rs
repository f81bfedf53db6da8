//! What turns texts into vectors whose directions say what the texts mean.

use async_trait::async_trait;

use crate::context::Context;
use crate::error::Result;
use crate::types::Language;

/// Turns texts into vectors of one space.
#[async_trait]
pub trait Embedder: Send + Sync + std::fmt::Debug {
    /// What it is, and what its vectors are like.
    fn info(&self) -> &EmbedderInfo;

    /// The vectors of `request`'s texts, in their order. A text that is longer than the embedder reads is split and its
    /// parts are pooled, or it is truncated: [`EmbedderInfo::max_tokens`] says from when on.
    ///
    /// # Shape
    /// One vector of unit length and [`EmbedderInfo::dimensions`] components for each text.
    ///
    /// # Errors
    /// `unavailable`, `timeout`, `rate_limited`, `unauthenticated`, `bad_response`, `config_invalid` where the model's
    /// files are missing or are not what they should be.
    ///
    /// # Cancellation
    /// Checked between texts; nothing is left behind.
    async fn embed(&self, ctx: &Context, request: EmbedRequest) -> Result<Embeddings>;
}

/// What an embedder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedderInfo {
    /// The name it is asked for by, such as `candle:models/minilm`.
    pub name: String,
    /// Components of a vector.
    pub dimensions: usize,
    /// Tokens of a text that are read as one; what is longer is split or truncated.
    pub max_tokens: Option<usize>,
    /// Names the space: model, revision, precision, pooling. Vectors of different fingerprints are never compared.
    pub fingerprint: String,
    /// The languages it was trained on; `None` where it knows most of them.
    pub languages: Option<Vec<Language>>,
}

/// What a text is, for embedders that treat questions and passages differently. What somebody waits for goes before
/// passages that wait to be embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EmbedKind {
    /// A question that somebody waits to have answered.
    Query,
    /// A piece of a passage that is compared with a question while somebody waits.
    Sentence,
    /// A passage.
    Document,
}

/// Texts to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedRequest {
    /// What they are.
    pub kind: EmbedKind,
    /// The texts.
    pub texts: Vec<String>,
}

/// Vectors, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    dimensions: usize,
    values: Vec<f32>,
}

impl Embeddings {
    /// Vectors of `dimensions` components each, one after the other; an incomplete last one is dropped.
    #[must_use]
    pub fn new(dimensions: usize, mut values: Vec<f32>) -> Self {
        let dimensions = dimensions.max(1);
        values.truncate(values.len() / dimensions * dimensions);
        Self { dimensions, values }
    }

    /// The vectors, in the order of the texts.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> + '_ {
        self.values.chunks_exact(self.dimensions)
    }

    /// The vectors there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.dimensions
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
