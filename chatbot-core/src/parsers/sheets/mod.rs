//! Sheets of cells, whatever format they come in: how a number looks, and how rows become text.
//!
//! Cells are kept as they are found and only where they hold something, so that two cells in far corners of a sheet cost
//! two cells. Rows and columns without content are left out.

mod dates;
mod format;
mod grid;
mod number;
mod section;
mod texts;

pub(super) use dates::Epoch;
pub(super) use format::NumberFormat;
pub(super) use grid::{Grid, Merge};
pub(super) use number::general;
pub(super) use texts::Texts;
