//! Old PowerPoint presentations (PowerPoint 97 to 2003): slide by slide, each a page, with what the speaker notes below it.
//!
//! A presentation is one stream of records. Saving appends to it, and lists say which copy of each slide counts.
//! Source: [MS-PPT].

mod records;
mod saved;
mod slides;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::traits::{ParseLimits, Parser};
use crate::types::{MediaType, ParsedDocument, RawDocument};

use super::assemble::Assembly;
use super::formats::PPT;
use super::ole::Ole;
use super::registry::corrupt;
use super::slide::NO_TITLE;
use super::watch::{Watch, exceeded};
use saved::Saved;

/// Reads old PowerPoint presentations (`.ppt`, `.pps`, `.pot`).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct PptParser {}

impl Parser for PptParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[PPT];
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
        let file = Ole::open(&raw.bytes, &watch)?;
        let user = file.stream("Current User")?.ok_or_else(damaged)?;
        let stream = file.stream("PowerPoint Document")?.ok_or_else(damaged)?;
        let saved = Saved::read(&user, &stream)?;
        let slides = slides::read(&stream, &saved, &watch)?;
        if slides.len() > limits.max_pages {
            return Err(exceeded("The presentation has more slides than allowed. Split it."));
        }
        let mut facts = file.facts()?;
        facts.title = facts.title.filter(|title| title != NO_TITLE);
        let mut assembly = Assembly::new(&watch);
        for slide in &slides {
            facts.offer_title(&slide.title());
            slide.write(&mut assembly)?;
        }
        Ok(assembly.finish(media_type.clone(), facts))
    }
}

fn damaged() -> Error {
    corrupt("The presentation is damaged or incomplete. Save it again and add the new file.")
}
