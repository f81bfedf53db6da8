//! Kinds of text with a structure of their own: tables, records, markup, subtitles, notebooks.
//!
//! A reader for each kind writes headings, rows, items and code into the same [`Assembly`]; none of them needs more than
//! one pass and a few lines of memory beside the text. A text that is not what its name says (a `.json` that is none) is
//! read as plain text, with a warning: its words are there all the same.

mod asciidoc;
mod delimited;
mod json;
mod latex;
mod markup;
mod notebook;
mod org;
mod restructured;
mod subtitles;
mod xml;

use std::sync::LazyLock;

use crate::context::Context;
use crate::error::{Reason, Result};
use crate::traits::{ParseLimits, Parser};
use crate::types::{BlockKind, MediaType, ParsedDocument, RawDocument, Warning};

use super::PlainTextParser;
use super::assemble::{Assembly, Facts, one_line};
use super::plain::{Decoded, decode};
use super::watch::Watch;

/// Longer values are texts rather than facts.
const LONG_VALUE_BYTES: usize = 160;

/// What a reader writes to.
struct Page<'a> {
    watch: &'a Watch<'a>,
    assembly: Assembly<'a>,
    facts: Facts,
}

impl Page<'_> {
    /// A value with the names that lead to it: a line by itself, or paragraphs where it is a text.
    fn value(&mut self, path: &str, value: &str) -> Result<()> {
        if value.trim().is_empty() {
            return Ok(());
        }
        let lead = if path.is_empty() { String::new() } else { format!("{path}: ") };
        if value.len() <= LONG_VALUE_BYTES {
            return self.assembly.block(BlockKind::ListItem, &format!("{lead}{}", one_line(value)));
        }
        let mut lead = lead.as_str();
        for paragraph in value.split("\n\n") {
            self.assembly.block(BlockKind::Paragraph, &format!("{lead}{paragraph}"))?;
            lead = "";
        }
        Ok(())
    }
}

/// `Ok(false)` where the text is not of the kind.
type Read = fn(&str, &mut Page<'_>) -> Result<bool>;

const KINDS: &[(&str, Read)] = &[
    ("text/csv", delimited::read),
    ("text/tab-separated-values", delimited::read),
    ("application/json", json::read),
    ("application/x-ndjson", json::read),
    ("application/x-ipynb+json", notebook::read),
    ("application/xml", xml::read),
    ("text/vtt", subtitles::read),
    ("application/x-subrip", subtitles::read),
    ("text/x-rst", restructured::read),
    ("text/asciidoc", asciidoc::read),
    ("text/x-org", org::read),
    ("application/x-tex", latex::read),
];

static MEDIA_TYPES: LazyLock<Vec<MediaType>> =
    LazyLock::new(|| KINDS.iter().map(|(name, _)| MediaType::from_static(name)).collect());

/// Reads CSV, JSON, XML, notebooks, subtitles, reStructuredText, AsciiDoc, Org and LaTeX.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct StructuredTextParser {}

impl Parser for StructuredTextParser {
    fn media_types(&self) -> &[MediaType] {
        &MEDIA_TYPES
    }

    fn parse(
        &self,
        ctx: &Context,
        media_type: &MediaType,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        let watch = Watch::begin(ctx, limits)?;
        let Decoded { text, warnings } = decode(&raw.bytes);
        let facts = Facts { warnings, ..Facts::default() };
        let mut page = Page { watch: &watch, assembly: Assembly::new(&watch), facts };
        let read =
            KINDS.iter().find(|(name, _)| *name == media_type.as_str()).map(|(_, read)| read);
        if !read.map_or(Ok(false), |read| read(&text, &mut page))? {
            return plain(ctx, media_type, raw, limits);
        }
        let document = page.assembly.finish_titled(media_type, page.facts);
        // Markup and nothing else: better its signs than nothing.
        if document.text.trim().is_empty() {
            plain(ctx, media_type, raw, limits)
        } else {
            Ok(document)
        }
    }
}

fn plain(
    ctx: &Context,
    media_type: &MediaType,
    raw: &RawDocument,
    limits: &ParseLimits,
) -> Result<ParsedDocument> {
    let mut document = PlainTextParser::default().parse(ctx, media_type, raw, limits)?;
    if document.text.trim().is_empty() {
        return Err(crate::error::Error::parse(Reason::Empty, "The document has no text in it."));
    }
    document.warnings.push(Warning::new(
        "read_as_plain_text",
        format!("The text is not what {media_type} should be; it was read as plain text."),
    ));
    Ok(document)
}
