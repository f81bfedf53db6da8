//! Picks the parser for a document and vouches for what it returns.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::context::Context;
use crate::error::{Error, Reason, Result};
use crate::traits::{ParseLimits, Parser};
use crate::types::{MediaType, ParsedDocument, RawDocument, Span};

use super::formats::{ENCRYPTED_OFFICE, unsupported};
use super::parts::{LeftOut, Omissions};
use super::pictures::is_picture;
use super::{PlainTextParser, detect};

/// The parsers a build has, and those a host added.
#[derive(Debug, Clone)]
pub struct Parsers {
    all: Vec<Arc<dyn Parser>>,
    /// How many of them, from the first on, the host added.
    n_added: usize,
}

impl Default for Parsers {
    fn default() -> Self {
        Self::with(Vec::new())
    }
}

impl Parsers {
    /// The parsers of this build, behind `first`, which are asked before them.
    #[must_use]
    pub fn with(first: Vec<Arc<dyn Parser>>) -> Self {
        let n_added = first.len();
        let mut parsers = first;
        #[cfg(feature = "documents")]
        parsers.extend([
            Arc::new(super::PdfParser::default()) as Arc<dyn Parser>,
            Arc::new(super::DocxParser::default()),
            Arc::new(super::DocParser::default()),
            Arc::new(super::XlsxParser::default()),
            Arc::new(super::XlsParser::default()),
            Arc::new(super::PptParser::default()),
            Arc::new(super::PptxParser::default()),
            Arc::new(super::OdfParser::default()),
            Arc::new(super::EpubParser::default()),
            Arc::new(super::RtfParser::default()),
            Arc::new(super::HtmlParser::default()),
            Arc::new(super::MarkdownParser::default()),
            Arc::new(super::MailParser::default()),
            Arc::new(super::OutlookParser::default()),
            Arc::new(super::MboxParser::default()),
            Arc::new(super::ZipParser::default()),
            Arc::new(super::StructuredTextParser::default()),
        ]);
        parsers.push(Arc::new(PlainTextParser::default()));
        Self { all: parsers, n_added }
    }

    /// Recognises `raw` and reads it. Blocks; runs on a thread that may.
    ///
    /// # Errors
    /// `parse_failed` with its reason: `unsupported_format` where nobody reads the format, `empty`, `no_text_layer`,
    /// `encrypted`, `corrupt`, `limit_exceeded`; `cancelled` and `timeout` as the context says.
    pub fn parse(
        &self,
        ctx: &Context,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        ctx.check()?;
        if raw.bytes.is_empty() {
            return Err(empty());
        }
        let media_type = self.recognise(raw);
        let parser = self.parser(&media_type).ok_or_else(|| unsupported(&media_type))?;
        let parse = || parser.parse(ctx, &media_type, raw, limits);
        let document = catch_unwind(AssertUnwindSafe(parse))
            .map_err(|_| corrupt("The document is damaged in a way that its parser cannot handle."))
            .flatten()
            .map_err(|error| error.with_context("media_type", &media_type))?;
        accept(self.with_readable_parts(document, limits)?)
    }

    /// Leaves out the parts that nobody reads. One that is protected stays: it says so itself.
    fn with_readable_parts(
        &self,
        mut document: ParsedDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        let mut omissions = Omissions::default();
        document.parts.retain(|part| {
            let (name, declared) = (part.name.clone(), part.declared.clone());
            let kind = self.recognise(&RawDocument { name, declared, bytes: part.bytes.clone() });
            let is_readable = kind == ENCRYPTED_OFFICE
                || self.parser(&kind).is_some()
                || (limits.pictures && is_picture(&kind));
            if !is_readable {
                omissions.add(&part.name, LeftOut::Unread);
            }
            is_readable
        });
        let is_blank = document.text.trim().is_empty() && document.parts.is_empty();
        if is_blank && !omissions.is_empty() {
            return Err(nothing_readable().with_context("media_type", &document.media_type));
        }
        document.warnings.extend(omissions.warnings());
        Ok(document)
    }

    /// What `raw` is. A kind of text that only a parser of the host's own knows is told by what it was declared as.
    pub(super) fn recognise(&self, raw: &RawDocument) -> MediaType {
        let detected = detect(raw);
        let is_text = [MediaType::TEXT, MediaType::HTML].contains(&detected);
        let added = || self.all.iter().take(self.n_added);
        let wanted =
            |declared: &&MediaType| added().any(|parser| parser.media_types().contains(*declared));
        raw.declared.as_ref().filter(|_| is_text).filter(wanted).cloned().unwrap_or(detected)
    }

    /// Whether the host brought a parser of its own for this.
    pub(super) fn is_added(&self, media_type: &MediaType) -> bool {
        let mut added = self.all.iter().take(self.n_added);
        added.any(|parser| parser.media_types().contains(media_type))
    }

    fn parser(&self, media_type: &MediaType) -> Option<&Arc<dyn Parser>> {
        self.all.iter().find(|parser| parser.media_types().contains(media_type)).or_else(|| {
            // Without the parser for it, a kind of text is still text.
            let textual = [MediaType::HTML, MediaType::MARKDOWN].contains(media_type);
            self.all.last().filter(|_| textual)
        })
    }
}

fn accept(document: ParsedDocument) -> Result<ParsedDocument> {
    if document.text.trim().is_empty() && document.parts.is_empty() {
        return Err(empty());
    }
    match broken_promise(&document) {
        None => Ok(document),
        Some(broken) => Err(Error::internal("A parser returned a text with a wrong structure.")
            .with_context("promise", broken)
            .with_context("media_type", &document.media_type)),
    }
}

