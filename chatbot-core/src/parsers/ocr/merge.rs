//! A document with what was recognised on its pages.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::error::Result;
use crate::traits::ParseLimits;
use crate::types::{Block, BlockKind, MediaType, Metadata, ParsedDocument, Span, Warning};

use super::super::assemble::{Assembly, Facts};
use super::super::watch::Watch;
use super::words::Recognised;

/// The warning of a document with pages without text; it is said anew.
const BLANK_PAGES: &str = "pages_without_text";

/// What recognition found out about a document.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) media_type: MediaType,
    pub(super) title: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) n_pages: u32,
    pub(super) pages: BTreeMap<u32, Recognised>,
    /// Pages that took too much.
    pub(super) lost: Vec<u32>,
    /// Pages that were one too many, or would have taken too long.
    pub(super) n_left_out: usize,
}

impl Found {
    /// `document` with the pages that were recognised in place of those that it has; `None` stands for one without text.
    pub(super) fn merged(
        self,
        document: Option<ParsedDocument>,
        ctx: &Context,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        let document = document.unwrap_or_else(|| self.without_text());
        let watch = Watch::new(ctx, limits);
        let mut assembly = Assembly::new(&watch);
        let (mut taken, mut n_blank) = (Vec::new(), 0);
        for page in &document.pages {
            assembly.begin_page(page.number);
            let blocks = blocks_of(&document, page.span);
            match self.pages.get(&page.number) {
                Some(found) if says_more(found, &document, page.span) => {
                    taken.push(page.number);
                    for paragraph in &found.paragraphs {
                        assembly.block(BlockKind::Paragraph, paragraph)?;
                    }
                }
                _ => {
                    n_blank += usize::from(blocks.is_empty());
                    for block in blocks {
                        let text = block.span.slice(&document.text).unwrap_or_default();
                        assembly.block(block.kind, text)?;
                    }
                }
            }
        }
        let ParsedDocument { media_type, title, metadata, warnings, .. } = document;
        let mut facts = Facts { title, metadata, warnings };
        facts.warnings.retain(|warning| warning.code != BLANK_PAGES);
        self.mark(&taken, n_blank, &mut facts);
        Ok(assembly.finish(media_type, facts))
    }

