//! What readers of line-based markup share: text that flows over lines, and emphasis that is taken off words.

use super::Page;
use crate::error::Result;
use crate::types::BlockKind;

/// Text that goes on from line to line until something ends it.
pub(super) struct Flow<'p, 'a> {
    pub(super) page: &'p mut Page<'a>,
    /// How the format writes emphasis, code and the like; longer marks first.
    marks: &'static [&'static str],
    kind: BlockKind,
    text: String,
}

impl<'p, 'a> Flow<'p, 'a> {
    pub(super) fn new(page: &'p mut Page<'a>, marks: &'static [&'static str]) -> Self {
        Self { page, marks, kind: BlockKind::Paragraph, text: String::new() }
    }

    /// Ends what flows and begins a block of this kind.
    pub(super) fn begin(&mut self, kind: BlockKind, line: &str) -> Result<()> {
        self.end()?;
        self.kind = kind;
        self.text.push_str(line.trim());
        Ok(())
    }

    /// The line belongs to what flows.
    pub(super) fn go_on(&mut self, line: &str) -> Result<()> {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(line.trim());
        self.page.watch.text_len(self.text.len())
    }

    /// Whether nothing flows.
    pub(super) fn is_idle(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn end(&mut self) -> Result<()> {
        let text = std::mem::take(&mut self.text);
        let kind = std::mem::replace(&mut self.kind, BlockKind::Paragraph);
        self.page.assembly.block(kind, &unmarked(&text, self.marks))
    }

    /// A whole block by itself, its marks taken off.
    pub(super) fn block(&mut self, kind: BlockKind, text: &str) -> Result<()> {
        self.end()?;
        self.page.assembly.block(kind, &unmarked(text, self.marks))
    }

    /// A block whose signs all mean themselves.
    pub(super) fn verbatim(&mut self, text: &str) -> Result<()> {
        self.end()?;
        self.page.assembly.block(BlockKind::Code, text)
    }

    /// Cells of a row, where any has text.
    pub(super) fn row(&mut self, header: bool, cells: &[&str]) -> Result<()> {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            return Ok(());
        }
        let cells: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
        self.block(BlockKind::TableRow { header }, &cells.join(" | "))
    }
}

/// What a list's marker leaves of its line: the marker as people write it, and the text.
pub(super) fn item<'l>(line: &'l str, bullets: &[&str]) -> Option<(String, &'l str)> {
    let line = line.trim_start();
    for bullet in bullets {
        if let Some(text) = line.strip_prefix(bullet).and_then(|rest| rest.strip_prefix(' ')) {
            return Some(("- ".to_owned(), text));
        }
    }
    let n_digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = line.split_at_checked(n_digits)?;
    let text = rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") "))?;
    (1..=4).contains(&n_digits).then(|| (format!("{number}. "), text))
}

/// `text` without the marks around words: `*so*` becomes `so`, `2 * 3 * 4` stays.
pub(super) fn unmarked(text: &str, marks: &[&str]) -> String {
    let mut text = text.to_owned();
    for mark in marks {
        if text.contains(mark) {
            text = without(&text, mark);
        }
    }
    text
}

fn without(text: &str, mark: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(mark) {
        out.push_str(before);
        let opens = out.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '\\')
            && after.chars().next().is_some_and(|c| !c.is_whitespace() && !mark.contains(c));
        match closing(after, mark).filter(|_| opens) {
            Some(end) => {
                out.push_str(after.get(..end).unwrap_or_default());
                rest = after.get(end + mark.len()..).unwrap_or_default();
            }
            None => {
                out.push_str(mark);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// How far emphasis may reach.
const MAX_MARKED_BYTES: usize = 2_000;

/// Where the mark is that ends what `text` begins with.
fn closing(text: &str, mark: &str) -> Option<usize> {
    let near = text.get(..text.floor_char_boundary(MAX_MARKED_BYTES))?;
    near.match_indices(mark).map(|(at, _)| at).find(|at| {
        let before = near.get(..*at).and_then(|part| part.chars().next_back());
        let after = near.get(*at + mark.len()..).and_then(|part| part.chars().next());
        before.is_some_and(|c| !c.is_whitespace()) && after.is_none_or(|c| !c.is_alphanumeric())
    })
}

/// How far a line is indented, in columns.
pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_signs_stay() {
        assert_eq!(unmarked("a *so* **very** b", &["**", "*"]), "a so very b");
        assert_eq!(unmarked("2 * 3 * 4 and a*b*c", &["**", "*"]), "2 * 3 * 4 and a*b*c");
        assert_eq!(unmarked("*open and `code`.", &["*", "`"]), "*open and code.");
        assert_eq!(unmarked(&"*a ".repeat(50_000), &["*"]).len(), 150_000);
    }

    #[test]
    fn markers_of_lists_are_known() {
        assert_eq!(item("  * one", &["*", "-"]), Some(("- ".to_owned(), "one")));
        assert_eq!(item("12) two", &[]), Some(("12. ".to_owned(), "two")));
        assert_eq!(item("1999 was", &["-"]), None);
    }
}
