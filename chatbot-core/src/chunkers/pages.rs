//! Which pages a stretch of text is on.

use crate::types::{PageSpan, Span};

/// The pages of a document that have text.
#[derive(Debug)]
pub(super) struct Pages(Vec<PageSpan>);

impl Pages {
    pub(super) fn new(pages: &[PageSpan]) -> Self {
        Self(pages.iter().copied().filter(|page| !page.span.is_empty()).collect())
    }

    /// The pages `span` starts and ends on.
    pub(super) fn of(&self, span: Span) -> (Option<u32>, Option<u32>) {
        (self.at(span.start), self.at(span.end.saturating_sub(1)))
    }

    fn at(&self, byte: usize) -> Option<u32> {
        let n_before = self.0.partition_point(|page| page.span.start <= byte);
        self.0.get(n_before.checked_sub(1)?).map(|page| page.number)
    }
}
