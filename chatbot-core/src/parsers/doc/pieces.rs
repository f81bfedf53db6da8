//! Where the characters of a document are.

use std::ops::Range;

use encoding_rs::WINDOWS_1252;

use crate::parsers::ole::{u8_at, u16_at, u32_at};

use super::header::Header;

/// What stands before changes of properties, and before the table of pieces.
const PROPERTIES: u8 = 1;
const PIECES: u8 = 2;
/// A piece whose characters take 8 bits says so with this bit.
const NARROW: u32 = 0x4000_0000;
/// Bytes that describe a piece.
const PIECE_BYTES: usize = 8;

/// The pieces of a document, in the order of its text.
#[derive(Debug)]
pub(super) struct Pieces(Vec<Piece>);

/// Characters that lie side by side.
#[derive(Debug, Clone)]
struct Piece {
    chars: Range<u32>,
    /// Where the first one is in the stream.
    start: usize,
    /// Bytes of each.
    width: usize,
}

impl Pieces {
    pub(super) fn read(header: &Header, tables: &[u8]) -> Option<Self> {
        if header.table_stream.is_none() {
            let piece = Piece { chars: header.main.clone(), start: header.text.start, width: 1 };
            return Some(Self(vec![piece]));
        }
        let mut rest = tables.get(header.pieces.clone())?;
        while u8_at(rest, 0)? == PROPERTIES {
            rest = rest.get(3 + usize::from(u16_at(rest, 1)?)..)?;
        }
        if u8_at(rest, 0)? != PIECES {
            return None;
        }
        let len = usize::try_from(u32_at(rest, 1)?).ok()?;
        let table = rest.get(5..5usize.checked_add(len)?)?;
        let n = table.len().saturating_sub(4) / (4 + PIECE_BYTES);
        let piece = |i: usize| {
            let chars = u32_at(table, 4 * i)?..u32_at(table, 4 * i + 4)?;
            let place = u32_at(table, 4 * (n + 1) + PIECE_BYTES * i + 2)?;
            let narrow = place & NARROW != 0;
            let start = usize::try_from(place & !NARROW).ok()?;
            let (start, width) = if narrow { (start / 2, 1) } else { (start, 2) };
            Some(Piece { chars, start, width })
        };
        Some(Self((0..n).map_while(piece).collect()))
    }

    /// The characters of a story as units of UTF-16, each with its place in the stream.
    pub(super) fn units<'p>(
        &'p self,
        stream: &'p [u8],
        story: &'p Range<u32>,
    ) -> impl Iterator<Item = (usize, u16)> + 'p {
        self.0.iter().flat_map(move |piece| {
            let from = story.start.max(piece.chars.start);
            let until = story.end.min(piece.chars.end);
            (from..until).map_while(move |char| piece.unit(stream, char))
        })
    }
}

impl Piece {
    fn unit(&self, stream: &[u8], char: u32) -> Option<(usize, u16)> {
        let index = usize::try_from(char - self.chars.start).ok()?;
        let at = index.checked_mul(self.width)?.checked_add(self.start)?;
        if self.width == 2 {
            return Some((at, u16_at(stream, at)?));
        }
        let byte = [u8_at(stream, at)?];
        let text = WINDOWS_1252.decode_without_bom_handling(&byte).0;
        // Signs below 32 mean the same in both.
        let unit = text.encode_utf16().next().unwrap_or(u16::from(byte[0]));
        Some((at, unit))
    }
}
