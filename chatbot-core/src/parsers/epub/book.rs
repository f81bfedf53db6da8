//! The list of what is in a book, and in which order it is read.

use std::collections::HashMap;

use crate::error::Result;
use crate::parsers::package::join;
use crate::parsers::package::xml::{Element, Node, Xml};
use crate::parsers::watch::Watch;

/// A container has no more parts, so a book has no more chapters.
const MAX_ITEMS: usize = 10_000;

/// A book.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// The parts that hold its text, in reading order.
    pub(super) chapters: Vec<String>,
}

#[derive(Debug)]
struct Item {
    path: String,
    is_text: bool,
    is_contents: bool,
}

impl Book {
    /// Reads the list in the part at `path`.
    pub(super) fn read(text: &str, path: &str, watch: &Watch<'_>) -> Result<Self> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut items: HashMap<String, Item> = HashMap::new();
        let mut order = Vec::new();
        let mut contents = Vec::new();
        let mut xml = Xml::new(text, watch);
        while let Some(node) = xml.next()? {
            let Node::Start(element) = node else { continue };
            match element.name() {
                "item" if items.len() < MAX_ITEMS => items.extend(item(&element, folder)),
                "itemref" if order.len() < MAX_ITEMS => order.extend(element.attribute("idref")),
                "reference"
                    if contents.is_empty()
                        && element.attribute("type").is_some_and(|kind| kind == "toc") =>
                {
                    contents.extend(element.attribute("href").map(|href| resolve(folder, &href)));
                }
                _ => {}
            }
        }
        let chapters = order.iter().filter_map(|id| items.get(id));
        let chapters = chapters
            .filter(|item| item.is_text && !item.is_contents && !contents.contains(&item.path));
        Ok(Self { chapters: chapters.map(|item| item.path.clone()).collect() })
    }
}

fn item(element: &Element<'_>, folder: &str) -> Option<(String, Item)> {
    let href = element.attribute("href")?;
    let kind = element.attribute("media-type").unwrap_or_default();
    let properties = element.attribute("properties").unwrap_or_default();
    let item = Item {
        path: resolve(folder, &href),
        is_text: kind.contains("html") || kind == "text/x-oeb1-document",
        is_contents: properties.split_whitespace().any(|property| property == "nav"),
    };
    Some((element.attribute("id")?, item))
}

/// The part that `href` names, as seen from `folder`.
fn resolve(folder: &str, href: &str) -> String {
    let path = href.split('#').next().unwrap_or_default();
    join(folder, &decoded(path))
}

/// `path` with `%20` and the like as the characters they stand for.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = after.get(if code.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn chapters_are_seen_from_the_folder_of_the_list() {
        assert_eq!(resolve("OPS", "text/a%20b.xhtml#part"), "OPS/text/a b.xhtml");
        assert_eq!(resolve("OPS", "../a.xhtml"), "a.xhtml");
        assert_eq!(resolve("", "100%.xhtml"), "100%.xhtml");
    }
}
