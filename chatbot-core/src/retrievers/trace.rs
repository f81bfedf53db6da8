//! Steps of a trace.

use std::time::Instant;

use crate::types::TraceStep;

/// A step that began then and ended now.
pub(super) fn step(name: &str, n_candidates: usize, began: Instant) -> TraceStep {
    TraceStep {
        name: name.to_owned(),
        n_candidates,
        took_ms: began.elapsed().as_secs_f64() * 1e3,
        details: serde_json::Map::new(),
    }
}
