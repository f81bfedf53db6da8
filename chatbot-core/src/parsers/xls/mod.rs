//! Old Excel workbooks (Excel 5 to 2003): every sheet with its cells as they are shown, hidden ones included.
//!
//! A workbook is one stream of records; cells are read from it one after the other. Source: [MS-XLS].

mod book;
mod cells;
mod records;
mod strings;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{ParseLimits, Parser};
use crate::types::{MediaType, ParsedDocument, RawDocument};

use super::assemble::Assembly;
use super::formats::XLS;
use super::ole::Ole;
use super::registry::corrupt;
use super::watch::{Watch, exceeded};
use book::Book;

/// Reads old Excel workbooks (`.xls`, `.xlt`).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct XlsParser {}

impl Parser for XlsParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[XLS];
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
        // Excel 5 and 95 called it otherwise.
        let stream = match file.stream("Workbook")? {
            Some(stream) => Some(stream),
            None => file.stream("Book")?,
        };
        let stream = stream.ok_or_else(|| {
            corrupt("The Excel workbook has no sheets in it. Save it again and add the new file.")
        })?;
        let book = Book::read(&stream, &watch)?;
        let mut assembly = Assembly::new(&watch);
        for (at, sheet) in book.sheets.iter().enumerate() {
            if at >= limits.max_pages {
                return Err(exceeded("The workbook has more sheets than allowed. Split it."));
            }
            let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
            let grid = cells::read(&stream, sheet.start, &book, &watch)?;
            grid.write(&sheet.name, number, &mut assembly)?;
        }
        Ok(assembly.finish(media_type.clone(), file.facts()?))
    }
}
