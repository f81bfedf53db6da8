//! The cells of one sheet, and the rows they become.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::error::Result;
use crate::parsers::assemble::Assembly;
use crate::parsers::watch::{Watch, exceeded};
use crate::types::BlockKind;

/// Longer texts are passages and no labels: they are not repeated in every row that a merged cell spans.
const MAX_LABEL_BYTES: usize = 120;
/// Headers of more rows than this are no headers.
const MAX_HEADER_ROWS: u32 = 4;
/// What stands between two cells.
const SEPARATOR: &str = " | ";

/// One sheet.
#[derive(Debug)]
pub(in crate::parsers) struct Grid<'a> {
    watch: &'a Watch<'a>,
    text: String,
    cells: Vec<Cell>,
    merges: HashMap<(u32, u16), u32>,
}

/// A cell with something in it. Small, because a sheet may have millions.
#[derive(Debug, Clone, Copy)]
struct Cell {
    row: u32,
    column: u16,
    is_text: bool,
    start: u32,
    end: u32,
}

/// Cells that are shown as one. Counted from 0, the last ones included.
#[derive(Debug, Clone, Copy)]
pub(in crate::parsers) struct Merge {
    pub(in crate::parsers) row: u32,
    pub(in crate::parsers) column: u16,
    pub(in crate::parsers) last_row: u32,
}

impl<'a> Grid<'a> {
    pub(in crate::parsers) fn new(watch: &'a Watch<'a>) -> Self {
        Self { watch, text: String::new(), cells: Vec::new(), merges: HashMap::new() }
    }

    /// Adds a cell; nothing where `content` is blank. `is_text` tells labels from numbers, dates and the like.
    pub(in crate::parsers) fn push(
        &mut self,
        (row, column): (u32, u16),
        content: &str,
        is_text: bool,
    ) -> Result<()> {
        self.watch.tick()?;
        let start = self.text.len();
        for word in content.split_whitespace() {
            if self.text.len() > start {
                self.text.push(' ');
            }
            self.text.push_str(word);
        }
        if self.text.len() == start {
            return Ok(());
        }
        self.watch.text_len(self.text.len() + SEPARATOR.len() * self.cells.len())?;
        let offset = |at: usize| u32::try_from(at).map_err(|_| exceeded("The sheet is too large."));
        let (start, end) = (offset(start)?, offset(self.text.len())?);
        self.cells.push(Cell { row, column, is_text, start, end });
        Ok(())
    }

    /// Notes that cells are shown as one.
    pub(in crate::parsers) fn merge(&mut self, merge: Merge) {
        if merge.last_row > merge.row {
            self.merges.insert((merge.row, merge.column), merge.last_row);
        }
    }

    /// Adds the sheet as page `number`; nothing where it has no cells.
    pub(in crate::parsers) fn write(
        mut self,
        name: &str,
        number: u32,
        assembly: &mut Assembly<'_>,
    ) -> Result<()> {
        if self.cells.is_empty() {
            return Ok(());
        }
        assembly.begin_page(number);
        assembly.block(BlockKind::Heading { level: 1 }, name)?;
        if !self.cells.is_sorted_by_key(|cell| (cell.row, cell.column)) {
            self.cells.sort_by_key(|cell| (cell.row, cell.column));
        }
        let rows = self.rows();
        let mut writing = Writing::new(&self);
        for (at, row) in rows.iter().enumerate() {
            self.watch.tick()?;
            let is_header = writing.is_header(&rows, at);
            let line = writing.line(row.clone())?;
            assembly.block(BlockKind::TableRow { header: is_header }, &line)?;
        }
        Ok(())
    }

    /// The rows: which cells each has.
    fn rows(&self) -> Vec<Range<usize>> {
        let mut rows = Vec::new();
        let mut start = 0;
        for row in self.cells.chunk_by(|a, b| a.row == b.row) {
            rows.push(start..start + row.len());
            start += row.len();
        }
        rows
    }

    fn cells_of(&self, row: &Range<usize>) -> &[Cell] {
        self.cells.get(row.clone()).unwrap_or_default()
    }

    fn text_of(&self, cell: Cell) -> &str {
        let at = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        self.text.get(at(cell.start)..at(cell.end)).unwrap_or_default()
    }
}

/// The rows of a grid in the making.
struct Writing<'g, 'a> {
    grid: &'g Grid<'a>,
    /// The place in a line of each column that is used.
    places: Vec<usize>,
    /// Labels of merged cells that reach into the rows below, with their last row.
    open: BTreeMap<u16, (u32, Cell)>,
    /// The last row of the header that was begun last.
    header_end: Option<u32>,
}

impl<'g, 'a> Writing<'g, 'a> {
    fn new(grid: &'g Grid<'a>) -> Self {
        let mut places = vec![0; usize::from(u16::MAX) + 1];
        for cell in &grid.cells {
            if let Some(used) = places.get_mut(usize::from(cell.column)) {
                *used = 1;
            }
        }
        let mut next = 0;
        for place in &mut places {
            next += std::mem::replace(place, next);
        }
        Self { grid, places, open: BTreeMap::new(), header_end: None }
    }

