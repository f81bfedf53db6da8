//! Texts in records: 8 or 16 bits a character, cut anywhere where a record ends.

use encoding_rs::{Encoding, UTF_16LE};

use crate::parsers::ole::{u8_at, u16_at};

/// Flags of a text.
const WIDE: u8 = 1;
const EXTENDED: u8 = 4;
const RICH: u8 = 8;
/// Bytes that describe the look of one run of a text.
const RUN_BYTES: usize = 4;

/// A text in the way of Excel 97 and later whose length takes two bytes.
pub(super) fn text(data: &[u8], at: usize) -> Option<String> {
    let n_chars = usize::from(u16_at(data, at)?);
    wide_or_narrow(data, at + 2, n_chars)
}

/// A text whose length takes one byte.
pub(super) fn short_text(data: &[u8], at: usize) -> Option<String> {
    let n_chars = usize::from(u8_at(data, at)?);
    wide_or_narrow(data, at + 1, n_chars)
}

fn wide_or_narrow(data: &[u8], at: usize, n_chars: usize) -> Option<String> {
    let wide = u8_at(data, at)? & WIDE != 0;
    let rest = data.get(at + 1..)?;
    let n_bytes = if wide { 2 * n_chars } else { n_chars };
    Some(characters(rest.get(..n_bytes.min(rest.len()))?, wide))
}

/// A text in the way of Excel 5 and 95.
pub(super) fn old_text(bytes: &[u8], encoding: &'static Encoding) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

fn characters(bytes: &[u8], wide: bool) -> String {
    if wide {
        UTF_16LE.decode_without_bom_handling(bytes).0.into_owned()
    } else {
        // The lower halves of 16 bits.
        bytes.iter().copied().map(char::from).collect()
    }
}

/// The table of shared texts, which goes on over many records.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pieces: std::vec::IntoIter<&'a [u8]>,
    piece: &'a [u8],
}

impl<'a> Table<'a> {
    pub(super) fn new(first: &'a [u8], more: Vec<&'a [u8]>) -> Self {
        // The counts at the beginning are not believed.
        Self { pieces: more.into_iter(), piece: first.get(8..).unwrap_or_default() }
    }

    fn advance(&mut self) -> Option<()> {
        while self.piece.is_empty() {
            self.piece = self.pieces.next()?;
        }
        Some(())
    }

    fn u8(&mut self) -> Option<u8> {
        self.advance()?;
        let (first, rest) = self.piece.split_first()?;
        self.piece = rest;
        Some(*first)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.u8()?, self.u8()?]))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from(self.u16()?) | u32::from(self.u16()?) << 16)
    }

    fn pass(&mut self, mut n: usize) -> Option<()> {
        while n > 0 {
            self.advance()?;
            let here = n.min(self.piece.len());
            self.piece = self.piece.get(here..)?;
            n -= here;
        }
        Some(())
    }

    /// The characters of a text. Where it goes on in another record, that says anew how wide they are.
    fn characters(&mut self, mut n: usize, mut wide: bool) -> Option<String> {
        let mut text = String::new();
        while n > 0 {
            if self.piece.is_empty() {
                wide = self.u8()? & WIDE != 0;
            }
            let width = if wide { 2 } else { 1 };
            let here = n.min(self.piece.len() / width);
            if here == 0 {
                // Half a character is left: the record is damaged.
                self.piece = &[];
                continue;
            }
            let (bytes, rest) = self.piece.split_at_checked(here * width)?;
            text.push_str(&characters(bytes, wide));
            self.piece = rest;
            n -= here;
        }
        Some(text)
    }
}

impl Iterator for Table<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let n_chars = usize::from(self.u16()?);
        let flags = self.u8()?;
        let n_runs = if flags & RICH == 0 { 0 } else { usize::from(self.u16()?) };
        let n_extra = if flags & EXTENDED == 0 { 0 } else { usize::try_from(self.u32()?).ok()? };
        let text = self.characters(n_chars, flags & WIDE != 0)?;
        // What is cut off behind the last text is no loss.
        let _ = self.pass(n_runs * RUN_BYTES).and_then(|()| self.pass(n_extra));
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_go_on_in_the_next_record_with_another_width() {
        let first = b"\0\0\0\0\0\0\0\0\x02\0\0ab\x04\0\x00cd".as_slice();
        let more = vec![b"\x01e\0f\0\x01\0\x08\x01\0g\x01\x02\x03\x04\x01\0\0h".as_slice()];
        let texts: Vec<String> = Table::new(first, more).collect();
        assert_eq!(texts, ["ab", "cdef", "g", "h"]);
    }

    #[test]
    fn a_table_that_is_cut_off_gives_what_is_whole() {
        let whole = b"\0\0\0\0\0\0\0\0\x02\0\0ab\x04\0\x01c\0d";
        for n in 0..whole.len() {
            assert!(Table::new(&whole[..n], Vec::new()).count() <= 1);
        }
    }
}
