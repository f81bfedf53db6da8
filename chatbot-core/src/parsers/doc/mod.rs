//! Old Word documents (Word 6 to 2003): paragraphs, headings, lists, tables and notes.
//!
//! The text of a document lies in pieces all over one stream; tables beside it say where each piece is, and what the
//! paragraphs and characters at each place look like. Deleted and hidden text is left out. Source: [MS-DOC].

mod header;
mod looks;
mod pieces;
mod story;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::traits::{ParseLimits, Parser};
use crate::types::{MediaType, ParsedDocument, RawDocument};

use super::assemble::Assembly;
use super::formats::DOC;
use super::ole::Ole;
use super::registry::corrupt;
use super::watch::Watch;
use header::Header;
use looks::Looks;
use pieces::Pieces;

/// Reads old Word documents (`.doc`, `.dot`).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct DocParser {}

impl Parser for DocParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[DOC];
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
        let file = Ole::open(&raw.bytes, &watch)?;
        let stream = file.stream("WordDocument")?.ok_or_else(damaged)?;
        let header = Header::read(&stream)?;
        let tables = match header.table_stream {
            Some(name) => file.stream(name)?.unwrap_or_default(),
            None => Vec::new(),
        };
        let pieces = Pieces::read(&header, &tables).ok_or_else(damaged)?;
        let looks = Looks::read(&header, &stream, &tables, &watch)?;
        let mut assembly = Assembly::new(&watch);
        story::write(&header, (&stream, &pieces, &looks), &mut assembly)?;
        let facts = file.facts()?;
        Ok(assembly.finish_titled(media_type, facts))
    }
}

fn damaged() -> Error {
    corrupt("The Word document is damaged or incomplete. Save it again and add the new file.")
}