/// Which promise of [`ParsedDocument`] `document` breaks, where it breaks one. Linear in its blocks and text.
#[must_use]
pub fn broken_promise(document: &ParsedDocument) -> Option<&'static str> {
    let text = document.text.as_str();
    let pages = || document.pages.iter().map(|page| page.span);
    let blocks = || document.blocks.iter().map(|block| block.span);
    if !in_order(text, blocks()) {
        return Some("blocks are in order, inside the text and do not overlap");
    }
    if !in_order(text, pages()) {
        return Some("pages are in order, inside the text and do not overlap");
    }
    if !document.pages.windows(2).all(|pair| matches!(pair, [a, b] if a.number < b.number)) {
        return Some("page numbers rise");
    }
    let mut end = 0;
    for span in blocks() {
        if text.get(end..span.start).is_none_or(|gap| !gap.trim().is_empty()) {
            return Some("text between blocks is white space");
        }
        end = span.end;
    }
    let rest_is_blank = text.get(end..).is_some_and(|rest| rest.trim().is_empty());
    if !rest_is_blank {
        return Some("text after the last block is white space");
    }
    let mut names: Vec<&str> = document.parts.iter().map(|part| part.name.as_str()).collect();
    names.sort_unstable();
    let is_path = |name: &&str| name.split('/').all(|step| !matches!(step, "" | "." | ".."));
    if !names.iter().all(is_path) {
        return Some("names of parts are paths that lead nowhere else");
    }
    let differ = names.windows(2).all(|pair| !matches!(pair, [a, b] if a == b));
    (!differ).then_some("names of parts differ")
}

fn in_order(text: &str, spans: impl Iterator<Item = Span>) -> bool {
    let mut end = 0;
    for span in spans {
        if span.start < end || span.slice(text).is_none() {
            return false;
        }
        end = span.end;
    }
    true
}

fn nothing_readable() -> Error {
    Error::parse(
        Reason::UnsupportedFormat,
        "There are files in it, but none whose format can be read. Add the text of them in another format.",
    )
}

fn empty() -> Error {
    Error::parse(Reason::Empty, "The document has no text in it.")
}

pub(super) fn corrupt(message: &'static str) -> Error {
    Error::parse(Reason::Corrupt, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use bytes::Bytes;

    #[derive(Debug)]
    struct Panicking;

    impl Parser for Panicking {
        fn media_types(&self) -> &[MediaType] {
            const TYPES: &[MediaType] = &[MediaType::TEXT];
            TYPES
        }

        fn parse(
            &self,
            _: &Context,
            _: &MediaType,
            _: &RawDocument,
            _: &ParseLimits,
        ) -> Result<ParsedDocument> {
            panic!("as a broken parser does")
        }
    }

    fn raw(bytes: &'static [u8]) -> RawDocument {
        RawDocument { name: "a".into(), declared: None, bytes: Bytes::from_static(bytes) }
    }

    #[test]
    fn a_panicking_parser_is_a_damaged_document_and_a_hosts_parser_comes_first() {
        let parsers = Parsers::with(vec![Arc::new(Panicking)]);
        let error = parsers.parse(&Context::local(), &raw(b"words"), &ParseLimits::default());
        assert_eq!(error.unwrap_err().reason(), Some(Reason::Corrupt));
    }

    #[derive(Debug)]
    struct Shouting;

    impl Parser for Shouting {
        fn media_types(&self) -> &[MediaType] {
            const TYPES: &[MediaType] = &[MediaType::from_static("text/x-log")];
            TYPES
        }

        fn parse(
            &self,
            ctx: &Context,
            _: &MediaType,
            raw: &RawDocument,
            limits: &ParseLimits,
        ) -> Result<ParsedDocument> {
            let mut loud = raw.clone();
            loud.bytes = raw.bytes.to_ascii_uppercase().into();
            PlainTextParser::default().parse(ctx, &MediaType::TEXT, &loud, limits)
        }
    }

    #[test]
    fn a_declared_type_that_only_the_hosts_parser_knows_reaches_it() {
        let parsers = Parsers::with(vec![Arc::new(Shouting)]);
        let read = |name: &str, declared: &str, bytes: &'static [u8]| {
            let (name, declared) = (name.into(), MediaType::parse(declared));
            let raw = RawDocument { name, declared, bytes: Bytes::from_static(bytes) };
            parsers.parse(&Context::local(), &raw, &ParseLimits::default())
        };
        for name in ["a", "a.weird", "a.txt"] {
            assert_eq!(read(name, "text/x-log; charset=utf-8", b"words").unwrap().text, "WORDS");
        }
        assert_eq!(read("a", "text/x-other", b"words").unwrap().text, "words");
        assert_eq!(read("a", "application/pdf", b"words").unwrap().text, "words");
        let binary = read("a", "text/x-log", b"\x7FELF\x02\x01\x01\0\0\0").unwrap_err();
        assert_eq!(binary.reason(), Some(Reason::UnsupportedFormat), "the bytes decide");
    }

    #[test]
    fn nothing_and_white_space_are_empty() {
        for bytes in [b"".as_slice(), b" \n\t"] {
            let error =
                Parsers::default().parse(&Context::local(), &raw(bytes), &ParseLimits::default());
            let error = error.unwrap_err();
            assert_eq!(
                (error.kind(), error.reason()),
                (ErrorKind::ParseFailed, Some(Reason::Empty))
            );
        }
    }
}
