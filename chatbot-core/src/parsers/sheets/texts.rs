//! Texts that the cells of a workbook share.

use crate::error::Result;
use crate::parsers::watch::{Watch, exceeded};

/// The texts, one behind the other: a workbook may have millions.
#[derive(Debug, Default)]
pub(in crate::parsers) struct Texts {
    text: String,
    ends: Vec<u32>,
}

impl Texts {
    /// Ends the text that is open.
    pub(in crate::parsers) fn end(&mut self, watch: &Watch<'_>) -> Result<()> {
        watch.text_len(self.text.len() + size_of::<u32>() * self.ends.len())?;
        let end = u32::try_from(self.text.len());
        self.ends.push(end.map_err(|_| exceeded("The workbook holds more text than allowed."))?);
        Ok(())
    }

    /// The text with this number, from 0.
    pub(in crate::parsers) fn get(&self, index: usize) -> Option<&str> {
        let place = |end: &u32| usize::try_from(*end).ok();
        let end = self.ends.get(index).and_then(place)?;
        let before = index.checked_sub(1).and_then(|before| self.ends.get(before));
        self.text.get(before.and_then(place).unwrap_or(0)..end)
    }

    /// The text that is open, behind those before it.
    pub(in crate::parsers) fn open(&mut self) -> &mut String {
        &mut self.text
    }
}
