//! Chunkers: where a text is cut.

mod cut;
mod pages;
mod structure;

pub use structure::{ChunkerConfig, StructureChunker};
