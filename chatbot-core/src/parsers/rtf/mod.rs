//! Rich text: paragraphs, headings, lists, tables and notes.
//!
//! A small reader of our own, because what matters (which encoding a byte is in, what is hidden, where a note belongs) is
//! most of what a reader of rich text does. Groups are a stack of small values, not calls, and of bounded depth.
//! Pictures, objects, headers and what lists are made from are passed over.

mod charsets;
mod facts;
mod reader;
mod text;
mod tokens;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{ParseLimits, Parser};
use crate::types::{MediaType, ParsedDocument, RawDocument};

use super::assemble::Assembly;
use super::watch::Watch;

/// Rich text.
const RTF: MediaType = MediaType::from_static("application/rtf");

/// Reads rich text (`.rtf`).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct RtfParser {}

impl Parser for RtfParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[RTF];
        TYPES
    }

    fn parse(
        &self,
        ctx: &Context,
        media_type: &MediaType,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        let watch = Watch::begin(ctx, limits)?;
        let mut assembly = Assembly::new(&watch);
        let facts = reader::read(&raw.bytes, &mut assembly)?;
        Ok(assembly.finish_titled(media_type, facts))
    }
}

/// Adds the text of a piece of rich text inside another format.
pub(super) fn append_rich_text(assembly: &mut Assembly<'_>, bytes: &[u8]) -> Result<()> {
    reader::read(bytes, assembly).map(|_| ())
}
