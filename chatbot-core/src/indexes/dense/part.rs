//! A segment, and which of its rows are still there.

use std::ops::Range;
use std::sync::Arc;

use super::segment::{Ids, Row, Segment};
use crate::types::{ChunkId, VersionId};

/// A segment without the rows that were deleted or replaced. Copies share what they do not change.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) segment: Arc<Segment>,
    dead: Arc<Vec<u64>>,
    n_dead: u32,
}

impl Part {
    pub(super) fn new(segment: Segment) -> Self {
        let n_words = segment.n_rows.div_ceil(64) as usize;
        Self { segment: Arc::new(segment), dead: Arc::new(vec![0; n_words]), n_dead: 0 }
    }

    /// Rows that are still there.
    pub(super) fn n_live(&self) -> u32 {
        self.segment.n_rows - self.n_dead
    }

    /// Rows that are gone.
    pub(super) fn n_dead(&self) -> u32 {
        self.n_dead
    }

    /// Whether so many rows are gone that the others should be copied: a third, as in the lexical index.
    pub(super) fn is_worn(&self) -> bool {
        self.n_dead > 0 && self.n_dead >= self.segment.n_rows / 3
    }

    pub(super) fn is_dead(&self, row: u32) -> bool {
        self.dead.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    pub(super) fn delete(&mut self, rows: Range<u32>) {
        for row in rows {
            if self.is_dead(row) {
                continue;
            }
            if let Some(word) = Arc::make_mut(&mut self.dead).get_mut(row as usize / 64) {
                *word |= 1 << (row % 64);
                self.n_dead += 1;
            }
        }
    }

    pub(super) fn delete_version(&mut self, version: VersionId) {
        self.delete(self.segment.rows_of(version));
    }

    pub(super) fn delete_chunk(&mut self, version: VersionId, chunk: ChunkId) {
        if let Some(row) = self.segment.row_of(version, chunk) {
            self.delete(row..row + 1);
        }
    }

    /// The rows that are gone, as stretches.
    pub(super) fn dead_rows(&self) -> Vec<Range<u32>> {
        let mut stretches: Vec<Range<u32>> = Vec::new();
        for row in (0..self.segment.n_rows).filter(|row| self.is_dead(*row)) {
            match stretches.last_mut() {
                Some(last) if last.end == row => last.end = row + 1,
                _ => stretches.push(row..row + 1),
            }
        }
        stretches
    }

    /// The rows that are still there.
    pub(super) fn live(&self) -> impl Iterator<Item = (u32, Ids)> + '_ {
        let live = (0..self.segment.n_rows).filter(|row| !self.is_dead(*row));
        live.filter_map(|row| Some((row, self.segment.ids(row)?)))
    }
}

/// The rows of several parts that are still there, in order.
pub(super) fn merged(parts: &[Part]) -> Vec<Row<'_>> {
    let mut places: Vec<_> =
        parts.iter().flat_map(|part| part.live().map(move |(row, ids)| (ids, part, row))).collect();
    places.sort_unstable_by_key(|(ids, ..)| *ids);
    places.into_iter().filter_map(|(_, part, row)| part.segment.row(row)).collect()
}
