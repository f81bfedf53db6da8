//! What a workbook says before its sheets: their names, shared texts and number formats.

use std::collections::HashMap;

use encoding_rs::{Encoding, WINDOWS_1252};

use crate::error::Result;
use crate::parsers::code_pages::code_page;
use crate::parsers::ole::{u8_at, u16_at, u32_at};
use crate::parsers::package::encrypted;
use crate::parsers::sheets::{Epoch, NumberFormat, Texts};
use crate::parsers::watch::Watch;

use super::records::{self, Record, Records};
use super::strings::{Table, old_text, short_text, text};

/// The version of the records that Excel 97 began to write.
const VERSION_97: u16 = 0x0600;
/// A sheet of cells, and neither a chart nor a macro.
const CELLS: u8 = 0;

/// A workbook.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) sheets: Vec<Sheet>,
    pub(super) strings: Texts,
    pub(super) epoch: Epoch,
    pub(super) is_97: bool,
    pub(super) encoding: &'static Encoding,
    formats: HashMap<u16, NumberFormat>,
    /// The number of the format of each style.
    of_styles: Vec<u16>,
}

/// A sheet in the list.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) name: String,
    /// Where its records begin.
    pub(super) start: usize,
}

impl Book {
    pub(super) fn read(stream: &[u8], watch: &Watch<'_>) -> Result<Self> {
        let mut book = Self {
            sheets: Vec::new(),
            strings: Texts::default(),
            epoch: Epoch::Y1900,
            is_97: false,
            encoding: WINDOWS_1252,
            formats: HashMap::new(),
            of_styles: Vec::new(),
        };
        let mut records = Records::from(stream, 0);
        while let Some(record) = records.next() {
            watch.tick()?;
            match record.kind {
                records::END => break,
                records::PROTECTED => return Err(encrypted()),
                records::STRINGS => {
                    for text in Table::new(record.data, records.continued()) {
                        watch.tick()?;
                        book.strings.open().push_str(&text);
                        book.strings.end(watch)?;
                    }
                }
                _ => drop(book.note(record)),
            }
        }
        for id in &book.of_styles {
            if let Some(builtin) = NumberFormat::builtin(u32::from(*id)) {
                book.formats.entry(*id).or_insert(builtin);
            }
        }
        Ok(book)
    }

    /// The format of a style; `None` where numbers are shown as they are.
    pub(super) fn format(&self, style: u16) -> Option<&NumberFormat> {
        self.formats.get(self.of_styles.get(usize::from(style))?)
    }

    fn note(&mut self, Record { kind, data }: Record<'_>) -> Option<()> {
        match kind {
            records::BEGIN => self.is_97 = u16_at(data, 0)? >= VERSION_97,
            records::EPOCH if u16_at(data, 0)? == 1 => self.epoch = Epoch::Y1904,
            records::CODE_PAGE => self.encoding = code_page(i32::from(u16_at(data, 0)?)),
            records::SHEET if u8_at(data, 5)? == CELLS => {
                let name = if self.is_97 { short_text(data, 6)? } else { self.old_name(data, 6)? };
                let start = usize::try_from(u32_at(data, 0)?).ok()?;
                self.sheets.push(Sheet { name, start });
            }
            records::FORMAT | records::OLD_FORMAT => {
                let code = if self.is_97 { text(data, 2)? } else { self.old_name(data, 2)? };
                self.formats.insert(u16_at(data, 0)?, NumberFormat::parse(&code));
            }
            records::STYLE => self.of_styles.push(u16_at(data, 2)?),
            _ => {}
        }
        Some(())
    }

    /// A text of Excel 5 and 95 whose length takes one byte.
    fn old_name(&self, data: &[u8], at: usize) -> Option<String> {
        let len = usize::from(u8_at(data, at)?);
        Some(old_text(data.get(at + 1..at + 1 + len)?, self.encoding))
    }
}
