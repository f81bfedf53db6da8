//! Which tables hold data, and which are there for the layout.
//!
//! A table says so only as a whole, and its rows are written one by one: so a part is looked through once before.

use crate::error::Result;
use crate::parsers::watch::Watch;

use super::xml::{Node, Xml};

/// Longer cells are passages of text.
const MAX_CELL_BYTES: usize = 600;

/// What tables, their rows and their cells are called.
pub(in crate::parsers) type TableNames = [&'static str; 3];

#[derive(Debug, Default)]
struct Shape {
    index: usize,
    nested: bool,
    n_rows: usize,
    n_cells: usize,
    cell_bytes: usize,
    longest_cell: usize,
}

/// For every table of a part, in the order in which they begin: whether its rows are data.
pub(in crate::parsers) fn data_tables(
    part: &str,
    [table, row, cell]: TableNames,
    watch: &Watch<'_>,
) -> Result<Vec<bool>> {
    let mut tables = Vec::new();
    let mut open: Vec<Shape> = Vec::new();
    let mut xml = Xml::new(part, watch);
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(element) if element.name() == table => {
                if let Some(outer) = open.last_mut() {
                    outer.nested = true;
                }
                open.push(Shape { index: tables.len(), ..Shape::default() });
                tables.push(false);
            }
            Node::Start(element) => {
                let Some(shape) = open.last_mut() else { continue };
                shape.n_rows += usize::from(element.name() == row);
                if element.name() == cell {
                    shape.n_cells += 1;
                    shape.cell_bytes = 0;
                }
            }
            Node::Text(text) => {
                let Some(shape) = open.last_mut() else { continue };
                shape.cell_bytes += text.trim().len();
                shape.longest_cell = shape.longest_cell.max(shape.cell_bytes);
            }
            Node::End(name) if name == table => {
                let Some(shape) = open.pop() else { continue };
                if let Some(data) = tables.get_mut(shape.index) {
                    *data = !shape.nested
                        && shape.n_cells > shape.n_rows
                        && shape.longest_cell <= MAX_CELL_BYTES;
                }
            }
            Node::End(_) => {}
        }
    }
    Ok(tables)
}
