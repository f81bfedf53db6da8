//! Where sentences begin and end.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::types::Span;

/// The sentences of `text`, in order, without the white space around them.
#[must_use]
pub fn sentences(text: &str) -> Vec<Span> {
    let bounds = text.split_sentence_bound_indices();
    let trimmed = bounds.map(|(start, sentence)| {
        let begin = start + (sentence.len() - sentence.trim_start().len());
        Span::new(begin, begin + sentence.trim().len())
    });
    trimmed.filter(|span| !span.is_empty()).collect()
}
