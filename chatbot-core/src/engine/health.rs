//! Whether every part answers.

use std::time::Instant;

use super::Engine;
use crate::error::Error;

/// The health of one part.
#[derive(Debug)]
pub struct ComponentHealth {
    /// `store`, `index` or `dense_index`.
    pub name: &'static str,
    /// What is wrong with it, where something is.
    pub error: Option<Error>,
    /// How long it took to answer.
    pub latency_ms: f64,
}

impl Engine {
    pub(crate) async fn health(&self) -> Vec<ComponentHealth> {
        let began = Instant::now();
        let store = self.store().last_change(&self.ctx).await.err();
        let store = component("store", store, began);
        let mut components = vec![store];
        for (name, projection) in ["index", "dense_index"].into_iter().zip(self.projections()) {
            let began = Instant::now();
            let index = projection.index.checkpoint(&self.ctx).await.err();
            components.push(component(name, index, began));
        }
        components
    }
}

fn component(name: &'static str, error: Option<Error>, began: Instant) -> ComponentHealth {
    ComponentHealth { name, error, latency_ms: began.elapsed().as_secs_f64() * 1e3 }
}