    fn without_text(&self) -> ParsedDocument {
        let page = |number| crate::types::PageSpan { number, span: Span::new(0, 0) };
        ParsedDocument {
            media_type: self.media_type.clone(),
            title: self.title.clone(),
            text: String::new(),
            blocks: Vec::new(),
            pages: (1..=self.n_pages).map(page).collect(),
            metadata: self.metadata.clone(),
            warnings: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// Says on which pages the text was recognised, and what was not.
    fn mark(&self, taken: &[u32], n_blank: usize, facts: &mut Facts) {
        let is_unsure = |page: &&u32| self.pages.get(page).is_some_and(|page| !page.is_sure);
        let read = ranges(taken.iter().copied());
        let unsure = ranges(taken.iter().filter(is_unsure).copied());
        let lost = ranges(self.lost.iter().copied());
        if !read.is_empty() {
            facts.metadata.insert("ocr".to_owned(), "tesseract".into());
            facts.metadata.insert("ocr_pages".to_owned(), read.clone().into());
        }
        let left_out = counted(self.n_left_out);
        for (code, what, pages) in [
            ("recognised_text", "Read by character recognition, which can err", named(&read)),
            ("uncertain_text", "Recognised with doubts", named(&unsure)),
            ("pages_not_recognised", "Could not be recognised within the limits", named(&lost)),
            ("pages_not_recognised", "Left out, because it would take too long", left_out),
            (BLANK_PAGES, "Without text, blank or pictures", counted(n_blank)),
        ] {
            let warning = |pages: String| Warning::new(code, format!("{what}: {pages}."));
            facts.warnings.extend(pages.map(warning));
        }
    }
}

fn named(pages: &str) -> Option<String> {
    let several = pages.contains([',', '–']);
    (!pages.is_empty()).then(|| format!("page{} {pages}", if several { "s" } else { "" }))
}

fn counted(n: usize) -> Option<String> {
    (n > 0).then(|| format!("{n} page{}", if n == 1 { "" } else { "s" }))
}

/// Whether more was recognised than the page says itself: under a stamp there is a page, beside a title a drawing.
fn says_more(found: &Recognised, document: &ParsedDocument, page: Span) -> bool {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    let own = page.slice(&document.text).map_or(0, letters);
    found.paragraphs.iter().map(|paragraph| letters(paragraph)).sum::<usize>() > own
}

fn blocks_of(document: &ParsedDocument, page: Span) -> &[Block] {
    let blocks = document.blocks.as_slice();
    let first = blocks.partition_point(|block| block.span.start < page.start);
    let end = blocks.partition_point(|block| block.span.end <= page.end);
    blocks.get(first..end).unwrap_or_default()
}

/// Numbers as people write them: `1–3, 7`.
fn ranges(numbers: impl Iterator<Item = u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let written = |(first, last): (u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    };
    ranges.into_iter().map(written).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::PageSpan;

    fn page(text: &str, is_sure: bool) -> Recognised {
        Recognised { paragraphs: vec![text.to_owned()], is_sure }
    }

    fn found(pages: impl IntoIterator<Item = (u32, Recognised)>) -> Found {
        Found {
            media_type: MediaType::PDF,
            title: Some("A title".to_owned()),
            metadata: Metadata::new(),
            n_pages: 4,
            pages: pages.into_iter().collect(),
            lost: vec![2],
            n_left_out: 0,
        }
    }

    fn document() -> ParsedDocument {
        let blocks = [(BlockKind::Heading { level: 1 }, 0, 4), (BlockKind::Paragraph, 6, 11)];
        let pages = [(1, 0, 11), (2, 11, 11), (3, 13, 14)];
        let all = blocks.into_iter().chain([(BlockKind::Paragraph, 13, 14)]);
        ParsedDocument {
            text: "Head\n\nwords\n\n3".to_owned(),
            blocks: all.map(|(kind, from, to)| Block { kind, span: Span::new(from, to) }).collect(),
            pages: pages
                .map(|(number, from, to)| PageSpan { number, span: Span::new(from, to) })
                .into(),
            warnings: vec![Warning::new(BLANK_PAGES, "1 page")],
            ..found([]).without_text()
        }
    }

    fn codes(document: &ParsedDocument) -> Vec<&str> {
        document.warnings.iter().map(|warning| warning.code.as_str()).collect()
    }

    #[test]
    fn recognised_pages_take_their_places_and_are_named() {
        let found = found([(1, page("x", true)), (3, page("a page below its number", false))]);
        let merged =
            found.merged(Some(document()), &Context::local(), &ParseLimits::default()).unwrap();
        assert_eq!(merged.text, "Head\n\nwords\n\na page below its number");
        assert_eq!(merged.blocks[0].kind, BlockKind::Heading { level: 1 });
        assert_eq!(merged.pages[2].span.slice(&merged.text), Some("a page below its number"));
        assert_eq!(merged.metadata["ocr_pages"], "3", "the first page says more itself");
        let expected =
            ["recognised_text", "uncertain_text", "pages_not_recognised", "pages_without_text"];
        assert_eq!(codes(&merged), expected);
        let messages: Vec<&str> = merged.warnings.iter().map(|one| one.message.as_str()).collect();
        for (message, end) in
            messages.iter().zip([": page 3.", ": page 3.", ": page 2.", ": 1 page."])
        {
            assert!(message.ends_with(end), "{message}");
        }
    }

    #[test]
    fn a_document_without_text_has_all_of_its_pages() {
        let pages = (1..=4).map(|number| (number, page("text", true)));
        let merged = found(pages).merged(None, &Context::local(), &ParseLimits::default()).unwrap();
        assert_eq!(merged.text, "text\n\ntext\n\ntext\n\ntext");
        assert_eq!((merged.pages.len(), merged.title.as_deref()), (4, Some("A title")));
        assert_eq!(merged.metadata["ocr_pages"], "1–4");
    }
}