    /// Whether the row `at` heads those below it: labels only, at the beginning of a table.
    fn is_header(&mut self, rows: &[Range<usize>], at: usize) -> bool {
        let grid = self.grid;
        let cells = |at: usize| rows.get(at).map(|row| grid.cells_of(row)).unwrap_or_default();
        let (row, next) = (cells(at), cells(at + 1));
        let Some(number) = row.first().map(|cell| cell.row) else { return false };
        if self.header_end.is_some_and(|end| number <= end) {
            return true;
        }
        // What follows other rows is data as well, unless what it follows is only a title.
        let before = at.checked_sub(1).map(cells).filter(|before| before.len() > 1);
        let last = before.and_then(<[Cell]>::first).and_then(|cell| cell.row.checked_add(1));
        if last == Some(number) && self.header_end.is_some() {
            return false;
        }
        let below = next.first().is_some_and(|cell| cell.row.checked_sub(1) == Some(number));
        let labels = row.len() > 1 && row.iter().all(|cell| cell.is_text);
        let data = self.header_end.is_none() || next.iter().any(|cell| !cell.is_text);
        if !(below && labels && data) {
            return false;
        }
        let merged = row.iter().filter_map(|cell| grid.merges.get(&(cell.row, cell.column)));
        let short = merged.filter(|last_row| last_row.saturating_sub(number) < MAX_HEADER_ROWS);
        self.header_end = Some(short.copied().max().unwrap_or(number));
        true
    }

    /// The row as one line: a cell for every column that the sheet uses, up to the last one with content.
    fn line(&mut self, row: Range<usize>) -> Result<String> {
        let grid = self.grid;
        let mut shown: BTreeMap<u16, Cell> = BTreeMap::new();
        let number = grid.cells_of(&row).first().map_or(0, |cell| cell.row);
        self.open.retain(|_, (last_row, _)| *last_row >= number);
        for cell in grid.cells_of(&row) {
            shown.insert(cell.column, *cell);
            if let Some(last_row) = grid.merges.get(&(cell.row, cell.column)) {
                self.open.insert(cell.column, (*last_row, *cell));
            }
        }
        for (column, (_, label)) in &self.open {
            if grid.text_of(*label).len() <= MAX_LABEL_BYTES {
                shown.entry(*column).or_insert(*label);
            }
        }
        let mut line = String::new();
        let mut at = 0;
        for (column, cell) in shown {
            let place = self.places.get(usize::from(column)).copied().unwrap_or(at);
            grid.watch.text_len(line.len() + (place - at.min(place)) * SEPARATOR.len())?;
            while at < place {
                line.push_str(SEPARATOR);
                at += 1;
            }
            line.push_str(grid.text_of(cell));
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::parsers::assemble::Facts;
    use crate::traits::ParseLimits;
    use crate::types::MediaType;

    fn written(fill: impl Fn(&mut Grid<'_>)) -> Vec<String> {
        let (ctx, limits) = (Context::local(), ParseLimits::default());
        let watch = Watch::new(&ctx, &limits);
        let mut grid = Grid::new(&watch);
        fill(&mut grid);
        let mut assembly = Assembly::new(&watch);
        grid.write("Sheet", 1, &mut assembly).unwrap();
        let document = assembly.finish(MediaType::TEXT, Facts::default());
        let kind = |kind| if kind == (BlockKind::TableRow { header: true }) { "th" } else { "tr" };
        let blocks = document.blocks.iter().skip(1);
        blocks
            .map(|b| format!("{}: {}", kind(b.kind), b.span.slice(&document.text).unwrap()))
            .collect()
    }

    #[test]
    fn unused_rows_and_columns_are_left_out_and_the_rest_keeps_its_place() {
        let lines = written(|grid| {
            grid.push((0, 1), "Name", true).unwrap();
            grid.push((0, 3), "Sum", true).unwrap();
            grid.push((0, 9), "Note", true).unwrap();
            grid.push((1, 1), "a\nb", true).unwrap();
            grid.push((1, 9), "x", true).unwrap();
            grid.push((2, 3), "7", false).unwrap();
            grid.push((1_048_575, 16_383), "corner", true).unwrap();
        });
        assert_eq!(
            lines,
            ["th: Name | Sum | Note", "tr: a b |  | x", "tr: | 7", "tr: |  |  | corner"]
        );
    }

    #[test]
    fn a_merged_label_stands_in_every_row_that_it_spans() {
        let lines = written(|grid| {
            for (row, column, text) in [(0, 0, "Region"), (0, 1, "Sales"), (1, 1, "Q1")] {
                grid.push((row, column), text, true).unwrap();
            }
            grid.merge(Merge { row: 0, column: 0, last_row: 1 });
            grid.push((2, 0), "North", true).unwrap();
            grid.merge(Merge { row: 2, column: 0, last_row: 3 });
            grid.push((2, 1), "1", false).unwrap();
            grid.push((3, 1), "2", false).unwrap();
            grid.push((4, 1), "3", false).unwrap();
        });
        let expected =
            ["th: Region | Sales", "th: Region | Q1", "tr: North | 1", "tr: North | 2", "tr: | 3"];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_title_above_a_table_does_not_head_it() {
        let lines = written(|grid| {
            grid.push((0, 0), "Report", true).unwrap();
            grid.push((2, 0), "City", true).unwrap();
            grid.push((2, 1), "People", true).unwrap();
            grid.push((3, 0), "Rome", true).unwrap();
            grid.push((3, 1), "5", false).unwrap();
        });
        assert_eq!(lines, ["tr: Report", "th: City | People", "tr: Rome | 5"]);
        let two = written(|grid| {
            for (row, title) in [(0, "A"), (3, "B")] {
                grid.push((row, 0), title, true).unwrap();
                grid.push((row + 1, 0), "City", true).unwrap();
                grid.push((row + 1, 1), "People", true).unwrap();
                grid.push((row + 2, 0), "Rome", true).unwrap();
                grid.push((row + 2, 1), "5", false).unwrap();
            }
        });
        let table = ["th: City | People", "tr: Rome | 5"];
        assert_eq!(two, [&["tr: A"], &table[..], &["tr: B"], &table[..]].concat());
    }
}
