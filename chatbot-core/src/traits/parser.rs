//! How a format becomes text.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::Result;
use crate::types::{MediaType, ParsedDocument, RawDocument};

/// Reads one family of formats. Runs on a blocking thread.
pub trait Parser: Send + Sync + std::fmt::Debug {
    /// The media types it reads.
    fn media_types(&self) -> &[MediaType];

    /// Reads `raw`, whose bytes were recognised as `media_type`. Looks at the context between steps of long work.
    ///
    /// # Errors
    /// `parse_failed` with its reason (`no_text_layer`, `empty`, `encrypted`, `corrupt`, `limit_exceeded`);
    /// `cancelled`, `timeout`.
    fn parse(
        &self,
        ctx: &Context,
        media_type: &MediaType,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument>;
}

/// Recognises a document's format and reads it with the parser for that: what ingestion calls.
///
/// Where the work happens (a bounded pool of threads, a child process) is the implementation's choice.
#[async_trait]
pub trait DocumentReader: Send + Sync + std::fmt::Debug {
    /// Reads `raw`, whatever it turns out to be.
    ///
    /// # Errors
    /// `parse_failed` with its reason, also for a format nobody reads (`unsupported_format`); `cancelled`, `timeout`.
    async fn read(&self, ctx: &Context, raw: RawDocument) -> Result<ParsedDocument>;
}

/// What parsing one document may cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParseLimits {
    /// Bytes of extracted text.
    pub max_text_bytes: usize,
    /// Bytes that may come out of decompressing parts of the document.
    pub max_unpacked_bytes: u64,
    /// Nesting of the document's structure.
    pub max_depth: usize,
    /// Pages.
    pub max_pages: usize,
    /// Time on the clock.
    pub max_duration: Duration,
    /// Documents inside it, those inside them included.
    pub max_parts: usize,
    /// Bytes of the documents that lie directly inside it.
    pub max_part_bytes: u64,
    /// How deep documents may lie inside documents: an attachment of a message in an archive lies two deep.
    pub max_part_depth: u32,
    /// Whether a picture inside a document is a document too: where somebody reads the text in it.
    pub pictures: bool,
}

impl Default for ParseLimits {
    /// Room for the largest upload (50 MiB) of plain text, and for archives that unpack to ten times that.
    fn default() -> Self {
        Self {
            max_text_bytes: 64 << 20,
            max_unpacked_bytes: 512 << 20,
            max_depth: 256,
            max_pages: 20_000,
            max_duration: Duration::from_secs(120),
            // They become visible in one transaction, for which others wait: 0.4 s for all of them, measured in a build that
            // is not optimised.
            max_parts: 5_000,
            max_part_bytes: 256 << 20,
            // A mail folder in an archive, its messages, what was forwarded with them, and its attachments.
            max_part_depth: 4,
            pictures: false,
        }
    }
}
