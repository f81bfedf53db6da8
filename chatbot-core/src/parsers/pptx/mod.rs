//! PowerPoint presentations: slide by slide, each a page, with what the speaker notes below it.
//!
//! A slide's title heads it, wherever it is stored. What repeats on every slide (numbers, footers, dates that
//! change by themselves) is left out.

use crate::context::Context;
use crate::error::Result;
use crate::traits::{ParseLimits, Parser};
use crate::types::{BlockKind, MediaType, ParsedDocument, RawDocument};

use super::assemble::Assembly;
use super::drawing::{self, Piece, Role, read_chart};
use super::formats::PPTX;
use super::package::xml::{Node, Xml};
use super::package::{Package, Relation, core_facts, related};
use super::registry::corrupt;
use super::slide::{NO_TITLE, Slide};
use super::watch::{Watch, exceeded};

/// Reads PowerPoint presentations (`.pptx`, `.pptm`, `.ppsx`, `.potx`).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct PptxParser {}

impl Parser for PptxParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[PPTX];
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
        let main = package.main_part("ppt/presentation.xml")?;
        let relations = package.relations(&main)?;
        let mut facts = core_facts(&mut package, &watch)?;
        facts.title = facts.title.filter(|title| title != NO_TITLE);
        let text = package.part(&main)?.ok_or_else(|| {
            corrupt(
                "The presentation has no list of its slides. Save it again and add the new file.",
            )
        })?;
        let slides = slides(&text, &relations, &watch)?;
        let mut assembly = Assembly::new(&watch);
        for (at, path) in slides.iter().enumerate() {
            let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
            let slide = read_slide(&mut package, path, number, &watch)?;
            facts.offer_title(&slide.title());
            slide.write(&mut assembly)?;
        }
        Ok(assembly.finish(media_type.clone(), facts))
    }
}

/// The parts of the slides, in the order in which they are shown.
fn slides(text: &str, relations: &[Relation], watch: &Watch<'_>) -> Result<Vec<String>> {
    let mut slides = Vec::new();
    let mut xml = Xml::new(text, watch);
    while let Some(node) = xml.next()? {
        let Node::Start(element) = node else { continue };
        if element.name() != "sldId" {
            continue;
        }
        if slides.len() >= watch.limits().max_pages {
            return Err(exceeded("The presentation has more slides than allowed. Split it."));
        }
        let id = element.prefixed("id").unwrap_or_default();
        let target = relations.iter().find(|relation| relation.id == id);
        slides.extend(target.map(|target| target.target.clone()));
    }
    Ok(slides)
}

fn read_slide(
    package: &mut Package<'_>,
    path: &str,
    number: u32,
    watch: &Watch<'_>,
) -> Result<Slide> {
    let mut slide = Slide::new(number);
    let Some(part) = package.part(path)? else { return Ok(slide) };
    let pieces = drawing::read(&part, watch)?;
    drop(part);
    let relations = package.relations(path)?;
    for piece in pieces {
        match piece {
            Piece::Text { role: role @ (Role::Title | Role::MainTitle), text, .. } => {
                slide.heads_all |= number == 1 && role == Role::MainTitle;
                slide.add_title(text);
            }
            Piece::Text { kind, text, .. } => slide.add(kind, text),
            Piece::Part(id) => add_part(package, &id, &relations, (&mut slide, watch))?,
        }
    }
    let Some(notes) = related(package, &relations, "notesSlide")? else { return Ok(slide) };
    for piece in drawing::read(&notes, watch)? {
        if let Piece::Text { role: Role::Text | Role::Content, text, .. } = piece {
            slide.add_note(text);
        }
    }
    Ok(slide)
}

/// Adds a chart, or a diagram's texts.
fn add_part(
    package: &mut Package<'_>,
    id: &str,
    relations: &[Relation],
    (slide, watch): (&mut Slide, &Watch<'_>),
) -> Result<()> {
    let Some(relation) = relations.iter().find(|relation| relation.id == id) else { return Ok(()) };
    let Some(part) = package.part(&relation.target)? else { return Ok(()) };
    match relation.kind.as_str() {
        "chart" => {
            read_chart(&part, watch)?.into_iter().for_each(|(kind, text)| slide.add(kind, text))
        }
        "diagramData" => {
            for piece in drawing::read(&part, watch)? {
                if let Piece::Text { text, .. } = piece {
                    slide.add(BlockKind::Paragraph, text);
                }
            }
        }
        _ => {}
    }
    Ok(())
}
