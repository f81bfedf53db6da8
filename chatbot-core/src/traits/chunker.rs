//! Where a text is cut.

use crate::context::Context;
use crate::error::Result;
use crate::types::{ChunkSpec, ParsedDocument};

/// Cuts a parsed document into chunks.
pub trait Chunker: Send + Sync + std::fmt::Debug {
    /// The chunks, in order.
    ///
    /// # Shape
    /// Spans lie on character boundaries, are not empty, start in order, and together cover all of the text that is
    /// not white space. Consecutive spans may overlap.
    ///
    /// # Errors
    /// `cancelled`, `timeout`.
    fn chunk(&self, ctx: &Context, document: &ParsedDocument) -> Result<Vec<ChunkSpec>>;
}
