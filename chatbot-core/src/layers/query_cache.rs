//! Remembers the vectors of recent questions: a follow-up, a retry and a second search ask for the same one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{EmbedKind, EmbedRequest, Embedder, EmbedderInfo, Embeddings};

/// Questions that are remembered: 512 vectors of 384 components are 0.8 MB.
const CAPACITY: usize = 512;

/// An [`Embedder`] that asks another one, and for questions only where it has not just done so. Passages go through:
/// each is embedded once anyway.
#[derive(Debug)]
pub struct QueryCache {
    inner: Arc<dyn Embedder>,
    recent: Mutex<Recent>,
}

impl QueryCache {
    /// Remembers what `inner` says about the last 512 questions.
    #[must_use]
    pub fn new(inner: Arc<dyn Embedder>) -> Self {
        Self { inner, recent: Mutex::default() }
    }

    fn known(&self, texts: &[String]) -> Vec<Option<Arc<[f32]>>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        texts.iter().map(|text| recent.find(text)).collect()
    }

    fn remember(&self, text: String, vector: Arc<[f32]>) {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).insert(text, vector);
    }
}

#[async_trait]
impl Embedder for QueryCache {
    fn info(&self) -> &EmbedderInfo {
        self.inner.info()
    }

    async fn embed(&self, ctx: &Context, request: EmbedRequest) -> Result<Embeddings> {
        if request.kind != EmbedKind::Query {
            return self.inner.embed(ctx, request).await;
        }
        ctx.check()?;
        let mut vectors = self.known(&request.texts);
        let missing = request.texts.into_iter().zip(&vectors).filter(|(_, known)| known.is_none());
        let missing: Vec<String> = missing.map(|(text, _)| text).collect();
        if !missing.is_empty() {
            let asked = EmbedRequest { kind: EmbedKind::Query, texts: missing.clone() };
            let found = self.inner.embed(ctx, asked).await?;
            let gaps = vectors.iter_mut().filter(|known| known.is_none());
            for ((gap, text), vector) in gaps.zip(missing).zip(found.iter()) {
                let vector: Arc<[f32]> = Arc::from(vector);
                self.remember(text, Arc::clone(&vector));
                *gap = Some(vector);
            }
        }
        let values = vectors.iter().flatten().flat_map(|vector| vector.iter().copied()).collect();
        Ok(Embeddings::new(self.info().dimensions, values))
    }
}

/// Vectors by text, each with the moment it was last asked for.
#[derive(Debug, Default)]
struct Recent {
    vectors: HashMap<String, (u64, Arc<[f32]>)>,
    now: u64,
}

impl Recent {
    fn find(&mut self, text: &str) -> Option<Arc<[f32]>> {
        self.now += 1;
        let (used, vector) = self.vectors.get_mut(text)?;
        *used = self.now;
        Some(Arc::clone(vector))
    }

    /// Forgets what was asked for longest ago; looking for it costs less than embedding one word.
    fn insert(&mut self, text: String, vector: Arc<[f32]>) {
        self.now += 1;
        if self.vectors.len() >= CAPACITY
            && let Some(oldest) = self.vectors.iter().min_by_key(|(_, (used, _))| *used)
        {
            let oldest = oldest.0.clone();
            self.vectors.remove(&oldest);
        }
        self.vectors.insert(text, (self.now, vector));
    }
}
