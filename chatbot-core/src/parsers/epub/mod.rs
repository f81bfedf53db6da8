//! E-books: the chapters in the order in which they are read, each through the HTML parser.
//!
//! Tables of contents are left out: they repeat the headings and say nothing. A title that only the list of the book states
//! stands at the beginning, as it does on the cover.

mod book;

use std::collections::HashSet;

use crate::context::Context;
use crate::error::{Error, Reason, Result};
use crate::traits::{ParseLimits, Parser};
use crate::types::{BlockKind, MediaType, ParsedDocument, RawDocument};

use super::assemble::{Assembly, Facts};
use super::formats::EPUB;
use super::html::append_xhtml;
use super::package::xml::{Node, Xml};
use super::package::{Package, statements};
use super::registry::corrupt;
use super::watch::Watch;
use book::Book;

/// Fonts that are only garbled, as their licences demand; their text is not touched.
const FONT_ALGORITHMS: &[&str] =
    &["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"];

/// A cover, a half title and a title page.
const FIRST_PAGES: usize = 3;

/// Reads e-books (`.epub`).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct EpubParser {}

impl Parser for EpubParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[EPUB];
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
        refuse_encrypted(&mut package, &watch)?;
        let path = book_path(&mut package, &watch)?;
        let text = package.part(&path)?.ok_or_else(incomplete)?;
        let book = Book::read(&text, &path, &watch)?;
        let facts = facts(&text, &watch)?;
        drop(text);
        let mut assembly = Assembly::new(&watch);
        if let Some(title) = &facts.title
            && !says_its_title(&book, title, &mut package, &watch)?
        {
            assembly.block(BlockKind::Heading { level: 1 }, title)?;
        }
        let mut read = HashSet::new();
        for chapter in &book.chapters {
            if !read.insert(chapter.as_str()) {
                continue;
            }
            if let Some(page) = package.part(chapter)? {
                append_xhtml(&mut assembly, &watch, &page)?;
            }
        }
        Ok(assembly.finish_titled(media_type, facts))
    }
}

/// Whether the first pages of a book say what it is called: the cover of many is a picture.
fn says_its_title(
    book: &Book,
    title: &str,
    package: &mut Package<'_>,
    watch: &Watch<'_>,
) -> Result<bool> {
    let mut pages = Assembly::new(watch);
    for chapter in book.chapters.iter().take(FIRST_PAGES) {
        if let Some(page) = package.part(chapter)? {
            append_xhtml(&mut pages, watch, &page)?;
        }
    }
    let text = pages.finish(EPUB, Facts::default()).text;
    Ok(plain_words(&text).contains(&plain_words(title)))
}

/// The words of `text` in lower case, whatever stands between them.
fn plain_words(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

fn incomplete() -> Error {
    corrupt("The e-book has no list of its chapters. Get it again and add the new file.")
}

/// The part that lists the chapters.
fn book_path(package: &mut Package<'_>, watch: &Watch<'_>) -> Result<String> {
    let container = package.part("META-INF/container.xml")?.ok_or_else(incomplete)?;
    let mut xml = Xml::new(&container, watch);
    while let Some(node) = xml.next()? {
        let Node::Start(element) = node else { continue };
        if element.name() == "rootfile"
            && let Some(path) = element.attribute("full-path")
        {
            return Ok(path);
        }
    }
    Err(incomplete())
}

/// Books under digital rights management list what is encrypted.
fn refuse_encrypted(package: &mut Package<'_>, watch: &Watch<'_>) -> Result<()> {
    let Some(list) = package.part("META-INF/encryption.xml")? else { return Ok(()) };
    let mut xml = Xml::new(&list, watch);
    while let Some(node) = xml.next()? {
        let Node::Start(element) = node else { continue };
        let algorithm = element.attribute("Algorithm").unwrap_or_default();
        let method = element.name() == "EncryptionMethod";
        if method && !FONT_ALGORITHMS.contains(&algorithm.as_str()) {
            return Err(Error::parse(
                Reason::Encrypted,
                "The e-book is protected against copying. Add an edition of it that is not.",
            ));
        }
    }
    Ok(())
}

/// What the book says about itself.
fn facts(text: &str, watch: &Watch<'_>) -> Result<Facts> {
    let mut facts = Facts::default();
    let mut authors = Vec::new();
    for (name, value) in statements(text, watch)? {
        match name.as_str() {
            "title" => facts.offer_title(&value),
            "creator" => authors.push(value),
            "language" => facts.note("lang", &value),
            "date" => facts.note("date", &value),
            "publisher" | "description" => facts.note(&name, &value),
            _ => {}
        }
    }
    facts.note("author", &authors.join(", "));
    Ok(facts)
}
