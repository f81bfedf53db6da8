//! Which pages a stretch of text is on.

use crate::types::{ChunkSpec, PageSpan, PageStart, Span};

/// The pages of a document that have text.
#[derive(Debug)]
pub(super) struct Pages(Vec<PageSpan>);

impl Pages {
    pub(super) fn new(pages: &[PageSpan]) -> Self {
        Self(pages.iter().copied().filter(|page| !page.span.is_empty()).collect())
    }

    /// A chunk of these bytes, with the pages it is on.
    pub(super) fn chunk(&self, span: Span, heading: Option<String>) -> ChunkSpec {
        let n_begun = self.n_begun_at(span.start);
        let inside = self.0.get(n_begun..self.n_begun_at(span.end.saturating_sub(1)));
        let start = |page: &PageSpan| PageStart { page: page.number, byte: page.span.start };
        let page_starts: Vec<_> = inside.unwrap_or_default().iter().map(start).collect();
        let page_start = n_begun.checked_sub(1).and_then(|last| self.0.get(last));
        let page_start = page_start.map(|page| page.number);
        let page_end = page_starts.last().map(|start| start.page).or(page_start);
        ChunkSpec { span, heading, page_start, page_end, page_starts }
    }

    fn n_begun_at(&self, byte: usize) -> usize {
        self.0.partition_point(|page| page.span.start <= byte)
    }
}
