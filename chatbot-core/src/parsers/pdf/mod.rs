//! PDF: text with its reading order, page by page.
//!
//! The file's objects, encryption and fonts are read by a crate; which glyphs stand where is found out by walking the
//! content streams here, because only our own walk can be stopped, bounded and asked for what a reader needs. From
//! the places of the glyphs come words, lines, columns, paragraphs and headings: rules of thumb, each with its reason.
//!
//! A page that is a picture is handed out as one, where somebody else can read it.
//!
//! Deliberately not here: character recognition, drawing, and the layers and forms of interactive documents.

mod bidi;
mod columns;
mod content;
mod fonts;
mod geometry;
mod glyph_text;
mod images;
mod lines;
mod open;
mod paragraphs;
mod scan;
mod streams;
mod title;
mod unicode;

use hayro_syntax::Pdf;

use crate::context::Context;
use crate::error::{Error, Reason, Result};
use crate::traits::{ParseLimits, Parser};
use crate::types::{BlockKind, MediaType, ParsedDocument, RawDocument, Warning};

use super::assemble::{Assembly, Facts};
use super::pictures::{Pictures, Wanted};
use super::registry::corrupt;
use super::watch::{Watch, exceeded};
use content::PageReader;
use geometry::Glyphs;
use paragraphs::{Headings, Paragraph, paragraphs};

/// Damaged files may nest deeply; the main thread's usual stack is kept for them.
const STACK_BYTES: usize = 16 << 20;
/// Forms inside forms; deeper ones draw themselves.
const MAX_FORM_DEPTH: usize = 16;
/// Saved states; more are a loop.
const MAX_STATES: usize = 512;
/// A page in which more glyphs than this share stand for no known character cannot be read.
const MAX_UNKNOWN_SHARE: f64 = 0.3;

/// Reads PDF documents that have a text layer.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct PdfParser {}

impl Parser for PdfParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[MediaType::PDF];
        TYPES
    }

    fn parse(
        &self,
        ctx: &Context,
        media_type: &MediaType,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        with_stack(|| Reading::new(&Watch::new(ctx, limits)).read(media_type, raw))
    }
}

/// Does `work` where damaged files may nest deeply.
fn with_stack<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("pdf".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work);
        let thread = thread.map_err(|error| {
            Error::internal("A thread for reading the document could not start.").with_source(error)
        })?;
        thread.join().unwrap_or_else(|_| {
            Err(corrupt("The PDF is damaged. Print it to a new PDF and add that."))
        })
    })
}

/// The pages that show pictures and no text that could be read.
pub(super) fn pictures(
    ctx: &Context,
    raw: &RawDocument,
    wanted: &Wanted,
    limits: &ParseLimits,
) -> Result<Pictures> {
    with_stack(|| read_pictures(&Watch::new(ctx, limits), raw, wanted))
}

fn read_pictures(watch: &Watch<'_>, raw: &RawDocument, wanted: &Wanted) -> Result<Pictures> {
    let pdf = open(raw, watch)?;
    let mut found = Pictures::new(MediaType::PDF, pdf.pages().len());
    let facts = title::facts(pdf.metadata());
    (found.title, found.metadata) = (facts.title, facts.metadata);
    let mut reader = PageReader::new(&pdf, watch);
    for (page, number) in pdf.pages().iter().zip(1..) {
        watch.check()?;
        if !wanted.includes(number) {
            continue;
        }
        if found.is_full(wanted) {
            found.next = Some(number);
            break;
        }
        let text = reader.glyphs(page)?;
        let canvas = scan::page(page, &text, watch)?;
        found.pictures.extend(canvas.map(|canvas| canvas.finish(number)));
    }
    Ok(found)
}

fn open(raw: &RawDocument, watch: &Watch<'_>) -> Result<Pdf> {
    watch.check()?;
    let pdf = open::open(raw)?;
    if pdf.pages().len() > watch.limits().max_pages {
        return Err(exceeded("The PDF has more pages than allowed. Split it."));
    }
    Ok(pdf)
}

