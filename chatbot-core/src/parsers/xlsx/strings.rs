//! The texts that the cells of a workbook share.

use crate::error::Result;
use crate::parsers::package::xml::{Node, Xml};
use crate::parsers::watch::Watch;

/// The shared texts, one behind the other: a workbook may have millions.
#[derive(Debug, Default)]
pub(super) struct Strings {
    text: String,
    ends: Vec<usize>,
}

impl Strings {
    pub(super) fn read(part: Option<&str>, watch: &Watch<'_>) -> Result<Self> {
        let mut strings = Self::default();
        let Some(part) = part else { return Ok(strings) };
        let mut xml = Xml::new(part, watch);
        let mut rich = RichText::default();
        while let Some(node) = xml.next()? {
            match node {
                Node::Start(element) => rich.start(element.name()),
                Node::Text(text) => rich.text(&text, &mut strings.text),
                Node::End(name) => {
                    rich.end(&name);
                    if name == "si" {
                        strings.ends.push(strings.text.len());
                    }
                }
            }
        }
        Ok(strings)
    }

    /// The text with this number; nothing where there is none.
    pub(super) fn get(&self, index: usize) -> &str {
        let Some(end) = self.ends.get(index) else { return "" };
        let before = index.checked_sub(1).and_then(|before| self.ends.get(before));
        self.text.get(before.copied().unwrap_or(0)..*end).unwrap_or_default()
    }
}

/// Text that is made of runs. How it is pronounced is left out.
#[derive(Debug, Default)]
pub(super) struct RichText {
    in_text: bool,
    in_phonetic: bool,
}

impl RichText {
    pub(super) fn start(&mut self, name: &str) {
        self.in_text |= name == "t";
        self.in_phonetic |= name == "rPh";
    }

    pub(super) fn end(&mut self, name: &str) {
        self.in_text &= name != "t";
        self.in_phonetic &= name != "rPh";
    }

    pub(super) fn text(&self, text: &str, out: &mut String) {
        if self.in_text && !self.in_phonetic {
            out.push_str(text);
        }
    }
}
