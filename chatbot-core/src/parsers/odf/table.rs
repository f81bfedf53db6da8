//! Tables in a text or on a slide.

use crate::parsers::package::xml::Element;
use crate::types::BlockKind;

/// More equal cells in a row are there for the layout.
const MAX_REPEATED: usize = 64;

/// A table whose end has not been reached.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) data: bool,
    in_header: bool,
    n_rows: usize,
    first_row_heads: bool,
    cells: Vec<String>,
    /// How often the cell that is open stands in the row.
    n_repeated: usize,
}

impl Table {
    pub(super) fn new(data: bool, element: &Element<'_>) -> Self {
        let heads = element.attribute("use-first-row-styles").is_some_and(|on| on == "true");
        Self { data, first_row_heads: heads, ..Self::default() }
    }

    pub(super) fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "table-header-rows" => self.in_header = true,
            "table-row" => {
                self.n_rows += 1;
                self.cells.clear();
            }
            _ => {
                let n = element.attribute("number-columns-repeated");
                self.n_repeated = n.and_then(|n| n.parse().ok()).unwrap_or(1).min(MAX_REPEATED);
                self.cells.push(String::new());
            }
        }
    }

    /// Adds a paragraph to the cell that is open.
    pub(super) fn add(&mut self, text: &str) {
        let Some(cell) = self.cells.last_mut() else { return };
        for word in text.split_whitespace() {
            if !cell.is_empty() {
                cell.push(' ');
            }
            cell.push_str(word);
        }
    }

    /// Ends a cell or the rows of the header.
    pub(super) fn end(&mut self, name: &str) {
        if name == "table-header-rows" {
            self.in_header = false;
            return;
        }
        let copies = self.n_repeated.saturating_sub(1);
        if let Some(cell) = self.cells.last().cloned() {
            self.cells.extend(std::iter::repeat_n(cell, copies));
        }
        self.n_repeated = 1;
    }

    /// The row that ends; `None` where it holds nothing.
    pub(super) fn end_row(&mut self) -> Option<(BlockKind, String)> {
        let cells = std::mem::take(&mut self.cells);
        if !self.data || cells.iter().all(String::is_empty) {
            return None;
        }
        let header = self.in_header || self.first_row_heads && self.n_rows == 1;
        Some((BlockKind::TableRow { header }, cells.join(" | ")))
    }
}
