//! A paragraph in the making.

use crate::parsers::package::xml::Element;
use crate::types::BlockKind;

/// More spaces in a row are there for the layout.
const MAX_SPACES: usize = 16;

/// A paragraph whose end has not been reached.
#[derive(Debug)]
pub(super) struct Paragraph {
    pub(super) text: String,
    pub(super) kind: BlockKind,
}

impl Paragraph {
    pub(super) fn new(kind: BlockKind) -> Self {
        Self { text: String::new(), kind }
    }

    /// Adds text, whose white space counts as one space.
    pub(super) fn text(&mut self, text: &str) {
        let blank = |c: char| c.is_ascii_whitespace();
        let mut gap = text.starts_with(blank);
        for word in text.split(blank).filter(|word| !word.is_empty()) {
            self.space(gap);
            self.text.push_str(word);
            gap = true;
        }
        self.space(text.ends_with(blank));
    }

    fn space(&mut self, wanted: bool) {
        if wanted && !self.text.is_empty() && !self.text.ends_with([' ', '\n', '\t']) {
            self.text.push(' ');
        }
    }

    /// Adds what an element stands for.
    pub(super) fn sign(&mut self, element: &Element<'_>) {
        match element.name() {
            "tab" => self.text.push('\t'),
            "line-break" => self.text.push('\n'),
            "s" => {
                let n = element.attribute("c").and_then(|n| n.parse().ok()).unwrap_or(1);
                self.text.extend(std::iter::repeat_n(' ', MAX_SPACES.min(n)));
            }
            _ => {}
        }
    }
}
