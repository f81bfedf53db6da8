//! Word documents: the text a reader sees, as the document's author left it.
//!
//! The container is unpacked part by part within a budget, and its XML is walked event by event, so that neither size
//! nor nesting of a document decides how much memory it takes. Deleted revisions and hidden text are left out.

mod body;
mod numbering;
mod paragraph;
mod styles;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{ParseLimits, Parser};
use crate::types::{BlockKind, MediaType, ParsedDocument, RawDocument};

use super::assemble::Assembly;
use super::package::{Package, core_facts, related};
use super::registry::corrupt;
use super::watch::Watch;
use body::Body;
use numbering::Numbering;
use styles::Styles;

/// Reads Word documents (`.docx`, `.docm`, `.dotx`).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct DocxParser {}

impl Parser for DocxParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[MediaType::DOCX];
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
        let mut package = Package::open(&raw.bytes, &watch)?;
        let main = package.main_part("word/document.xml")?;
        let relations = package.relations(&main)?;
        let facts = core_facts(&mut package, &watch)?;
        let text = package.part(&main)?.ok_or_else(|| {
            corrupt("The Word document has no text part. Save it again and add the new file.")
        })?;
        let mut assembly = Assembly::new(&watch);
        let mut body = Body {
            styles: Styles::read(related(&mut package, &relations, "styles")?.as_deref(), &watch)?,
            numbering: Numbering::read(
                related(&mut package, &relations, "numbering")?.as_deref(),
                &watch,
            )?,
            relations: &relations,
            package: &mut package,
            watch: &watch,
        };
        body.write(&text, &mut assembly)?;
        drop(text);
        for kind in ["footnotes", "endnotes"] {
            if let Some(notes) = related(body.package, &relations, kind)? {
                body.write_notes(&notes, &mut assembly)?;
            }
        }
        Ok(assembly.finish_titled(media_type, facts))
    }
}

/// What a block of a Word document is.
fn block_kind(heading: Option<u8>, style: &styles::Look) -> BlockKind {
    match heading {
        Some(level) => BlockKind::Heading { level },
        None => style.kind,
    }
}
