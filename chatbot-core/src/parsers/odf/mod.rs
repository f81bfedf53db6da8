//! OpenDocument: texts, presentations and sheets.
//!
//! All three are one XML part with the same paragraphs, lists and tables in it. It is walked event by event; what was
//! deleted, hidden or noted in the margin is left out.

mod body;
mod frame;
mod lists;
mod paragraph;
mod sheets;
mod styles;
mod table;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{ParseLimits, Parser};
use crate::types::{MediaType, ParsedDocument, RawDocument};

use super::assemble::{Assembly, Facts};
use super::formats::{ODP, ODS, ODT};
use super::package::xml::{Node, Xml};
use super::package::{Package, encrypted, statements};
use super::registry::corrupt;
use super::watch::Watch;
use styles::Styles;

/// Templates of OpenDocument texts.
const ODT_TEMPLATE: MediaType =
    MediaType::from_static("application/vnd.oasis.opendocument.text-template");
/// Templates of OpenDocument presentations.
const ODP_TEMPLATE: MediaType =
    MediaType::from_static("application/vnd.oasis.opendocument.presentation-template");
/// Templates of OpenDocument sheets.
const ODS_TEMPLATE: MediaType =
    MediaType::from_static("application/vnd.oasis.opendocument.spreadsheet-template");

/// Reads OpenDocument texts, presentations and sheets (`.odt`, `.odp`, `.ods` and their templates).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct OdfParser {}

impl Parser for OdfParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[ODT, ODP, ODS, ODT_TEMPLATE, ODP_TEMPLATE, ODS_TEMPLATE];
        TYPES
    }

    fn parse(
        &self,
        ctx: &Context,
        media_type: &MediaType,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        let watch = Watch::begin(ctx, limits)?;
        let mut package = Package::open(&raw.bytes, &watch)?;
        refuse_encrypted(&mut package, &watch)?;
        let mut facts = facts(&mut package, &watch)?;
        let styles = package.part("styles.xml")?;
        let content = package.part("content.xml")?.ok_or_else(|| {
            corrupt(
                "The OpenDocument file has no content part. Save it again and add the new file.",
            )
        })?;
        let mut assembly = Assembly::new(&watch);
        if [ODS, ODS_TEMPLATE].contains(media_type) {
            sheets::write(&content, &mut assembly)?;
        } else {
            let mut known = Styles::default();
            for part in [styles.as_deref(), Some(content.as_str())].into_iter().flatten() {
                known.read(part, &watch)?;
            }
            drop(styles);
            facts.offer_title(&body::write(&content, &known, &mut assembly)?);
        }
        Ok(assembly.finish(media_type.clone(), facts))
    }
}

/// The manifest says of each part whether it is encrypted.
fn refuse_encrypted(package: &mut Package<'_>, watch: &Watch<'_>) -> Result<()> {
    let Some(manifest) = package.part("META-INF/manifest.xml")? else { return Ok(()) };
    let mut xml = Xml::new(&manifest, watch);
    while let Some(node) = xml.next()? {
        if matches!(node, Node::Start(element) if element.name() == "encryption-data") {
            return Err(encrypted());
        }
    }
    Ok(())
}

/// What the document says about itself.
fn facts(package: &mut Package<'_>, watch: &Watch<'_>) -> Result<Facts> {
    let mut facts = Facts::default();
    let Some(meta) = package.part("meta.xml")? else { return Ok(facts) };
    let mut keywords = Vec::new();
    let mut last_editor = None;
    for (name, value) in statements(&meta, watch)? {
        match name.as_str() {
            "title" => facts.offer_title(&value),
            "initial-creator" => facts.note("author", &value),
            "creator" => last_editor = Some(value),
            "subject" => facts.note("subject", &value),
            "keyword" => keywords.push(value),
            "creation-date" => facts.note("created", &value),
            "date" => facts.note("modified", &value),
            _ => {}
        }
    }
    facts.note("keywords", &keywords.join(", "));
    if let Some(editor) = last_editor.filter(|_| !facts.metadata.contains_key("author")) {
        facts.note("author", &editor);
    }
    Ok(facts)
}
