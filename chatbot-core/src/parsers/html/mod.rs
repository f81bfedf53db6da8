//! HTML: what a reader sees of a page, without its menus.
//!
//! A tokenizer that follows the standard and a flat list of elements do here what a browser's tree does: the text is
//! wanted, not the page. Nothing recurses, so no nesting is too deep, and everything is linear in the bytes.

mod charset;
mod element;
mod events;
mod write;
mod xhtml;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{ParseLimits, Parser};
use crate::types::{BlockKind, MediaType, ParsedDocument, RawDocument};

use super::assemble::{Assembly, Facts};
use super::plain::{Decoded, decode_as};
use super::watch::Watch;

/// Reads HTML pages.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct HtmlParser {}

impl Parser for HtmlParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[MediaType::HTML];
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
        let Decoded { text, warnings } = decode_as(&raw.bytes, charset::stated(&raw.bytes));
        let page = events::read(&text, &watch)?;
        let mut facts = Facts { warnings, ..Facts::default() };
        facts.offer_title(&page.title);
        for (key, value) in &page.facts {
            facts.note(key, value);
        }
        let mut assembly = Assembly::new(&watch);
        // A page without a heading says in its title alone what it is about.
        if !page.has_heading() {
            assembly.block(BlockKind::Heading { level: 1 }, &page.title)?;
        }
        write::write(&page, page.main_content(), &mut assembly, &watch)?;
        Ok(assembly.finish_titled(media_type, facts))
    }
}

/// Adds what a reader sees of a piece of HTML inside another format.
pub(super) fn append_html(
    assembly: &mut Assembly<'_>,
    watch: &Watch<'_>,
    html: &str,
) -> Result<()> {
    let page = events::read(html, watch)?;
    write::write(&page, page.everything(), assembly, watch)
}

/// [`append_html`] for a page that is written as XML.
pub(super) fn append_xhtml(
    assembly: &mut Assembly<'_>,
    watch: &Watch<'_>,
    page: &str,
) -> Result<()> {
    append_html(assembly, watch, &xhtml::with_end_tags(page))
}
