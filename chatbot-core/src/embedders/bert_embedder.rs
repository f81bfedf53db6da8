//! A model of the BERT family from a folder, such as those of sentence-transformers.

use std::num::NonZero;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::bert::Bert;
use super::pool::{Job, Pool};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::traits::{EmbedRequest, Embedder, EmbedderInfo, Embeddings};

/// Without a question or a passage for this long, the model's memory is given back; reading it again takes a tenth of a
/// second.
const IDLE: Duration = Duration::from_secs(60);

/// An [`Embedder`] that computes in the process. The model is read when the first text comes.
///
/// # Shape
/// As long as the model is wide; texts of more than 256 word pieces are cut into windows whose vectors are averaged.
#[derive(Debug)]
pub struct BertEmbedder {
    info: EmbedderInfo,
    pool: Pool,
}

impl BertEmbedder {
    /// The model in a folder with `config.json`, `tokenizer.json`, `model.safetensors` and, where tokens are not to be
    /// averaged, `1_Pooling/config.json`. It computes on every core.
    ///
    /// # Errors
    /// `config_invalid` where a file is missing, or the model is not of the BERT family.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        Self::with_threads(
            folder,
            std::thread::available_parallelism().map_or(1, NonZero::get),
            IDLE,
        )
    }

    /// As [`open`](Self::open), on at most `n_threads`, and with another time after which an idle model is given back.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_threads(
        folder: impl AsRef<Path>,
        n_threads: usize,
        idle: Duration,
    ) -> Result<Self> {
        let folder = folder.as_ref().to_owned();
        let described = Bert::describe(&folder)?;
        let info = EmbedderInfo {
            name: format!("candle:{}", folder.display()),
            dimensions: described.dimensions,
            max_tokens: Some(described.max_tokens),
            fingerprint: format!("bert-f32-{}", described.hash),
            languages: None,
        };
        Ok(Self { info, pool: Pool::new(move || Bert::open(&folder), n_threads, idle) })
    }
}

#[async_trait]
impl Embedder for BertEmbedder {
    fn info(&self) -> &EmbedderInfo {
        &self.info
    }

    async fn embed(&self, ctx: &Context, request: EmbedRequest) -> Result<Embeddings> {
        ctx.check()?;
        let n_texts = request.texts.len();
        let (reply, mut replies) = mpsc::unbounded_channel();
        let texts = request.texts.into_iter().enumerate();
        let jobs = texts.map(|(at, text)| Job { ctx: ctx.clone(), text, at, reply: reply.clone() });
        self.pool.submit(request.kind, jobs.collect())?;
        drop(reply);
        let mut vectors = vec![Vec::new(); n_texts];
        ctx.run(async {
            for _ in 0..n_texts {
                let (at, vector) = replies
                    .recv()
                    .await
                    .ok_or_else(|| Error::internal("The embedder lost a text."))?;
                if let Some(slot) = vectors.get_mut(at) {
                    *slot = vector?;
                }
            }
            Ok(())
        })
        .await?;
        Ok(Embeddings::new(self.info.dimensions, vectors.concat()))
    }
}
