//! The cells of a sheet.

use crate::error::Result;
use crate::parsers::ole::{u8_at, u16_at, u32_at};
use crate::parsers::sheets::{Grid, Merge, general};
use crate::parsers::watch::Watch;

use super::book::Book;
use super::records::{self, Record, Records};
use super::strings::{old_text, text};

/// What stands in place of a number where a formula gives something else.
const NO_NUMBER: u16 = 0xFFFF;

/// What a cell shows, and whether it is a text.
type Shown = (String, bool);

/// The cells of the sheet whose records begin at `start`.
pub(super) fn read<'a>(
    stream: &[u8],
    start: usize,
    book: &Book,
    watch: &'a Watch<'a>,
) -> Result<Grid<'a>> {
    let mut sheet = Sheet { book, grid: Grid::new(watch), formula: None };
    let mut depth = 0usize;
    for record in Records::from(stream, start) {
        watch.tick()?;
        match record.kind {
            records::BEGIN => depth += 1,
            records::END if depth <= 1 => break,
            records::END => depth -= 1,
            // Charts inside the sheet have records of their own.
            _ if depth == 1 => sheet.record(record)?,
            _ => {}
        }
    }
    Ok(sheet.grid)
}

struct Sheet<'b, 'a> {
    book: &'b Book,
    grid: Grid<'a>,
    /// The cell whose formula gives the text that follows.
    formula: Option<(u32, u16)>,
}

impl Sheet<'_, '_> {
    fn record(&mut self, record: Record<'_>) -> Result<()> {
        match record.kind {
            records::SHORT_NUMBERS => self.short_numbers(record.data),
            records::MERGED => {
                self.merged(record.data);
                Ok(())
            }
            records::FORMULA_TEXT => match self.formula.take() {
                Some(at) => self.push(at, self.text(record.data, 0).map(|text| (text, true))),
                None => Ok(()),
            },
            _ => {
                let Some(at) = place(record.data, 2) else { return Ok(()) };
                if record.kind == records::FORMULA {
                    self.formula = Some(at);
                }
                let shown = self.shown(record);
                self.push(at, shown)
            }
        }
    }

    fn push(&mut self, at: (u32, u16), shown: Option<Shown>) -> Result<()> {
        match shown {
            Some((text, is_text)) => self.grid.push(at, &text, is_text),
            None => Ok(()),
        }
    }

    fn shown(&self, Record { kind, data }: Record<'_>) -> Option<Shown> {
        match kind {
            records::SHARED_TEXT => {
                let index = usize::try_from(u32_at(data, 6)?).ok()?;
                Some((self.book.strings.get(index)?.to_owned(), true))
            }
            records::TEXT | records::RICH_TEXT => Some((self.text(data, 6)?, true)),
            records::NUMBER => self.number(u16_at(data, 4)?, f64_at(data, 6)?),
            records::SHORT_NUMBER => self.number(u16_at(data, 4)?, short_number(u32_at(data, 6)?)),
            records::BOOLEAN => boolean(u8_at(data, 6)?, u8_at(data, 7)? != 0),
            records::FORMULA => self.result(data),
            _ => None,
        }
    }

    /// What a formula gave when it was last computed. A text follows in a record of its own.
    fn result(&self, data: &[u8]) -> Option<Shown> {
        if u16_at(data, 12)? != NO_NUMBER {
            return self.number(u16_at(data, 4)?, f64_at(data, 6)?);
        }
        match u8_at(data, 6)? {
            kind @ (1 | 2) => boolean(u8_at(data, 8)?, kind == 2),
            _ => None,
        }
    }

    fn number(&self, style: u16, value: f64) -> Option<Shown> {
        let format = self.book.format(style);
        let shown = format.map(|format| format.show(value, self.book.epoch));
        Some((shown.unwrap_or_else(|| general(value)), false))
    }

    fn text(&self, data: &[u8], at: usize) -> Option<String> {
        if self.book.is_97 {
            return text(data, at);
        }
        let len = usize::from(u16_at(data, at)?);
        Some(old_text(data.get(at + 2..at + 2 + len)?, self.book.encoding))
    }

    /// Several numbers side by side.
    fn short_numbers(&mut self, data: &[u8]) -> Result<()> {
        let Some((row, first)) = place(data, 2) else { return Ok(()) };
        let numbers = data.get(4..data.len().saturating_sub(2)).unwrap_or_default();
        for (column, pair) in (first..u16::MAX).zip(numbers.chunks_exact(6)) {
            let (style, value) = (u16_at(pair, 0).unwrap_or(0), u32_at(pair, 2).unwrap_or(0));
            let shown = self.number(style, short_number(value));
            self.push((row, column), shown)?;
        }
        Ok(())
    }

    fn merged(&mut self, data: &[u8]) {
        for range in data.get(2..).unwrap_or_default().chunks_exact(8) {
            let number = |at| u16_at(range, at).unwrap_or(0);
            let (row, last_row) = (u32::from(number(0)), u32::from(number(2)));
            self.grid.merge(Merge { row, column: number(4), last_row });
        }
    }
}

/// Row and column, whose number stands at `at`.
fn place(data: &[u8], at: usize) -> Option<(u32, u16)> {
    Some((u32::from(u16_at(data, 0)?), u16_at(data, at)?))
}

fn boolean(value: u8, is_error: bool) -> Option<Shown> {
    let shown = match (is_error, value) {
        (false, 0) => "FALSE",
        (false, _) => "TRUE",
        (true, 0x00) => "#NULL!",
        (true, 0x07) => "#DIV/0!",
        (true, 0x0F) => "#VALUE!",
        (true, 0x17) => "#REF!",
        (true, 0x1D) => "#NAME?",
        (true, 0x24) => "#NUM!",
        (true, _) => "#N/A",
    };
    Some((shown.to_owned(), is_error))
}

fn f64_at(data: &[u8], at: usize) -> Option<f64> {
    let eight = data.get(at..at.checked_add(8)?)?;
    Some(f64::from_le_bytes(eight.try_into().ok()?))
}

/// A number in 32 bits: an integer or the upper half of one with a point, either of them times a hundred.
fn short_number(bits: u32) -> f64 {
    let value = if bits & 2 == 0 {
        f64::from_bits(u64::from(bits & !3) << 32)
    } else {
        f64::from(bits.cast_signed() >> 2)
    };
    if bits & 1 == 0 { value } else { value / 100.0 }
}

#[cfg(test)]
mod tests {
    use super::short_number;

    #[test]
    fn numbers_in_32_bits_have_four_forms() {
        assert_eq!(short_number(7 << 2 | 2), 7.0);
        assert_eq!(short_number((-7i32).cast_unsigned() << 2 | 2), -7.0);
        assert_eq!(short_number(1234 << 2 | 3), 12.34);
        assert_eq!(short_number(0x3FF0_0000), 1.0);
    }
}
