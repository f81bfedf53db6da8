//! The sheets of an OpenDocument spreadsheet. Its cells say themselves how they are shown.

use crate::error::Result;
use crate::parsers::assemble::Assembly;
use crate::parsers::package::xml::{Element, Node, Xml};
use crate::parsers::sheets::{Grid, Merge};
use crate::parsers::watch::{Watch, exceeded};
use crate::types::BlockKind;

/// A sheet whose end has not been reached.
struct Sheet<'a> {
    name: String,
    grid: Grid<'a>,
    row: u32,
    n_rows: u32,
    column: u16,
    /// The cells of the row that is open.
    cells: Vec<Cell>,
    notes: Vec<String>,
}

#[derive(Debug, Default)]
struct Cell {
    column: u16,
    n_columns: u16,
    n_rows: u32,
    is_text: bool,
    text: String,
}

/// What the text that is being read belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Elsewhere,
    Cell,
    Note,
}

#[derive(Default)]
struct Walk<'a> {
    sheet: Option<Sheet<'a>>,
    place: Place,
    n_paragraphs: usize,
    n_skipped: usize,
}

/// Adds the sheets of a content part.
pub(super) fn write(part: &str, assembly: &mut Assembly<'_>) -> Result<()> {
    let watch = assembly.watch();
    let mut walk = Walk::default();
    let mut number = 0;
    let mut xml = Xml::new(part, watch);
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(element) => walk.start(&element, watch),
            Node::Text(text) => walk.text(&text),
            Node::End(name) if name == "table" && walk.n_skipped == 0 => {
                number += 1;
                if usize::try_from(number).is_ok_and(|n| n > watch.limits().max_pages) {
                    return Err(exceeded("The document has more sheets than allowed. Split it."));
                }
                if let Some(sheet) = walk.sheet.take() {
                    sheet.write(number, assembly)?;
                }
            }
            Node::End(name) => walk.end(&name)?,
        }
    }
    Ok(())
}

impl<'a> Walk<'a> {
    fn start(&mut self, element: &Element<'_>, watch: &'a Watch<'a>) {
        let name = element.name();
        // Drawings, forms, and tables inside a cell.
        let inner = name == "table" && self.sheet.is_some();
        let skipped = matches!(name, "shapes" | "forms" | "tracked-changes" | "dde-links");
        if self.n_skipped > 0 || inner || skipped {
            self.n_skipped += 1;
            return;
        }
        match (name, &mut self.sheet) {
            ("table", None) => {
                let name = element.attribute("name").unwrap_or_default();
                self.sheet = Some(Sheet::new(name, Grid::new(watch)));
            }
            ("table-row", Some(sheet)) => sheet.begin_row(element),
            ("table-cell" | "covered-table-cell", Some(sheet)) => {
                sheet.begin_cell(element);
                self.place = Place::Cell;
            }
            ("annotation", Some(sheet)) => {
                sheet.notes.push(String::new());
                self.place = Place::Note;
            }
            ("p", _) => self.n_paragraphs += 1,
            ("s" | "tab" | "line-break", _) => self.text(" "),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) -> Result<()> {
        if self.n_skipped > 0 {
            self.n_skipped -= 1;
            return Ok(());
        }
        match (name, &mut self.sheet) {
            ("table-row", Some(sheet)) => return sheet.end_row(),
            ("table-cell" | "covered-table-cell", _) => self.place = Place::Elsewhere,
            ("annotation", _) => self.place = Place::Cell,
            ("p", _) => {
                self.text(" ");
                self.n_paragraphs = self.n_paragraphs.saturating_sub(1);
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        let Some(sheet) = self.sheet.as_mut().filter(|_| self.n_paragraphs > 0) else { return };
        if self.n_skipped > 0 {
            return;
        }
        match self.place {
            Place::Cell => {
                if let Some(cell) = sheet.cells.last_mut() {
                    cell.text.push_str(text);
                }
            }
            Place::Note => {
                if let Some(note) = sheet.notes.last_mut() {
                    note.push_str(text);
                }
            }
            Place::Elsewhere => {}
        }
    }
}

impl<'a> Sheet<'a> {
    fn new(name: String, grid: Grid<'a>) -> Self {
        let (cells, notes) = (Vec::new(), Vec::new());
        Self { name, grid, row: 0, n_rows: 1, column: 0, cells, notes }
    }

    fn begin_row(&mut self, element: &Element<'_>) {
        self.n_rows = count(element, "number-rows-repeated");
        self.column = 0;
        self.cells.clear();
    }

    fn begin_cell(&mut self, element: &Element<'_>) {
        let repeated = count(element, "number-columns-repeated");
        let n_columns = u16::try_from(repeated).unwrap_or(u16::MAX);
        let kind = element.attribute("value-type");
        // Of a row that holds little, only cells with something in them are kept.
        if self.cells.last().is_some_and(|cell| cell.text.is_empty()) {
            self.cells.pop();
        }
        self.cells.push(Cell {
            column: self.column,
            n_columns,
            n_rows: count(element, "number-rows-spanned"),
            is_text: kind.is_none_or(|kind| kind == "string"),
            text: String::new(),
        });
        self.column = self.column.saturating_add(n_columns);
    }

    fn end_row(&mut self) -> Result<()> {
        let cells = std::mem::take(&mut self.cells);
        let filled: Vec<&Cell> = cells.iter().filter(|c| !c.text.trim().is_empty()).collect();
        if !filled.is_empty() {
            let end = self.row.saturating_add(self.n_rows);
            for row in self.row..end {
                for cell in &filled {
                    for column in cell.column..cell.column.saturating_add(cell.n_columns) {
                        self.grid.push((row, column), &cell.text, cell.is_text)?;
                    }
                    let last_row = row.saturating_add(cell.n_rows - 1);
                    self.grid.merge(Merge { row, column: cell.column, last_row });
                }
            }
        }
        self.row = self.row.saturating_add(self.n_rows);
        Ok(())
    }

    fn write(self, number: u32, assembly: &mut Assembly<'_>) -> Result<()> {
        self.grid.write(&self.name, number, assembly)?;
        for note in &self.notes {
            assembly.block(BlockKind::Note, note)?;
        }
        Ok(())
    }
}

/// A count in an attribute; one where it says nothing.
fn count(element: &Element<'_>, name: &str) -> u32 {
    element.attribute(name).and_then(|count| count.parse().ok()).unwrap_or(1).max(1)
}
