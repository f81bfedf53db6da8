//! A model of the BERT family from a folder, such as those of sentence-transformers.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use super::bert::{self, Bert};
use super::pool::Pool;
use super::pooled;
use crate::context::Context;
use crate::error::Result;
use crate::traits::{EmbedRequest, Embedder, EmbedderInfo, Embeddings};

/// An [`Embedder`] that computes in the process. The model is read when the first text comes.
///
/// # Shape
/// As long as the model is wide; texts of more than 256 word pieces are cut into windows whose vectors are averaged.
#[derive(Debug)]
pub struct BertEmbedder {
    info: EmbedderInfo,
    pool: Pool<Bert>,
}

impl BertEmbedder {
    /// The model in a folder with `config.json`, `tokenizer.json`, `model.safetensors` and, where tokens are not to be
    /// averaged, `1_Pooling/config.json`. It computes on every core, and gives the model's memory back after `idle`
    /// without a text; reading it again takes about two tenths of a second.
    ///
    /// The files are read once for their hash, which names the space of the vectors: a tenth of a second for 90 MB.
    ///
    /// # Errors
    /// `config_invalid` where a file is missing, or the model is not of the BERT family.
    pub fn open(folder: impl AsRef<Path>, idle: Duration) -> Result<Self> {
        Self::with_threads(folder, pooled::every_core(), idle)
    }

    /// As [`open`](Self::open), on at most `n_threads`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_threads(
        folder: impl AsRef<Path>,
        n_threads: usize,
        idle: Duration,
    ) -> Result<Self> {
        let folder = folder.as_ref().to_owned();
        let bert::Described { dimensions, max_tokens, hash } = bert::describe(&folder)?;
        let info = EmbedderInfo {
            name: format!("candle:{}", folder.display()),
            dimensions,
            max_tokens: Some(max_tokens),
            fingerprint: format!("bert-f32-{hash}"),
            languages: None,
        };
        let load = move || bert::open(&folder, &hash);
        Ok(Self { info, pool: Pool::new(load, n_threads, idle) })
    }
}

#[async_trait]
impl Embedder for BertEmbedder {
    fn info(&self) -> &EmbedderInfo {
        &self.info
    }

    async fn embed(&self, ctx: &Context, request: EmbedRequest) -> Result<Embeddings> {
        pooled::embed(&self.pool, self.info.dimensions, ctx, request).await
    }
}
