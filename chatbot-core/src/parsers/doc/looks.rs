//! What the paragraphs and characters at each place of the stream look like.

use std::ops::Range;

use crate::error::Result;
use crate::parsers::ole::{u8_at, u16_at, u32_at};
use crate::parsers::watch::Watch;

use super::header::Header;

const PAGE_BYTES: usize = 512;
/// Properties of paragraphs: in a table, end of a row, in which list.
const IN_TABLE: u16 = 0x2416;
const ROW_END: u16 = 0x2417;
const LIST: u16 = 0x460B;
/// Properties of characters: deleted, hidden.
const DELETED: u16 = 0x0800;
const HIDDEN: u16 = 0x083C;
/// Properties whose length takes two bytes.
const LONG_PROPERTIES: [u16; 2] = [0xD608, 0xC615];
/// Bytes that a page keeps for each run of paragraphs.
const PARAGRAPH_ENTRY_BYTES: usize = 13;
/// The styles with these numbers are headings.
const HEADINGS: std::ops::RangeInclusive<u16> = 1..=9;

/// The looks of a document.
#[derive(Debug, Default)]
pub(super) struct Looks {
    paragraphs: Vec<(Range<usize>, Look)>,
    hidden: Vec<Range<usize>>,
}

/// How a paragraph looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// 1–6, where it is a heading.
    pub(super) heading: Option<u8>,
    pub(super) in_table: bool,
    /// Whether it stands for the end of a row.
    pub(super) ends_row: bool,
    pub(super) in_list: bool,
}

impl Looks {
    pub(super) fn read(
        header: &Header,
        stream: &[u8],
        tables: &[u8],
        watch: &Watch<'_>,
    ) -> Result<Self> {
        let mut looks = Self::default();
        for page in pages(stream, tables.get(header.looks_of_paragraphs.clone())) {
            watch.tick()?;
            looks
                .paragraphs
                .extend(runs(page).filter_map(|(place, run)| Some((place, paragraph(page, run)?))));
        }
        for page in pages(stream, tables.get(header.looks_of_characters.clone())) {
            watch.tick()?;
            let hidden = runs(page).filter(|(_, run)| is_hidden(page, *run).unwrap_or(false));
            looks.hidden.extend(hidden.map(|(place, _)| place));
        }
        looks.paragraphs.sort_by_key(|(place, _)| place.start);
        looks.hidden.sort_by_key(|place| place.start);
        Ok(looks)
    }

    /// How the paragraph that ends at `at` looks; `None` where the document does not say.
    pub(super) fn paragraph(&self, at: usize) -> Option<Look> {
        let next = self.paragraphs.partition_point(|(place, _)| place.start <= at);
        let (place, look) = self.paragraphs.get(next.checked_sub(1)?)?;
        place.contains(&at).then_some(*look)
    }

    /// Whether nobody sees the character at `at`.
    pub(super) fn hides(&self, at: usize) -> bool {
        let next = self.hidden.partition_point(|place| place.start <= at);
        next.checked_sub(1).and_then(|i| self.hidden.get(i)).is_some_and(|p| p.contains(&at))
    }
}

/// Where a run of a page is described.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// How many runs the page has, and which of them this one is.
    n: usize,
    index: usize,
}

/// The pages that a table lists.
fn pages<'s>(stream: &'s [u8], table: Option<&'s [u8]>) -> impl Iterator<Item = &'s [u8]> {
    let table = table.unwrap_or_default();
    let n = table.len().saturating_sub(4) / 8;
    (0..n).filter_map(move |i| {
        let number = usize::try_from(u32_at(table, 4 * (n + 1) + 4 * i)?).ok()?;
        let start = number.checked_mul(PAGE_BYTES)?;
        stream.get(start..start.checked_add(PAGE_BYTES)?)
    })
}

/// The runs of a page, and where their characters are in the stream.
fn runs(page: &[u8]) -> impl Iterator<Item = (Range<usize>, Run)> {
    let n = page.last().map_or(0, |n| usize::from(*n));
    let place = |i: usize| u32_at(page, 4 * i).and_then(|at| usize::try_from(at).ok());
    (0..n).filter_map(move |index| Some((place(index)?..place(index + 1)?, Run { n, index })))
}

fn paragraph(page: &[u8], Run { n, index }: Run) -> Option<Look> {
    let entry = 4 * (n + 1) + PARAGRAPH_ENTRY_BYTES * index;
    let at = 2 * usize::from(u8_at(page, entry)?);
    let (at, len) = match usize::from(u8_at(page, at)?) {
        0 => (at + 2, 2 * usize::from(u8_at(page, at + 1)?)),
        half => (at + 1, 2 * half - 1),
    };
    let described = page.get(at..at + len)?;
    let style = u16_at(described, 0)?;
    let level = u8::try_from(style).ok().filter(|_| HEADINGS.contains(&style));
    let mut look = Look { heading: level.map(|level| level.min(6)), ..Look::default() };
    for (property, value) in properties(described.get(2..)?) {
        let on = value.iter().any(|byte| *byte != 0);
        match property {
            IN_TABLE => look.in_table = on,
            ROW_END => look.ends_row = on,
            LIST => look.in_list = on,
            _ => {}
        }
    }
    Some(look)
}

fn is_hidden(page: &[u8], Run { n, index }: Run) -> Option<bool> {
    let at = 2 * usize::from(u8_at(page, 4 * (n + 1) + index)?);
    if at == 0 {
        return Some(false);
    }
    let len = usize::from(u8_at(page, at)?);
    let mut hidden = false;
    for (property, value) in properties(page.get(at + 1..at + 1 + len)?) {
        if matches!(property, DELETED | HIDDEN) {
            hidden |= value.first() == Some(&1);
        }
    }
    Some(hidden)
}

/// Properties and their values, as far as they can be made out.
fn properties(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let property = u16_at(rest, 0)?;
        let (start, len) = match property >> 13 {
            0 | 1 => (2, 1),
            2 | 4 | 5 => (2, 2),
            3 => (2, 4),
            7 => (2, 3),
            _ if LONG_PROPERTIES.contains(&property) => {
                (4, usize::from(u16_at(rest, 2)?).saturating_sub(1))
            }
            _ => (3, usize::from(u8_at(rest, 2)?)),
        };
        let value = rest.get(start..start + len)?;
        rest = rest.get(start + len..)?;
        Some((property, value))
    })
}
