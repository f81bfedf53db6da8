//! The text of a document, paragraph by paragraph.

use std::ops::Range;

use crate::error::Result;
use crate::parsers::assemble::Assembly;
use crate::parsers::flow::{self, Flow};
use crate::parsers::watch::Watch;
use crate::types::BlockKind;

use super::header::Header;
use super::looks::Looks;
use super::pieces::Pieces;

/// Signs in the text.
const CELL: u16 = 0x07;
const LINE: u16 = 0x0B;
const PAGE: u16 = 0x0C;
const PARAGRAPH: u16 = 0x0D;
const FIELD: u16 = 0x13;
const FIELD_RESULT: u16 = 0x14;
const FIELD_END: u16 = 0x15;
const HYPHEN: u16 = 0x1E;

/// The stream, where its characters are, and how they look.
type Source<'s> = (&'s [u8], &'s Pieces, &'s Looks);

/// Adds the blocks of a document: its text, then its boxes, then its notes.
pub(super) fn write(
    header: &Header,
    source: Source<'_>,
    assembly: &mut Assembly<'_>,
) -> Result<()> {
    let watch = assembly.watch();
    for story in [&header.main, &header.boxes] {
        let mut walk = Walk::new(source, assembly);
        walk.story(story, watch)?;
        walk.flow.finish()?;
    }
    for story in [&header.footnotes, &header.endnotes] {
        for note in notes(source, story, watch)? {
            assembly.block(BlockKind::Note, &note)?;
        }
    }
    Ok(())
}

struct Walk<'s, 'w, 'a> {
    source: Source<'s>,
    flow: Flow<'w, 'a>,
    units: Vec<u16>,
    fields: Fields,
    /// The sign before was the end of a cell.
    after_cell: bool,
}

/// The fields that are open. What they were made from is not shown.
#[derive(Debug, Default)]
struct Fields {
    /// For each, whether its result has begun.
    open: Vec<bool>,
    n_hidden: usize,
}

impl Fields {
    /// Takes a sign that belongs to a field; whether it does.
    fn sign(&mut self, unit: u16) -> bool {
        match unit {
            FIELD => {
                self.open.push(false);
                self.n_hidden += 1;
            }
            FIELD_RESULT => {
                if let Some(shown @ false) = self.open.last_mut() {
                    *shown = true;
                    self.n_hidden = self.n_hidden.saturating_sub(1);
                }
            }
            FIELD_END => {
                let hidden = self.open.pop().is_some_and(|shown| !shown);
                self.n_hidden = self.n_hidden.saturating_sub(usize::from(hidden));
            }
            _ => return false,
        }
        true
    }

    fn hides(&self) -> bool {
        self.n_hidden > 0
    }
}

impl<'s, 'w, 'a> Walk<'s, 'w, 'a> {
    fn new(source: Source<'s>, assembly: &'w mut Assembly<'a>) -> Self {
        Self {
            source,
            flow: Flow::new(assembly),
            units: Vec::new(),
            fields: Fields::default(),
            after_cell: false,
        }
    }

    fn story(&mut self, story: &Range<u32>, watch: &Watch<'_>) -> Result<()> {
        let (stream, pieces, looks) = self.source;
        for (at, unit) in pieces.units(stream, story) {
            watch.tick()?;
            match unit {
                PARAGRAPH | PAGE | CELL => self.end(at, unit)?,
                _ if self.fields.sign(unit) || self.fields.hides() || looks.hides(at) => {}
                _ => self.units.extend(shown(unit)),
            }
        }
        self.text()
    }

    fn text(&mut self) -> Result<()> {
        let text = String::from_utf16_lossy(&std::mem::take(&mut self.units));
        self.flow.text(&text)
    }

    /// Ends a paragraph, a cell or a row.
    fn end(&mut self, at: usize, unit: u16) -> Result<()> {
        // A field that has no end does not hide the rest of the document.
        self.fields = Fields::default();
        let is_empty = self.units.is_empty();
        self.text()?;
        let known = self.source.2.paragraph(at);
        let look = known.unwrap_or_default();
        self.flow.look = flow::Look { in_table: look.in_table, heading: look.heading };
        if look.in_list {
            self.flow.marker("-");
        }
        let after_cell = std::mem::replace(&mut self.after_cell, unit == CELL);
        if unit != CELL {
            return self.flow.end_paragraph();
        }
        // Without tables of looks, a cell right behind another that holds nothing is taken for the end of a row.
        if look.ends_row || known.is_none() && is_empty && after_cell {
            self.after_cell = false;
            return self.flow.end_row();
        }
        self.flow.end_cell();
        Ok(())
    }
}

/// The paragraphs of a story of notes.
fn notes(source: Source<'_>, story: &Range<u32>, watch: &Watch<'_>) -> Result<Vec<String>> {
    let (stream, pieces, looks) = source;
    let mut notes = Vec::new();
    let mut units = Vec::new();
    let mut fields = Fields::default();
    for (at, unit) in pieces.units(stream, story) {
        watch.tick()?;
        watch.text_len(units.len())?;
        if unit == PARAGRAPH {
            notes.push(String::from_utf16_lossy(&std::mem::take(&mut units)));
        } else if !(fields.sign(unit) || fields.hides() || looks.hides(at)) {
            units.extend(shown(unit));
        }
    }
    Ok(notes)
}

/// The unit as it is shown; signs for pictures, marks of notes and the like are not.
fn shown(unit: u16) -> Option<u16> {
    match unit {
        LINE => Some(u16::from(b'\n')),
        HYPHEN => Some(u16::from(b'-')),
        0x09 => Some(unit),
        0..0x20 => None,
        _ => Some(unit),
    }
}
