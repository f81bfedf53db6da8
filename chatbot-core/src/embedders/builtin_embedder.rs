//! The embedder that comes along: all-MiniLM-L6-v2, quantised, inside the program.

use std::time::Duration;

use async_trait::async_trait;
use chatbot_model_encoder as encoder;
use chatbot_model_tokens as tokens;

use super::bert::{Bert, MAX_WINDOW};
use super::pool::Pool;
use super::pooled;
use crate::context::Context;
use crate::error::Result;
use crate::traits::{EmbedRequest, Embedder, EmbedderInfo, Embeddings};
use crate::types::Language;

/// Components of the model's vectors.
const DIMENSIONS: usize = 384;

/// An [`Embedder`] that needs nothing beside the program: sentence-transformers' all-MiniLM-L6-v2, which knows English. It
/// is unpacked when the first text comes.
///
/// # Shape
/// 384 components; texts of more than 256 word pieces are cut into windows whose vectors are averaged.
///
/// # Example
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use std::time::Duration;
///
/// use chatbot_core::Context;
/// use chatbot_core::embedders::BuiltinEmbedder;
/// use chatbot_core::traits::{EmbedKind, EmbedRequest, Embedder as _};
///
/// let embedder = BuiltinEmbedder::new(Duration::from_secs(60));
/// let texts = vec!["When does the ferry leave?".to_owned()];
/// let vectors = embedder.embed(&Context::local(), EmbedRequest { kind: EmbedKind::Query, texts }).await?;
/// assert_eq!(vectors.iter().map(<[f32]>::len).collect::<Vec<_>>(), [384]);
/// # Ok::<(), chatbot_core::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BuiltinEmbedder {
    info: EmbedderInfo,
    pool: Pool<Bert>,
}

impl BuiltinEmbedder {
    /// Computes on every core, and gives the unpacked model back after `idle` without a text; unpacking it again takes some
    /// hundredths of a second.
    #[must_use]
    pub fn new(idle: Duration) -> Self {
        Self::with_threads(pooled::every_core(), idle)
    }

    /// As [`new`](Self::new), on at most `n_threads`.
    #[must_use]
    pub fn with_threads(n_threads: usize, idle: Duration) -> Self {
        let info = EmbedderInfo {
            name: "builtin".to_owned(),
            dimensions: DIMENSIONS,
            max_tokens: Some(MAX_WINDOW),
            fingerprint: format!("builtin-{}-{}", encoder::SHA256, tokens::SHA256),
            languages: Some(vec![Language::from_static("eng")]),
        };
        let load = || Bert::bundled(encoder::BYTES, tokens::BYTES);
        Self { info, pool: Pool::new(load, n_threads, idle) }
    }
}

#[async_trait]
impl Embedder for BuiltinEmbedder {
    fn info(&self) -> &EmbedderInfo {
        &self.info
    }

    async fn embed(&self, ctx: &Context, request: EmbedRequest) -> Result<Embeddings> {
        pooled::embed(&self.pool, DIMENSIONS, ctx, request).await
    }
}
