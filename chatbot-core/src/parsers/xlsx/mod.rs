//! Excel workbooks: every sheet with its cells as they are shown, hidden ones included.
//!
//! Sheets are walked event by event, and a cell that holds nothing costs nothing. A formula is its last value. Comments on
//! cells and text in boxes follow the sheet that they are on.

mod sheet;
mod strings;
mod styles;
mod workbook;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{ParseLimits, Parser};
use crate::types::{BlockKind, MediaType, ParsedDocument, RawDocument};

use super::assemble::Assembly;
use super::drawing::{self, Piece};
use super::formats::XLSX;
use super::package::{Package, core_facts, related};
use super::registry::corrupt;
use super::watch::Watch;
use sheet::{Book, read_comments};
use strings::read_strings;
use styles::Styles;
use workbook::Workbook;

/// Reads Excel workbooks (`.xlsx`, `.xlsm`, `.xltx`).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct XlsxParser {}

impl Parser for XlsxParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[XLSX];
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
        let main = package.main_part("xl/workbook.xml")?;
        let relations = package.relations(&main)?;
        let facts = core_facts(&mut package, &watch)?;
        let text = package.part(&main)?.ok_or_else(|| {
            corrupt(
                "The Excel workbook has no list of its sheets. Save it again and add the new file.",
            )
        })?;
        let workbook = Workbook::read(&text, &watch)?;
        let strings = related(&mut package, &relations, "sharedStrings")?;
        let styles = related(&mut package, &relations, "styles")?;
        let book = Book {
            strings: read_strings(strings.as_deref(), &watch)?,
            styles: Styles::read(styles.as_deref(), &watch)?,
            epoch: workbook.epoch,
        };
        drop(strings);
        let mut assembly = Assembly::new(&watch);
        for (at, sheet) in workbook.sheets.iter().enumerate() {
            let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
            let target = relations.iter().find(|relation| relation.id == sheet.relation);
            let Some(target) = target else { continue };
            write_sheet(&mut package, &book, (&sheet.name, number, &target.target), &mut assembly)?;
        }
        Ok(assembly.finish(media_type.clone(), facts))
    }
}

fn write_sheet<'a>(
    package: &mut Package<'_>,
    book: &Book,
    (name, number, path): (&str, u32, &str),
    assembly: &mut Assembly<'a>,
) -> Result<()> {
    let watch = assembly.watch();
    let Some(part) = package.part(path)? else { return Ok(()) };
    let grid = book.read(&part, watch)?;
    drop(part);
    grid.write(name, number, assembly)?;
    let relations = package.relations(path)?;
    if let Some(comments) = related(package, &relations, "comments")? {
        for comment in read_comments(&comments, watch)? {
            assembly.block(BlockKind::Note, &comment)?;
        }
    }
    if let Some(boxes) = related(package, &relations, "drawing")? {
        for piece in drawing::read(&boxes, watch)? {
            if let Piece::Text { kind, text, .. } = piece {
                assembly.block(kind, &text)?;
            }
        }
    }
    Ok(())
}
