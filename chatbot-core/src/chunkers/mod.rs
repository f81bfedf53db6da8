//! Chunkers: where a text is cut.

mod cut;
mod outline;
mod pages;
mod structure;

pub use structure::{ChunkerConfig, StructureChunker};