/// Whether too many glyphs of a page stand for no known character.
fn is_unreadable(text: &Glyphs) -> bool {
    let unknown = text.n_unknown as f64;
    unknown > MAX_UNKNOWN_SHARE * (text.n_known as f64 + unknown)
}

struct Reading<'w> {
    watch: &'w Watch<'w>,
    pages: Vec<Vec<Paragraph>>,
    n_blank: usize,
    n_unreadable: usize,
    n_damaged: usize,
}

impl<'w> Reading<'w> {
    fn new(watch: &'w Watch<'w>) -> Self {
        Self { watch, pages: Vec::new(), n_blank: 0, n_unreadable: 0, n_damaged: 0 }
    }

    fn read(mut self, media_type: &MediaType, raw: &RawDocument) -> Result<ParsedDocument> {
        let pdf = open(raw, self.watch)?;
        self.read_pages(&pdf)?;
        let mut facts = title::facts(pdf.metadata());
        if self.pages.iter().all(Vec::is_empty) {
            return Err(self.nothing(pdf.pages().len()));
        }
        self.warn(&mut facts);
        let headings = Headings::of(self.pages.iter().flatten());
        let mut assembly = Assembly::new(self.watch);
        for (page, number) in self.pages.iter().zip(1..) {
            assembly.begin_page(number);
            for paragraph in page {
                let kind = match headings.level(paragraph) {
                    Some(level) => BlockKind::Heading { level },
                    None => paragraph.kind,
                };
                assembly.block(kind, &paragraph.text)?;
            }
        }
        Ok(assembly.finish_titled(media_type, facts))
    }

    fn read_pages(&mut self, pdf: &Pdf) -> Result<()> {
        let mut reader = PageReader::new(pdf, self.watch);
        let mut n_bytes = 0;
        for page in pdf.pages().iter() {
            self.watch.check()?;
            let glyphs = reader.glyphs(page)?;
            self.n_damaged += usize::from(glyphs.damaged);
            let unreadable = is_unreadable(&glyphs);
            self.n_unreadable += usize::from(unreadable);
            let page = paragraphs(&lines::regions(&glyphs, self.watch)?);
            self.n_blank += usize::from(page.is_empty() && !unreadable);
            n_bytes += page.iter().map(|paragraph| paragraph.text.len()).sum::<usize>();
            self.watch.text_len(n_bytes)?;
            self.pages.push(page);
        }
        Ok(())
    }

    /// Why there is no text.
    fn nothing(&self, n_pages: usize) -> Error {
        if n_pages == 0 || self.n_damaged == n_pages {
            return corrupt("The PDF is damaged: no page can be read. Print it to a new PDF.");
        }
        if self.n_unreadable > 0 {
            return Error::parse(
                Reason::NoTextLayer,
                "The fonts of this PDF do not say which characters they show, so its text cannot be read. Save it \
                 again with embedded fonts, or add the original document.",
            );
        }
        Error::parse(
            Reason::NoTextLayer,
            "The pages of this PDF are pictures without a text layer. Where the program `tesseract` is installed beside the \
             server, it reads them (setting `parsing.ocr`); or run character recognition over the file and add the result.",
        )
    }

    fn warn(&self, facts: &mut Facts) {
        let mut warn = |n: usize, code: &str, what: &str| {
            if n > 0 {
                let pages = if n == 1 { "page" } else { "pages" };
                facts.warnings.push(Warning::new(code, format!("{n} {pages} {what}")));
            }
        };
        warn(self.n_blank, "pages_without_text", "without text: blank, or pictures.");
        warn(self.n_unreadable, "unreadable_fonts", "with fonts that hide their characters.");
        warn(self.n_damaged, "damaged_pages", "damaged; what could be read is kept.");
    }
}
