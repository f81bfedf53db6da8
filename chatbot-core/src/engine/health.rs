//! Whether every part answers.

use std::time::Instant;

use super::Engine;
use crate::error::Error;
use crate::types::EmbeddingProgress;

/// The health of one part.
#[derive(Debug)]
pub struct ComponentHealth {
    /// `store`, `index`, `dense_index`, `previous_dense_index` or `embedder`.
    pub name: &'static str,
    /// What is wrong with it, where something is.
    pub error: Option<Error>,
    /// How long it took to answer.
    pub latency_ms: f64,
    /// Whether nothing works without it.
    pub is_needed: bool,
    /// How far the embedding has come, for the embedder.
    pub progress: Option<EmbeddingProgress>,
}

impl Engine {
    pub(crate) async fn health(&self) -> Vec<ComponentHealth> {
        let began = Instant::now();
        let store = self.store().last_change(&self.ctx).await.err();
        let store = component("store", store, began);
        let mut components = vec![store];
        for (name, projection) in
            ["index", "dense_index", "previous_dense_index"].into_iter().zip(self.projections())
        {
            let began = Instant::now();
            let index = projection.index.checkpoint(&self.ctx).await.err();
            components.push(component(name, index, began));
        }
        components.extend(self.embedder_health().await);
        components
    }

    /// Without an embedder, answers still come by words; so nobody is sent away because it is down.
    async fn embedder_health(&self) -> Option<ComponentHealth> {
        self.parts.embedder.as_ref()?;
        let began = Instant::now();
        let (error, progress) = match self.embedding_progress().await {
            Ok(progress) => (self.embedding.failure(), Some(progress)),
            Err(error) => (Some(error), None),
        };
        let part = component("embedder", error, began);
        Some(ComponentHealth { is_needed: false, progress, ..part })
    }
}

fn component(name: &'static str, error: Option<Error>, began: Instant) -> ComponentHealth {
    let latency_ms = began.elapsed().as_secs_f64() * 1e3;
    ComponentHealth { name, error, latency_ms, is_needed: true, progress: None }
}
