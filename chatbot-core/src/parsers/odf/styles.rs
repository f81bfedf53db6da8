//! Styles: which paragraphs are titles, quotations or code, what is hidden, and how lists are marked.

use std::collections::HashMap;

use crate::error::Result;
use crate::parsers::package::xml::{Element, Node, Xml};
use crate::parsers::watch::Watch;
use crate::types::BlockKind;

/// Styles build on one another; longer chains go in circles.
const MAX_CHAIN: usize = 16;

/// Writers make a style for every way a paragraph looks; no document has more.
const MAX_STYLES: usize = 100_000;

/// The styles of a document.
#[derive(Debug, Default)]
pub(super) struct Styles {
    styles: HashMap<String, Style>,
    /// For each list style, how its levels are marked.
    lists: HashMap<String, Vec<Mark>>,
}

#[derive(Debug, Default)]
struct Style {
    parent: Option<String>,
    hidden: bool,
}

/// What stands in front of the items of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Sign,
    /// A number, counted from here.
    Number(usize),
    None,
}

impl Styles {
    /// Takes the styles of a part in.
    pub(super) fn read(&mut self, part: &str, watch: &Watch<'_>) -> Result<()> {
        let mut xml = Xml::new(part, watch);
        let (mut style, mut list): (Option<(String, Style)>, _) = (None, None);
        while let Some(node) = xml.next()? {
            match node {
                Node::Start(element) => match element.name() {
                    "body" => return Ok(()),
                    "style" => {
                        let parent = element.attribute("parent-style-name");
                        let named = element.attribute("name");
                        style = named.map(|name| (name, Style { parent, hidden: false }));
                    }
                    "list-style" | "outline-style" => list = element.attribute("name"),
                    "text-properties" => {
                        let hides = element.attribute("display").is_some_and(|how| how == "none");
                        if let Some((_, style)) = &mut style {
                            style.hidden |= hides;
                        }
                    }
                    _ => self.level(list.as_deref(), &element),
                },
                Node::End(name) => match name.as_str() {
                    "style" if self.styles.len() < MAX_STYLES => self.styles.extend(style.take()),
                    "list-style" | "outline-style" => list = None,
                    _ => {}
                },
                Node::Text(_) => {}
            }
        }
        Ok(())
    }

    /// Notes how a level of a list is marked.
    fn level(&mut self, list: Option<&str>, element: &Element<'_>) {
        let mark = match element.name() {
            "list-level-style-bullet" | "list-level-style-image" => Mark::Sign,
            "list-level-style-number" => {
                let shown =
                    element.attribute("num-format").is_some_and(|format| !format.is_empty());
                let start = element.attribute("start-value").and_then(|start| start.parse().ok());
                if shown { Mark::Number(start.unwrap_or(1)) } else { Mark::None }
            }
            _ => return,
        };
        if let Some(list) = list.filter(|_| self.lists.len() < MAX_STYLES) {
            // Levels are listed in order.
            self.lists.entry(list.to_owned()).or_default().push(mark);
        }
    }

    /// How items at `depth`, from 0, of a list of this style are marked.
    pub(super) fn mark(&self, list: Option<&str>, depth: usize) -> Mark {
        let levels = list.and_then(|list| self.lists.get(list));
        levels.and_then(|levels| levels.get(depth)).copied().unwrap_or(Mark::Sign)
    }

    /// Whether text of this style is hidden.
    pub(super) fn hides(&self, style: Option<&str>) -> bool {
        self.chain(style).any(|(_, style)| style.is_some_and(|style| style.hidden))
    }

    /// What a paragraph of this style is.
    pub(super) fn kind(&self, style: Option<&str>) -> BlockKind {
        let by_name = |name: &str| match name {
            "Title" => Some(BlockKind::Heading { level: 1 }),
            "Quotations" => Some(BlockKind::Quote),
            "Preformatted_20_Text" => Some(BlockKind::Code),
            "Caption" | "Illustration" | "Table" => Some(BlockKind::Note),
            _ => None,
        };
        let kind = self.chain(style).find_map(|(name, _)| by_name(name));
        kind.unwrap_or(BlockKind::Paragraph)
    }

    /// A style and those it builds on.
    fn chain<'s>(
        &'s self,
        style: Option<&'s str>,
    ) -> impl Iterator<Item = (&'s str, Option<&'s Style>)> {
        let with = |name: &'s str| (name, self.styles.get(name));
        let parent = move |(_, style): &(&'s str, Option<&'s Style>)| {
            style.and_then(|style| style.parent.as_deref()).map(with)
        };
        std::iter::successors(style.map(with), parent).take(MAX_CHAIN)
    }
}
