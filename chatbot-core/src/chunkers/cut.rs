//! The places where a block that is too long may be cut, best ones first.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::text::{quarter_tokens, quarters, sentences};
use crate::types::{BlockKind, Span};

/// How fine a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grain {
    /// A whole block.
    Block,
    /// A sentence; a stretch of code between blank lines; a cell of a table.
    Sentence,
    /// A line.
    Line,
    /// A word.
    Word,
    /// Characters, as many as fit.
    Characters,
}

impl Grain {
    /// The next finer grain.
    pub(super) fn finer(self) -> Option<Self> {
        match self {
            Self::Block => Some(Self::Sentence),
            Self::Sentence => Some(Self::Line),
            Self::Line => Some(Self::Word),
            Self::Word => Some(Self::Characters),
            Self::Characters => None,
        }
    }
}

/// The pieces of `span` at `grain`, in order, without the white space around them; `max` quarters of a token bound the
/// finest grain.
pub(super) fn cut(text: &str, span: Span, kind: BlockKind, grain: Grain, max: usize) -> Vec<Span> {
    let Some(part) = span.slice(text) else { return Vec::new() };
    let pieces = match (grain, kind) {
        (Grain::Block, _) => vec![Span::new(0, part.len())],
        (Grain::Sentence, BlockKind::Code) => between(part, "\n\n"),
        (Grain::Sentence, BlockKind::TableRow { .. }) => between(part, " | "),
        (Grain::Sentence, _) => sentences(part),
        (Grain::Line, _) => between(part, "\n"),
        (Grain::Word, _) => words(part),
        (Grain::Characters, _) => windows(part, max),
    };
    pieces.into_iter().map(|piece| piece.shifted(span.start)).collect()
}

/// The stretches of `text` that end with `separator`, trimmed, the blank ones left out. Only white space falls between
/// two of them, so a visible separator stays at the end of its stretch.
fn between(text: &str, separator: &str) -> Vec<Span> {
    let mut at = 0;
    let spans = text.split_inclusive(separator).map(|part| {
        let start = at;
        at += part.len();
        trimmed(part, start)
    });
    spans.filter(|span| !span.is_empty()).collect()
}

/// `part`, which begins at `start`, without the white space around it.
fn trimmed(part: &str, start: usize) -> Span {
    let begin = start + (part.len() - part.trim_start().len());
    Span::new(begin, begin + part.trim().len())
}

fn words(text: &str) -> Vec<Span> {
    let mut at = 0;
    let spans = text.split_inclusive(char::is_whitespace).map(|part| {
        let start = at;
        at += part.len();
        trimmed(part, start)
    });
    spans.filter(|span| !span.is_empty()).collect()
}

/// Cuts between graphemes, and inside one only where a single one is too heavy.
fn windows(text: &str, max: usize) -> Vec<Span> {
    let mut spans = Vec::new();
    let (mut start, mut weight) = (0, 0);
    for (at, grapheme) in text.grapheme_indices(true) {
        let heavy = quarter_tokens(grapheme);
        if weight > 0 && weight + heavy > max {
            spans.push(Span::new(start, at));
            (start, weight) = (at, 0);
        }
        if heavy <= max {
            weight += heavy;
            continue;
        }
        for (inner, c) in grapheme.char_indices() {
            if weight > 0 && weight + quarters(c) > max {
                spans.push(Span::new(start, at + inner));
                (start, weight) = (at + inner, 0);
            }
            weight += quarters(c);
        }
    }
    spans.push(Span::new(start, text.len()));
    spans.retain(|span| !span.is_empty());
    spans
}

/// Where the last stretch of `text` begins that weighs at most `max` quarters and starts with a sentence, or with a word
/// where `by_words`; `None` where no such place is.
pub(super) fn overlap_start(text: &str, max: usize, by_words: bool) -> Option<usize> {
    let mut weight = 0;
    let mut from = text.len();
    for (at, c) in text.char_indices().rev() {
        weight += quarters(c);
        if weight > max {
            break;
        }
        from = at;
    }
    let tail = text.get(from..)?;
    // What begins where the window happens to begin is most likely the rest of something.
    let starts = if by_words { words(tail) } else { sentences(tail) };
    starts.into_iter().map(|span| span.start).find(|start| *start > 0).map(|start| from + start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_keep_graphemes_whole() {
        let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}";
        let text = family.repeat(10);
        for span in windows(&text, 40) {
            assert_eq!(span.len_bytes() % family.len(), 0);
        }
        let zalgo = format!("a{}", "\u{301}".repeat(1000));
        assert!(windows(&zalgo, 40).len() > 10);
    }

    #[test]
    fn an_overlap_begins_with_a_sentence() {
        let text = "A first sentence that is long. Short one. Another.";
        let start = overlap_start(text, 24, false).unwrap();
        assert_eq!(&text[start..], "Short one. Another.");
        assert_eq!(overlap_start("one long sentence without an end", 12, false), None);
    }
}
