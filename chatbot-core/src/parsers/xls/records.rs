//! The records of a workbook: a kind, a length, and bytes. What is too long for one goes on in the next.

use crate::parsers::ole::u16_at;

pub(super) const BEGIN: u16 = 0x0809;
pub(super) const END: u16 = 0x000A;
pub(super) const PROTECTED: u16 = 0x002F;
pub(super) const EPOCH: u16 = 0x0022;
pub(super) const CODE_PAGE: u16 = 0x0042;
pub(super) const SHEET: u16 = 0x0085;
pub(super) const FORMAT: u16 = 0x041E;
pub(super) const OLD_FORMAT: u16 = 0x001E;
pub(super) const STYLE: u16 = 0x00E0;
pub(super) const STRINGS: u16 = 0x00FC;
pub(super) const CONTINUED: u16 = 0x003C;
pub(super) const SHARED_TEXT: u16 = 0x00FD;
pub(super) const TEXT: u16 = 0x0204;
pub(super) const RICH_TEXT: u16 = 0x00D6;
pub(super) const NUMBER: u16 = 0x0203;
pub(super) const SHORT_NUMBER: u16 = 0x027E;
pub(super) const SHORT_NUMBERS: u16 = 0x00BD;
pub(super) const FORMULA: u16 = 0x0006;
pub(super) const FORMULA_TEXT: u16 = 0x0207;
pub(super) const BOOLEAN: u16 = 0x0205;
pub(super) const MERGED: u16 = 0x00E5;

/// One record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) kind: u16,
    pub(super) data: &'a [u8],
}

/// The records of a stream, from a place on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    pub(super) fn from(stream: &'a [u8], start: usize) -> Self {
        Self { rest: stream.get(start..).unwrap_or_default() }
    }

    /// The data of the records that the one before goes on in.
    pub(super) fn continued(&mut self) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        loop {
            let mut ahead = *self;
            match ahead.next() {
                Some(record) if record.kind == CONTINUED => pieces.push(record.data),
                _ => return pieces,
            }
            *self = ahead;
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let kind = u16_at(self.rest, 0)?;
        let end = 4 + usize::from(u16_at(self.rest, 2)?);
        let data = self.rest.get(4..end)?;
        self.rest = self.rest.get(end..)?;
        Some(Record { kind, data })
    }
}
