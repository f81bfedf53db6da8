//! Which definition a line of program text belongs to, told by indentation alone: that works for every language people
//! indent, and needs no grammar of any.

use crate::types::Span;

/// What a tab counts as.
const TAB_COLUMNS: usize = 4;
/// Deeper nesting is most likely data.
const MAX_DEPTH: usize = 32;

/// The lines that enclose the line up to which it was read, outermost first.
#[derive(Debug, Default)]
pub(super) struct Outline {
    read_to: usize,
    open: Vec<(usize, Span)>,
}

impl Outline {
    /// An outline of the text from `start` on.
    pub(super) fn from(start: usize) -> Self {
        Self { read_to: start, open: Vec::new() }
    }

    /// The outermost and the innermost line that enclose the line which begins at `at`, indentation left aside. It must
    /// not lie before the last one asked for: each line is read once.
    pub(super) fn around(&mut self, text: &str, at: usize) -> [Option<Span>; 2] {
        let mut indent = 0;
        for line in text.get(self.read_to..).unwrap_or_default().split_inclusive('\n') {
            if self.read_to + line.len() > at {
                indent = columns(line);
                break;
            }
            self.enter(line, self.read_to);
            self.read_to += line.len();
        }
        let mut around =
            self.open.iter().filter(|(outer, _)| *outer < indent).map(|(_, span)| *span);
        [around.next(), around.next_back()]
    }

    fn enter(&mut self, line: &str, start: usize) {
        let content = line.trim();
        // A closing bracket or a comment encloses nothing.
        if !content
            .starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '"' | '\'' | '<'))
        {
            return;
        }
        let indent = columns(line);
        while self.open.last().is_some_and(|(outer, _)| *outer >= indent) {
            self.open.pop();
        }
        if self.open.len() < MAX_DEPTH {
            let from = start + (line.len() - line.trim_start().len());
            self.open.push((indent, Span::new(from, from + content.len())));
        }
    }
}

/// How far a line is indented.
fn columns(line: &str) -> usize {
    let blank = line.chars().take_while(|c| matches!(c, ' ' | '\t'));
    blank.map(|c| if c == '\t' { TAB_COLUMNS } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_belongs_to_what_it_is_indented_under() {
        let text = "import os\n\nclass Pump:\n    # oil\n    def oil(self):\n        a()\n\n        b()\n    \
                    def stop(self):\n        c()\n\ndef main():\n\td()\n";
        let mut outline = Outline::from(0);
        let mut around = |line: &str| {
            let at = text.find(line).unwrap();
            outline.around(text, at).map(|span| span.and_then(|span| span.slice(text)))
        };
        assert_eq!(around("class"), [None, None]);
        assert_eq!(around("a()"), [Some("class Pump:"), Some("def oil(self):")]);
        assert_eq!(around("b()"), [Some("class Pump:"), Some("def oil(self):")]);
        assert_eq!(around("c()"), [Some("class Pump:"), Some("def stop(self):")]);
        assert_eq!(around("d()"), [Some("def main():"), None]);
    }
}
