//! Builds blocks from formats that write a text as one flow, in which signs end paragraphs, cells and rows.

use crate::error::Result;
use crate::parsers::assemble::{Assembly, one_line};
use crate::types::BlockKind;

/// Longer cells are passages of text: the table is there for the layout.
const MAX_CELL_BYTES: usize = 600;

/// What of the document is not written yet.
#[derive(Debug)]
pub(super) struct Flow<'w, 'a> {
    assembly: &'w mut Assembly<'a>,
    paragraph: String,
    marker: String,
    cells: Vec<String>,
    note: String,
    notes: Vec<String>,
    pub(super) look: Look,
    pub(super) header_row: bool,
}

/// How a paragraph looks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    pub(super) in_table: bool,
    /// 1–6, where it is a heading.
    pub(super) heading: Option<u8>,
}

impl<'w, 'a> Flow<'w, 'a> {
    pub(super) fn new(assembly: &'w mut Assembly<'a>) -> Self {
        Self {
            assembly,
            paragraph: String::new(),
            marker: String::new(),
            cells: Vec::new(),
            note: String::new(),
            notes: Vec::new(),
            look: Look::default(),
            header_row: false,
        }
    }

    pub(super) fn text(&mut self, text: &str) -> Result<()> {
        self.paragraph.push_str(text);
        self.assembly.watch().text_len(self.paragraph.len())
    }

    /// Adds to what stands in front of an item of a list.
    pub(super) fn marker(&mut self, text: &str) {
        self.marker.push_str(text);
    }

    pub(super) fn note(&mut self, text: &str) {
        self.note.push_str(text);
    }

    pub(super) fn end_note(&mut self) {
        self.notes.push(std::mem::take(&mut self.note));
    }

    /// Ends a paragraph; in a table it is a line of its cell.
    pub(super) fn end_paragraph(&mut self) -> Result<()> {
        if self.look.in_table {
            self.paragraph.push('\n');
            return Ok(());
        }
        self.end_row()?;
        let text = std::mem::take(&mut self.paragraph);
        let marker = std::mem::take(&mut self.marker);
        if let Some(level) = self.look.heading {
            self.assembly.block(BlockKind::Heading { level }, &one_line(&text))?;
        } else if marker.trim().is_empty() {
            self.assembly.block(BlockKind::Paragraph, &text)?;
        } else if !text.trim().is_empty() {
            // A sign is a sign, whichever font it came from.
            let counts = marker.contains(char::is_alphanumeric);
            let marker = if counts { marker.trim() } else { "-" };
            self.assembly.block(BlockKind::ListItem, &format!("{marker} {}", text.trim()))?;
        }
        self.write_notes()
    }

    pub(super) fn end_cell(&mut self) {
        self.marker.clear();
        self.cells.push(one_line(&std::mem::take(&mut self.paragraph)));
    }

    pub(super) fn end_row(&mut self) -> Result<()> {
        let cells = std::mem::take(&mut self.cells);
        let is_data = cells.len() > 1 && cells.iter().all(|cell| cell.len() <= MAX_CELL_BYTES);
        if !is_data {
            for cell in &cells {
                self.assembly.block(BlockKind::Paragraph, cell)?;
            }
        } else if cells.iter().any(|cell| !cell.is_empty()) {
            let kind = BlockKind::TableRow { header: self.header_row };
            self.assembly.block(kind, &cells.join(" | "))?;
        }
        if cells.is_empty() { Ok(()) } else { self.write_notes() }
    }

    /// Ends the document, whatever is open.
    pub(super) fn finish(mut self) -> Result<()> {
        self.look.in_table = false;
        if !self.cells.is_empty() {
            self.end_cell();
        }
        self.end_paragraph()
    }

    fn write_notes(&mut self) -> Result<()> {
        for note in std::mem::take(&mut self.notes) {
            self.assembly.block(BlockKind::Note, &one_line(&note))?;
        }
        Ok(())
    }
}
