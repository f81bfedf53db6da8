//! The records of a presentation. Some hold further records, whose headers simply come next.

use crate::parsers::ole::{u16_at, u32_at};

/// Bytes of the header of a record.
const HEADER_BYTES: usize = 8;
/// Records that hold others have this version.
const HOLDS_OTHERS: u16 = 0xF;

pub(super) const SAVED: u16 = 0x0FF5;
pub(super) const PLACES: u16 = 0x1772;
pub(super) const LIST: u16 = 0x0FF0;
pub(super) const LISTED: u16 = 0x03F3;
pub(super) const NOTES_FACTS: u16 = 0x03F1;
pub(super) const TEXT_HEADER: u16 = 0x0F9F;
pub(super) const WIDE_TEXT: u16 = 0x0FA0;
pub(super) const NARROW_TEXT: u16 = 0x0FA8;
pub(super) const TEXT_REFERENCE: u16 = 0x0F9E;

/// One record; without data where it holds others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) kind: u16,
    pub(super) instance: u16,
    pub(super) data: &'a [u8],
}

/// Records one after the other, those that others hold included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// The record at `at`, and those that it holds.
    pub(super) fn within(stream: &'a [u8], at: usize) -> Self {
        let len = u32_at(stream, at + 4).and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
        let end = at.saturating_add(HEADER_BYTES).saturating_add(len).min(stream.len());
        Self { rest: stream.get(at..end).unwrap_or_default() }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let first = u16_at(self.rest, 0)?;
        let (version, instance) = (first & 0xF, first >> 4);
        let kind = u16_at(self.rest, 2)?;
        let len = usize::try_from(u32_at(self.rest, 4)?).ok()?;
        let body = self.rest.get(HEADER_BYTES..)?;
        if version == HOLDS_OTHERS {
            self.rest = body;
            return Some(Record { kind, instance, data: &[] });
        }
        let (data, rest) = body.split_at_checked(len.min(body.len()))?;
        self.rest = rest;
        Some(Record { kind, instance, data })
    }
}
