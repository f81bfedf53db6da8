//! XML, event by event, with names without their prefixes. Document types and entities are refused.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::error::{Error, Result};
use crate::parsers::registry::corrupt;
use crate::parsers::watch::Watch;

/// What comes next.
#[derive(Debug)]
pub(in crate::parsers) enum Node<'a> {
    Start(Element<'a>),
    End(String),
    Text(String),
}

/// The start of an element.
#[derive(Debug)]
pub(in crate::parsers) struct Element<'a>(BytesStart<'a>);

impl Element<'_> {
    /// The name, without its prefix.
    pub(in crate::parsers) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// The name, with its prefix.
    pub(in crate::parsers) fn full_name(&self) -> &str {
        self.0.name().into_inner()
    }

    /// The value of the attribute called `name`, whatever its prefix.
    pub(in crate::parsers) fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = self.0.attributes();
        let mut found = attributes.with_checks(false).flatten();
        let value = found.find(|found| found.key.local_name().into_inner() == name)?.value;
        Some(quick_xml::escape::unescape(&value).map_or_else(|_| value.to_string(), Into::into))
    }

    /// The value of the attribute called `name` that has a prefix: beside one without it, such as `id` and `r:id`.
    pub(in crate::parsers) fn prefixed(&self, name: &str) -> Option<String> {
        let mut attributes = self.0.attributes();
        let mut found = attributes.with_checks(false).flatten();
        let wanted = |key: quick_xml::name::QName<'_>| {
            key.prefix().is_some() && key.local_name().into_inner() == name
        };
        let value = found.find(|found| wanted(found.key))?.value;
        Some(quick_xml::escape::unescape(&value).map_or_else(|_| value.to_string(), Into::into))
    }

    /// The number in the attribute `val`.
    pub(in crate::parsers) fn number(&self) -> Option<usize> {
        self.attribute("val")?.parse().ok()
    }

    /// Whether a property that is on where it stands alone is on.
    pub(in crate::parsers) fn is_on(&self) -> bool {
        !matches!(self.attribute("val").as_deref(), Some("0" | "false" | "off"))
    }
}

/// An XML part.
#[derive(Debug)]
pub(in crate::parsers) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    watch: &'a Watch<'a>,
}

impl<'a> Xml<'a> {
    pub(in crate::parsers) fn new(text: &'a str, watch: &'a Watch<'a>) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, watch }
    }

    /// The next node; `None` at the end.
    pub(in crate::parsers) fn next(&mut self) -> Result<Option<Node<'a>>> {
        loop {
            self.watch.tick()?;
            let node = match self.reader.read_event().map_err(damaged)? {
                Event::Start(start) | Event::Empty(start) => Node::Start(Element(start)),
                Event::End(end) => Node::End(end.local_name().into_inner().to_owned()),
                Event::Text(text) => Node::Text(text.xml10_content().into_owned()),
                Event::CData(text) => Node::Text(text.xml10_content().into_owned()),
                Event::GeneralRef(name) => Node::Text(reference(&name)?),
                // A type that is only named means nothing here; what it would define is never looked up.
                Event::DocType(kind) if !kind.contains('[') => continue,
                Event::DocType(_) => {
                    return Err(corrupt(
                        "The document declares XML entities, which no document of its kind needs.",
                    ));
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
                Event::Eof => return Ok(None),
            };
            return Ok(Some(node));
        }
    }
}

fn reference(name: &quick_xml::events::BytesRef<'_>) -> Result<String> {
    if let Some(c) = name.resolve_char_ref().map_err(damaged)? {
        return Ok(c.to_string());
    }
    let text: &str = name;
    quick_xml::escape::resolve_predefined_entity(text)
        .map(str::to_owned)
        .ok_or_else(|| corrupt("The document uses an XML entity that does not exist."))
}

fn damaged(error: quick_xml::Error) -> Error {
    corrupt("The document is damaged. Save it again and add the new file.").with_source(error)
}
