//! XML: a line for each element that only holds text, with its name; paragraphs where text and elements are mixed.
//!
//! Document types are passed over: no entity of one is known, so none is expanded.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::Page;
use crate::error::Result;
use crate::parsers::html::append_html;
use crate::types::Warning;

pub(super) fn read(text: &str, page: &mut Page<'_>) -> Result<bool> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut n_elements = 0_usize;
    loop {
        page.watch.tick()?;
        let Ok(event) = reader.read_event() else {
            // What was read is there; the rest is not XML.
            page.facts
                .warnings
                .push(Warning::new("damaged_xml", "The XML breaks off before its end."));
            break;
        };
        match event {
            Event::Start(start) | Event::Empty(start) => {
                n_elements += 1;
                if let Some(outer) = open.last_mut() {
                    outer.n_children += 1;
                }
                if open.len() >= page.watch.limits().max_depth {
                    return Err(crate::parsers::watch::exceeded("The XML is nested too deeply."));
                }
                open.push(Element::of(&start));
                attributes(page, &start)?;
            }
            Event::End(_) => {
                let Some(element) = open.pop() else { break };
                close(page, element, open.last_mut())?;
            }
            Event::Text(text) => add(&mut open, &text.xml10_content()),
            Event::CData(text) => add(&mut open, &text.xml10_content()),
            Event::GeneralRef(name) => add(&mut open, &reference(&name)),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    // What was open where it broke off.
    while let Some(element) = open.pop() {
        close(page, element, open.last_mut())?;
    }
    Ok(n_elements > 0)
}

/// An element that is open.
struct Element {
    name: String,
    text: String,
    n_children: usize,
    /// Whether an element inside it gave its text to it.
    mixed: bool,
}

impl Element {
    fn of(start: &BytesStart<'_>) -> Self {
        let name = start.local_name().into_inner().to_owned();
        Self { name, text: String::new(), n_children: 0, mixed: false }
    }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// Writes what an element holds, or hands it to the text around it.
fn close(page: &mut Page<'_>, element: Element, outer: Option<&mut Element>) -> Result<()> {
    let text = element.text.trim();
    if text.is_empty() {
        if element.n_children > 0 {
            page.assembly.apart();
        }
        return Ok(());
    }
    page.watch.text_len(text.len())?;
    if let Some(outer) = outer.filter(|outer| !outer.text.trim().is_empty()) {
        outer.text.push_str(&element.text);
        outer.mixed = true;
        return Ok(());
    }
    if element.name.eq_ignore_ascii_case("title") {
        page.facts.offer_title(text);
    }
    if is_html(text) {
        return append_html(&mut page.assembly, page.watch, text);
    }
    page.value(if element.mixed { "" } else { &element.name }, text)
}

/// Facts that stand in a tag, such as the name of a country.
fn attributes(page: &mut Page<'_>, start: &BytesStart<'_>) -> Result<()> {
    let element = start.local_name().into_inner().to_owned();
    for attribute in start.attributes().with_checks(false).flatten() {
        let name = attribute.key.as_ref();
        let machine =
            name.starts_with("xmlns") || name.starts_with("xsi:") || name.starts_with("xml:");
        if !machine {
            let value = quick_xml::escape::unescape(&attribute.value);
            let value = value.unwrap_or(std::borrow::Cow::Borrowed(&attribute.value));
            page.value(&format!("{element}.{name}"), &value)?;
        }
    }
    Ok(())
}

fn is_html(text: &str) -> bool {
    ["<p", "<br", "<div", "<a ", "<li", "<b>", "<i>", "</"].iter().any(|tag| text.contains(tag))
}

/// The character that a reference names; its own letters where nobody knows it.
fn reference(name: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(c)) = name.resolve_char_ref() {
        return c.to_string();
    }
    let text: &str = name;
    let known = quick_xml::escape::resolve_predefined_entity(text);
    known.map_or_else(|| format!("&{text};"), str::to_owned)
}
