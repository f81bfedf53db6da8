//! What the figures are made with: text that reads like language, a server that is measured from outside, a model
//! that answers at once.

pub mod chance;
pub mod client;
pub mod figure;
pub mod hostile;
pub mod ingest;
pub mod instant_model;
pub mod measurement;
pub mod mixture;
pub mod mutation;
pub mod processes;
pub mod prose;
pub mod providers;
pub mod server;
pub mod stats;
pub mod targets;
pub mod turns;

/// Whatever stops a measurement.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// A measurement's result.
pub type Result<T, E = Failure> = std::result::Result<T, E>;
