//! The texts that the cells of a workbook share.

use crate::error::Result;
use crate::parsers::package::xml::{Node, Xml};
use crate::parsers::sheets::Texts;
use crate::parsers::watch::Watch;

/// Reads the shared texts of a workbook.
pub(super) fn read_strings(part: Option<&str>, watch: &Watch<'_>) -> Result<Texts> {
    let mut texts = Texts::default();
    let Some(part) = part else { return Ok(texts) };
    let mut xml = Xml::new(part, watch);
    let mut rich = RichText::default();
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(element) => rich.start(element.name()),
            Node::Text(text) => rich.text(&text, texts.open()),
            Node::End(name) => {
                rich.end(&name);
                if name == "si" {
                    texts.end(watch)?;
                }
            }
        }
    }
    Ok(texts)
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
