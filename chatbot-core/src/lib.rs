//! Chat over your own documents: offline, embeddable, every citation checked.

mod background;
mod crash;
pub mod error;
pub mod kernels;
pub mod sse;
pub mod text;
pub mod types;

pub mod config;
mod context;
pub mod traits;

pub mod blobs;
pub mod buses;
pub mod chunkers;
#[cfg(feature = "builtin-embedder")]
pub mod embedders;
#[cfg(feature = "fetching")]
pub mod fetchers;
pub mod guards;
pub mod history;
pub mod indexes;
pub mod layers;
pub mod models;
pub mod parsers;
pub mod retrievers;
pub mod stores;

mod builder;
mod chatbot;
mod engine;
mod strategies;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use builder::ChatbotBuilder;
pub use chatbot::Chatbot;
#[cfg(feature = "sqlite")]
pub use chatbot::{Restore, backup, restore};
pub use context::{Context, ReadSet, Scope};
pub use engine::{
    ComponentHealth, EventStream, Extraction, IngestOptions, IngestReport, NewDocument, Original,
    Turn, TurnRequest, WaitFor,
};
pub use error::{Error, ErrorKind, Reason, Result};
