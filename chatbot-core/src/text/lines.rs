//! Which line breaks end something, and which only wrap a text.

use crate::types::Span;

/// Below this width, in characters, lines are not taken to be wrapped: verses, lists, headings.
const WRAP_WIDTH: usize = 40;

/// The pieces of `text` that no sentence goes beyond: paragraphs, headings, list items, rows of tables.
pub(super) fn pieces(text: &str) -> Vec<Span> {
    let mut pieces = Vec::new();
    let mut paragraph: Vec<Line<'_>> = Vec::new();
    let mut start = 0;
    for whole in text.split_inclusive(['\n', '\r', '\u{2028}', '\u{2029}', '\u{0C}']) {
        let line = Line::new(start, whole);
        start += whole.len();
        if line.text.is_empty() {
            // A carriage return of its own ends a line as well; the line feed after it is an empty one.
            if !is_rest_of_break(text, &line) {
                split_paragraph(&mut paragraph, &mut pieces);
            }
        } else {
            paragraph.push(line);
        }
    }
    split_paragraph(&mut paragraph, &mut pieces);
    pieces
}

struct Line<'t> {
    text: &'t str,
    span: Span,
    width: usize,
}

impl<'t> Line<'t> {
    fn new(start: usize, whole: &'t str) -> Self {
        let text = whole.trim();
        let begin = start + (whole.len() - whole.trim_start().len());
        Self { text, span: Span::new(begin, begin + text.len()), width: text.chars().count() }
    }

    /// Whether the line goes on in the next one, where lines are wrapped at `width`.
    fn goes_on(&self, next: &Self, width: usize) -> bool {
        if self.is_row() || self.text.starts_with('#') || next.is_row() || next.is_item() {
            return false;
        }
        let wrapped = width >= WRAP_WIDTH && self.width * 10 >= width * 6;
        wrapped || next.text.starts_with(char::is_lowercase)
    }

    fn is_row(&self) -> bool {
        self.text.contains('\t') || self.text.starts_with('|') || self.text.contains(" | ")
    }

    /// Begins with a bullet, a number, or the signs of a heading.
    fn is_item(&self) -> bool {
        let Some((mark, _)) = self.text.split_once(char::is_whitespace) else { return false };
        let numbered = || {
            let label = mark.trim_start_matches('(').trim_end_matches(['.', ')']);
            let is_label = label.len() <= 3 && label.chars().all(|c| c.is_ascii_digit());
            let is_letter = label.len() == 1 && mark.ends_with(')');
            mark.ends_with(['.', ')']) && !label.is_empty() && (is_label || is_letter)
        };
        matches!(
            mark,
            "-" | "*"
                | "+"
                | "•"
                | "–"
                | "—"
                | "‣"
                | "▪"
                | "◦"
                | "·"
                | "○"
                | "●"
                | "■"
                | "□"
        ) || mark.chars().all(|c| c == '#')
            || numbered()
    }
}

/// Whether an empty line is only the second half of a line break of two characters.
fn is_rest_of_break(text: &str, line: &Line<'_>) -> bool {
    text.get(..line.span.start).is_some_and(|before| before.ends_with("\r\n"))
        && text.get(..line.span.start).is_some_and(|before| !before.ends_with("\n\r\n"))
        && text.get(..line.span.start).is_some_and(|before| !before.ends_with("\r\r\n"))
}

fn split_paragraph(paragraph: &mut Vec<Line<'_>>, pieces: &mut Vec<Span>) {
    let width = paragraph.iter().map(|line| line.width).max().unwrap_or(0);
    let mut before: Option<Line<'_>> = None;
    for line in paragraph.drain(..) {
        match (&before, pieces.last_mut()) {
            (Some(before), Some(piece)) if before.goes_on(&line, width) => {
                *piece = piece.union(line.span);
            }
            _ => pieces.push(line.span),
        }
        before = Some(line);
    }
}
