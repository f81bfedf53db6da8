//! The header of a Word document: where everything else is.

use std::ops::Range;

use crate::error::Result;
use crate::parsers::ole::{u16_at, u32_at};
use crate::parsers::package::encrypted;

use super::damaged;

/// Word 97 and later, and those before.
const SIGNATURES: [u16; 2] = [0xA5EC, 0xA5DC];
/// The version that Word 97 began to write.
const VERSION_97: u16 = 0x00C1;
/// Flags: the text lies in pieces, it is encrypted, and which of two streams holds the tables.
const IN_PIECES: u16 = 0x0004;
const ENCRYPTED: u16 = 0x0100;
const TABLES_IN_FIRST: u16 = 0x0200;
/// Where the header says how long each story is, in characters, and where each table is.
const STORIES_AT: usize = 0x4C;
const LOOKS_OF_CHARACTERS_AT: usize = 0xFA;
const LOOKS_OF_PARAGRAPHS_AT: usize = 0x102;
const PIECES_AT: usize = 0x1A2;

/// The header.
#[derive(Debug)]
pub(super) struct Header {
    /// The stream with the tables; none before Word 97, where the text lies in one piece.
    pub(super) table_stream: Option<&'static str>,
    /// Where the text is in a document of one piece, in bytes.
    pub(super) text: Range<usize>,
    pub(super) pieces: Range<usize>,
    pub(super) looks_of_characters: Range<usize>,
    pub(super) looks_of_paragraphs: Range<usize>,
    /// Where each story is, in characters.
    pub(super) main: Range<u32>,
    pub(super) footnotes: Range<u32>,
    pub(super) endnotes: Range<u32>,
    pub(super) boxes: Range<u32>,
}

impl Header {
    pub(super) fn read(stream: &[u8]) -> Result<Self> {
        let flags = u16_at(stream, 10).unwrap_or(0);
        if !u16_at(stream, 0).is_some_and(|signature| SIGNATURES.contains(&signature)) {
            return Err(damaged());
        }
        if flags & ENCRYPTED != 0 {
            return Err(encrypted());
        }
        Self::places(stream, flags).ok_or_else(damaged)
    }

    fn places(stream: &[u8], flags: u16) -> Option<Self> {
        let number = |at| usize::try_from(u32_at(stream, at)?).ok();
        let text = number(0x18)?..number(0x1C)?;
        let nowhere = || 0..0;
        if u16_at(stream, 2)? < VERSION_97 {
            let n_chars = u32::try_from(text.len()).ok().filter(|_| flags & IN_PIECES == 0)?;
            return Some(Self {
                table_stream: None,
                text,
                pieces: nowhere(),
                looks_of_characters: nowhere(),
                looks_of_paragraphs: nowhere(),
                main: 0..n_chars,
                footnotes: 0..0,
                endnotes: 0..0,
                boxes: 0..0,
            });
        }
        let table = |at: usize| Some(number(at)?..number(at)?.checked_add(number(at + 4)?)?);
        // In this order: text, footnotes, headers, macros, remarks, endnotes, boxes.
        let mut next = 0u32;
        let mut stories = (0..7).map(|i| {
            let start = next;
            next = start.checked_add(u32_at(stream, STORIES_AT + 4 * i)?)?;
            Some(start..next)
        });
        let mut story = || stories.next().flatten();
        let (main, footnotes, _, _, _, endnotes, boxes) =
            (story()?, story()?, story()?, story()?, story()?, story()?, story()?);
        Some(Self {
            table_stream: Some(if flags & TABLES_IN_FIRST == 0 { "0Table" } else { "1Table" }),
            text,
            pieces: table(PIECES_AT)?,
            looks_of_characters: table(LOOKS_OF_CHARACTERS_AT)?,
            looks_of_paragraphs: table(LOOKS_OF_PARAGRAPHS_AT)?,
            main,
            footnotes,
            endnotes,
            boxes,
        })
    }
}
