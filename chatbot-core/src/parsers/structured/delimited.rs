//! Comma-separated values and their relatives: one row a line, under a header where there is one.

use csv::{ReaderBuilder, StringRecord};

use super::Page;
use crate::error::Result;
use crate::parsers::assemble::one_line;
use crate::types::{BlockKind, Warning};

/// What may stand between two cells, the likelier first.
const DELIMITERS: &[u8] = b",;\t|";
/// Lines that are looked at to tell which it is.
const SAMPLE_LINES: usize = 20;

pub(super) fn read(text: &str, page: &mut Page<'_>) -> Result<bool> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let (mut row, mut n_rows, mut n_odd) = (StringRecord::new(), 0_usize, 0_usize);
    let mut n_cells = 0;
    // The text is in memory and is UTF-8, and rows may be of any length: nothing is left that could be wrong.
    while reader.read_record(&mut row).unwrap_or(false) {
        let cells: Vec<String> = row.iter().map(one_line).collect();
        if cells.iter().all(String::is_empty) {
            continue;
        }
        let header = n_rows == 0 && is_header(&cells);
        if n_rows == 0 {
            n_cells = cells.len();
        }
        n_odd += usize::from(cells.len() != n_cells);
        n_rows += 1;
        page.assembly.block(BlockKind::TableRow { header }, &cells.join(" | "))?;
    }
    if n_odd > 0 {
        let message = format!("{n_odd} of {n_rows} rows have more or fewer cells than the first.");
        page.facts.warnings.push(Warning::new("uneven_rows", message));
    }
    Ok(n_rows > 0)
}

/// What divides most lines into the same number of cells, and into the most cells.
fn delimiter(text: &str) -> u8 {
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.trim().is_empty()).take(SAMPLE_LINES).collect();
    let score = |delimiter: u8| {
        let counts: Vec<usize> = lines.iter().map(|line| outside_quotes(line, delimiter)).collect();
        let first = counts.first().copied().unwrap_or_default();
        let n_alike = counts.iter().filter(|count| **count == first && first > 0).count();
        (n_alike, first)
    };
    // Of equals the first, which is the likelier one.
    let best = DELIMITERS.iter().rev().copied().max_by_key(|delimiter| score(*delimiter));
    best.unwrap_or(b',')
}

fn outside_quotes(line: &str, delimiter: u8) -> usize {
    let mut quoted = false;
    let mut n = 0;
    for byte in line.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            byte if byte == delimiter && !quoted => n += 1,
            _ => {}
        }
    }
    n
}

/// Names, each another one, and no number among them.
fn is_header(cells: &[String]) -> bool {
    let named = |cell: &String| !cell.is_empty() && cell.chars().any(char::is_alphabetic);
    let mut sorted: Vec<&String> = cells.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len() == cells.len() && cells.len() > 1 && cells.iter().all(named)
}
