//! What of an answer is a statement: where it begins and ends, and which statements nobody cited anything for.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::text::sentences;

/// Fewer words than this (`Yes.`, `Of course!`) state nothing that a source could support.
const MIN_UNCITED_WORDS: usize = 3;

/// Words in `text`: letters and digits; in scripts without spaces each character counts.
pub(super) fn n_words(text: &str) -> usize {
    text.unicode_words().count()
}

/// Whether anything is said in `text`.
pub(super) fn has_words(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// `range` of `content` without white space around it, and without what opens a line of Markdown, closes the sentence
/// before, or is a marker of it.
pub(super) fn trim_statement(content: &str, range: Range<usize>) -> Range<usize> {
    let text = content.get(range.clone()).unwrap_or_default();
    let mut rest = text;
    loop {
        let next = without_opening(rest);
        if next.len() == rest.len() {
            break;
        }
        rest = next;
    }
    let start = range.start + (text.len() - rest.len());
    start..start + rest.trim_end().len()
}

fn without_opening(text: &str) -> &str {
    let closers = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '.' | ','
                    | ';'
                    | ':'
                    | '!'
                    | '?'
                    | ')'
                    | '。'
                    | '，'
                    | '、'
                    | '；'
                    | '：'
                    | '！'
                    | '？'
                    | '）'
            )
    };
    let text = text.trim_start_matches(closers);
    let marker = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    if let Some((_, rest)) = marker.filter(|(inner, _)| is_number(inner)) {
        return rest;
    }
    let hashes = text.trim_start_matches('#');
    let bullet = text.strip_prefix(['-', '*', '+', '>', '•', '|']);
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered =
        (text.len() - digits.len() <= 3).then(|| digits.strip_prefix(['.', ')'])).flatten();
    let opened = [Some(hashes).filter(|rest| rest.len() < text.len()), bullet, numbered];
    let opened = opened.into_iter().flatten().find(|rest| rest.starts_with(' '));
    opened.unwrap_or(text)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The last sentence of `range`.
pub(super) fn last_statement(content: &str, range: Range<usize>) -> Range<usize> {
    let text = content.get(range.clone()).unwrap_or_default();
    let found = sentences(text).into_iter().rev();
    let ranges =
        found.map(|span| trim_statement(content, range.start + span.start..range.start + span.end));
    ranges
        .into_iter()
        .find(|found| content.get(found.clone()).is_some_and(has_words))
        .unwrap_or(range)
}

/// The statements of `content` that share nothing with what was cited. Code, headings and lines that only lead to
/// what follows them are no statements.
pub(super) fn uncited(content: &str, cited: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut uncited = Vec::new();
    for block in prose(content) {
        let text = content.get(block.clone()).unwrap_or_default();
        for span in sentences(text) {
            let range = trim_statement(content, block.start + span.start..block.start + span.end);
            let text = content.get(range.clone()).unwrap_or_default();
            let states = n_words(text) >= MIN_UNCITED_WORDS && !text.ends_with([':', '：']);
            let is_cited = cited.iter().any(|of| of.start < range.end && range.start < of.end);
            if states && !is_cited {
                uncited.push(range);
            }
        }
    }
    uncited
}

/// Stretches of lines that are neither code nor headings.
fn prose(content: &str) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    let (mut at, mut fence, mut goes_on) = (0, None, false);
    for line in content.split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark));
        let is_code = fence.is_some() || mark.is_some();
        fence = match (fence, mark) {
            (None, mark) => mark,
            (Some(open), Some(mark)) if open == mark => None,
            (open, _) => open,
        };
        if is_code || start.starts_with('#') {
            goes_on = false;
            continue;
        }
        match blocks.last_mut().filter(|_| goes_on) {
            Some(block) => block.end = range.end,
            None => blocks.push(range),
        }
        goes_on = true;
    }
    blocks
}
