//! Styles: which paragraphs are headings, captions or quotations, whatever language the author's Word speaks.

use std::collections::HashMap;

use crate::error::Result;
use crate::parsers::headings::{heading_level, outline_level};
use crate::parsers::watch::Watch;
use crate::types::BlockKind;

use crate::parsers::package::xml::{Element, Node, Xml};

/// Styles build on one another; longer chains go in circles.
const MAX_CHAIN: usize = 16;

/// How paragraphs of a style look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    /// 1–6, where it is a heading.
    pub(super) heading: Option<u8>,
    /// What it is where it is no heading.
    pub(super) kind: BlockKind,
    /// The list it numbers, and the level in it.
    pub(super) list: Option<(usize, usize)>,
    pub(super) hidden: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { heading: None, kind: BlockKind::Paragraph, list: None, hidden: false }
    }
}

#[derive(Debug, Default)]
struct Style {
    name: String,
    based_on: Option<String>,
    outline: Option<usize>,
    list: Option<usize>,
    level: Option<usize>,
    hidden: bool,
}

/// The styles of a document.
#[derive(Debug, Default)]
pub(super) struct Styles(HashMap<String, Style>);

impl Styles {
    pub(super) fn read(part: Option<&str>, watch: &Watch<'_>) -> Result<Self> {
        let mut styles = HashMap::new();
        let Some(text) = part else { return Ok(Self(styles)) };
        let mut xml = Xml::new(text, watch);
        let mut open: Option<(String, Style)> = None;
        while let Some(node) = xml.next()? {
            match node {
                Node::Start(element) if element.name() == "style" => {
                    open = element.attribute("styleId").map(|id| (id, Style::default()));
                }
                Node::Start(element) => {
                    if let Some((_, style)) = &mut open {
                        note(style, &element);
                    }
                }
                Node::End(name) if name == "style" => styles.extend(open.take()),
                Node::End(_) | Node::Text(_) => {}
            }
        }
        Ok(Self(styles))
    }

    /// How paragraphs of the style called `id` look.
    pub(super) fn look(&self, id: &str) -> Look {
        let mut look = Look::default();
        let (mut list, mut level, mut heading) = (None, None, None);
        let mut next = Some(id);
        for _ in 0..MAX_CHAIN {
            let Some(id) = next else { break };
            let style = self.0.get(id);
            let name = style.map_or(id, |style| style.name.as_str());
            let by_name = || heading_level(name).or_else(|| heading_level(id)).map(Some);
            let outline = style.and_then(|style| style.outline).map(outline_level);
            heading = heading.or_else(|| outline.or_else(by_name));
            if look.kind == BlockKind::Paragraph {
                look.kind = kind_of(name);
            }
            let Some(style) = style else { break };
            list = list.or(style.list);
            level = level.or(style.level);
            look.hidden |= style.hidden;
            next = style.based_on.as_deref();
        }
        look.heading = heading.flatten();
        look.list = list.map(|list| (list, level.unwrap_or(0)));
        look
    }
}

fn note(style: &mut Style, element: &Element<'_>) {
    match element.name() {
        "name" => style.name = element.attribute("val").unwrap_or_default(),
        "basedOn" => style.based_on = element.attribute("val"),
        "outlineLvl" => style.outline = element.number(),
        "numId" => style.list = element.number(),
        "ilvl" => style.level = element.number(),
        "vanish" => style.hidden = element.is_on(),
        _ => {}
    }
}

fn kind_of(name: &str) -> BlockKind {
    match name.to_lowercase().as_str() {
        "caption" | "footnote text" | "endnote text" => BlockKind::Note,
        "quote" | "intense quote" | "block text" => BlockKind::Quote,
        "html preformatted" | "plain text" | "source code" => BlockKind::Code,
        _ => BlockKind::Paragraph,
    }
}
