//! What a document in a container says about itself.

use crate::error::Result;
use crate::parsers::assemble::Facts;
use crate::parsers::watch::Watch;

use super::Package;
use super::xml::{Node, Xml};

/// The elements of a part that hold text alone: their names, and the text.
pub(in crate::parsers) fn statements(
    part: &str,
    watch: &Watch<'_>,
) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut xml = Xml::new(part, watch);
    let mut value = String::new();
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(_) => value.clear(),
            Node::Text(text) => value.push_str(&text),
            Node::End(name) => {
                if !value.trim().is_empty() {
                    found.push((name, std::mem::take(&mut value)));
                }
                value.clear();
            }
        }
    }
    Ok(found)
}

/// What an Office document says about itself.
pub(in crate::parsers) fn core_facts(
    package: &mut Package<'_>,
    watch: &Watch<'_>,
) -> Result<Facts> {
    let mut facts = Facts::default();
    let Some(core) = package.part("docProps/core.xml")? else { return Ok(facts) };
    for (name, value) in statements(&core, watch)? {
        match name.as_str() {
            "title" => facts.offer_title(&value),
            "creator" => facts.note("author", &value),
            "subject" | "keywords" | "created" | "modified" => facts.note(&name, &value),
            _ => {}
        }
    }
    Ok(facts)
}
