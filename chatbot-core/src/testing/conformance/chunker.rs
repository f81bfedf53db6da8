//! What every chunker must do.

use crate::context::Context;
use crate::error::ErrorKind;
use crate::traits::Chunker;
use crate::types::{
    Block, BlockKind, ChunkSpec, MediaType, Metadata, PageSpan, PageStart, ParsedDocument, Span,
};

/// Runs the whole suite.
///
/// # Panics
/// Where the chunker breaks a promise; the message names it.
pub fn check(chunker: &dyn Chunker) {
    for document in documents() {
        let chunks = chunker.chunk(&Context::local(), &document).expect("a document can be cut");
        if let Some(broken) = broken_promise(&document, &chunks) {
            panic!("chunks of {:?}: {broken}", document.title);
        }
        let again = chunker.chunk(&Context::local(), &document).expect("a document can be cut");
        assert_eq!(chunks, again, "the same document is cut in the same way");
    }
    let cancelled = Context::local();
    cancelled.cancel();
    for document in documents() {
        let kind = chunker.chunk(&cancelled, &document).err().map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::Cancelled), "a cancelled context stops the chunker");
    }
}

/// Which promise of [`Chunker`] these chunks of `document` break, where they break one.
#[must_use]
pub fn broken_promise(document: &ParsedDocument, chunks: &[ChunkSpec]) -> Option<String> {
    let text = document.text.as_str();
    let (mut last_start, mut covered) = (None, 0);
    for chunk in chunks {
        let span = chunk.span;
        if span.is_empty() || span.slice(text).is_none() {
            return Some(format!("{span:?} is empty or not on character boundaries"));
        }
        if last_start.is_some_and(|last| span.start <= last) {
            return Some(format!("{span:?} does not start after the chunk before it"));
        }
        if span.start > covered && !is_blank(text, covered, span.start) {
            return Some(format!("text is left out between {covered} and {}", span.start));
        }
        if !pages_are_right(document, chunk) {
            return Some(format!("{span:?} is on other pages than {chunk:?} says"));
        }
        last_start = Some(span.start);
        covered = covered.max(span.end);
    }
    (!is_blank(text, covered, text.len())).then(|| format!("text is left out after {covered}"))
}

fn is_blank(text: &str, from: usize, to: usize) -> bool {
    text.get(from..to).is_some_and(|gap| gap.trim().is_empty())
}

fn pages_are_right(document: &ParsedDocument, chunk: &ChunkSpec) -> bool {
    let overlapping = document.pages.iter().filter(|page| page.span.overlaps(chunk.span));
    let begun = |page: &PageSpan| PageStart { page: page.number, byte: page.span.start };
    let starts: Vec<PageStart> = overlapping.map(begun).collect();
    let number = |start: Option<&PageStart>| start.map(|start| start.page);
    chunk.page_start == number(starts.first())
        && chunk.page_end == number(starts.last())
        && chunk.page_starts == starts.get(1..).unwrap_or_default()
}

fn documents() -> Vec<ParsedDocument> {
    use BlockKind::{Code, Heading, ListItem, Paragraph, TableRow};
    let sentence = "A sentence of some length that says a thing or two about its subject. ";
    let long = sentence.repeat(60);
    let parts = [
        (Heading { level: 1 }, "The first heading"),
        (Heading { level: 2 }, "One below it"),
        (Paragraph, long.as_str()),
        (ListItem, "- an item"),
        (ListItem, "- another item"),
        (Heading { level: 1 }, "The second heading"),
        (TableRow { header: true }, "name | value"),
        (TableRow { header: false }, "one | 1"),
        (Code, "fn main() {\n    let a = 1;\n\n    let b = 2;\n}"),
        (Paragraph, "日本語の文章です。二つ目の文もあります。"),
    ];
    let unbroken = "x".repeat(20_000);
    vec![
        document("parts", &parts),
        document("nothing", &[]),
        document("one word", &[(Paragraph, "word")]),
        document("unbroken", &[(Paragraph, &unbroken)]),
        document("combining", &[(Paragraph, &format!("a{}", "\u{301}".repeat(5000)))]),
    ]
}

/// A document of these blocks, with a page for every second one.
#[must_use]
pub fn document(title: &str, parts: &[(BlockKind, &str)]) -> ParsedDocument {
    let mut text = String::new();
    let mut blocks = Vec::new();
    let mut pages: Vec<PageSpan> = Vec::new();
    for (i, (kind, content)) in parts.iter().enumerate() {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        let start = text.len();
        text.push_str(content.trim());
        let span = Span::new(start, text.len());
        blocks.push(Block { kind: *kind, span });
        match pages.last_mut() {
            Some(page) if i % 2 == 1 => page.span = page.span.union(span),
            last => {
                let number = last.map_or(1, |page| page.number + 1);
                pages.push(PageSpan { number, span });
            }
        }
    }
    ParsedDocument {
        media_type: MediaType::TEXT,
        title: Some(title.to_owned()),
        text,
        blocks,
        pages,
        metadata: Metadata::new(),
        warnings: Vec::new(),
        parts: Vec::new(),
    }
}
