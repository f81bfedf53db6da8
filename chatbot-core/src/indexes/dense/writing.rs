//! Changes to the index: what comes in a batch becomes visible with its checkpoint, in one step.

use std::collections::BTreeMap;

use super::part::{Part, merged};
use super::place::Place;
use super::quantise::Quantised;
use super::segment::{Ids, Row};
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{IndexBatch, IndexContent, IndexEntry};
use crate::types::{Checkpoint, ChunkId, VersionId};

/// Bytes of rows that are held before a segment is written: about 9,500 rows of 384 components.
const MAX_HELD_BYTES: usize = 8 << 20;
/// Bytes of a row beside its components, roughly.
const ROW_BYTES: usize = 112;
/// Segments of about the same size that are merged into one. Each costs a search some microseconds, and each merge
/// reads and writes every row, so that a row is written once for each power of four.
const MERGED_AT_ONCE: usize = 4;
/// Rows up to which segments count as small, all alike.
const SMALL_ROWS: u32 = 1_024;

/// What counts, and what is to count with the next checkpoint.
#[derive(Debug)]
pub(super) struct Writing {
    parts: Vec<Part>,
    checkpoint: Option<Checkpoint>,
    draft: Option<Draft>,
    next_number: u64,
}

/// What is to count with the next checkpoint.
#[derive(Debug)]
struct Draft {
    parts: Vec<Part>,
    held: BTreeMap<(VersionId, ChunkId), (Ids, Quantised)>,
}

impl Writing {
    pub(super) fn new(parts: Vec<Part>, checkpoint: Option<Checkpoint>) -> Self {
        let greatest = parts.iter().map(|part| part.segment.number).max();
        let next_number = greatest.map_or(1, |number| number + 1);
        Self { parts, checkpoint, draft: None, next_number }
    }

    pub(super) fn checkpoint(&self) -> Option<Checkpoint> {
        self.checkpoint
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Applies a batch; says whether there is something new to search. After a failure nothing of what was not
    /// committed is kept, so that whoever follows the feed starts again at the checkpoint.
    pub(super) fn apply(&mut self, place: &Place, batch: IndexBatch) -> Result<bool> {
        let applied = self.try_apply(place, batch);
        if applied.is_err() {
            self.draft = None;
        }
        applied
    }

    /// Forgets everything, the checkpoint included.
    pub(super) fn clear(&mut self, place: &Place) -> Result<()> {
        self.draft = None;
        place.commit(&[], None)?;
        (self.parts, self.checkpoint) = (Vec::new(), None);
        Ok(())
    }

    /// Copies the segments of which rows are gone. In the middle of a change nothing is done: says whether it was.
    pub(super) fn scrub(&mut self, place: &Place) -> Result<bool> {
        if self.draft.is_some() {
            return Ok(false);
        }
        if self.parts.iter().all(|part| part.n_dead() == 0) {
            return Ok(true);
        }
        let mut parts = self.parts.clone();
        parts.retain(|part| part.n_live() > 0);
        for part in parts.iter_mut().filter(|part| part.n_dead() > 0) {
            *part = write(place, &mut self.next_number, &merged(std::slice::from_ref(part)))?;
        }
        place.commit(&parts, self.checkpoint)?;
        self.parts = parts;
        Ok(true)
    }

    fn try_apply(&mut self, place: &Place, batch: IndexBatch) -> Result<bool> {
        let checkpoint = batch.checkpoint;
        if !batch.deletes.is_empty() || !batch.upserts.is_empty() {
            let mut draft = self
                .draft
                .take()
                .unwrap_or_else(|| Draft { parts: self.parts.clone(), held: BTreeMap::new() });
            batch.deletes.into_iter().for_each(|version| draft.delete(version));
            for entry in batch.upserts {
                draft.add(entry, place.dimensions())?;
                if draft.is_full(place.dimensions()) {
                    draft.write_held(place, &mut self.next_number)?;
                }
            }
            self.draft = Some(draft);
        }
        match checkpoint {
            Some(_) if self.draft.is_some() || self.checkpoint != checkpoint => {
                self.commit(place, checkpoint)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn commit(&mut self, place: &Place, checkpoint: Option<Checkpoint>) -> Result<()> {
        let parts = match self.draft.take() {
            None => self.parts.clone(),
            Some(mut draft) => {
                draft.write_held(place, &mut self.next_number)?;
                draft.compact(place, &mut self.next_number)?;
                draft.parts
            }
        };
        place.commit(&parts, checkpoint)?;
        (self.parts, self.checkpoint) = (parts, checkpoint);
        Ok(())
    }
}

impl Draft {
    fn delete(&mut self, version: VersionId) {
        self.held.retain(|(other, _), _| *other != version);
        self.parts.iter_mut().for_each(|part| part.delete_version(version));
    }

    fn add(&mut self, entry: IndexEntry, dimensions: usize) -> Result<()> {
        let IndexEntry { chunk, version, document, collection, content } = entry;
        let IndexContent::Vector(vector) = content else { return Err(super::only_vectors()) };
        if vector.len() != dimensions {
            return Err(super::other_dimensions(vector.len(), dimensions));
        }
        self.parts.iter_mut().for_each(|part| part.delete_chunk(version, chunk));
        let ids = Ids { version, chunk, document, collection };
        self.held.insert((version, chunk), (ids, Quantised::of(&vector)));
        Ok(())
    }

    fn is_full(&self, dimensions: usize) -> bool {
        self.held.len() * (2 * dimensions + ROW_BYTES) >= MAX_HELD_BYTES
    }

    fn write_held(&mut self, place: &Place, next_number: &mut u64) -> Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        let rows: Vec<Row<'_>> = held
            .values()
            .map(|(ids, Quantised { scale, codes, rests })| Row {
                ids: *ids,
                scale: *scale,
                codes,
                rests,
            })
            .collect();
        self.parts.push(write(place, next_number, &rows)?);
        Ok(())
    }

    /// Drops segments with nothing in them, copies worn ones, and merges those of about the same size.
    fn compact(&mut self, place: &Place, next_number: &mut u64) -> Result<()> {
        self.parts.retain(|part| part.n_live() > 0);
        for part in &mut self.parts {
            if part.is_worn() {
                *part = write(place, next_number, &merged(std::slice::from_ref(part)))?;
            }
        }
        while let Some(tier) = self.crowded_tier() {
            let is_of = |part: &mut Part| tier_of(part) == tier;
            let together: Vec<Part> = self.parts.extract_if(.., is_of).collect();
            self.parts.push(write(place, next_number, &merged(&together))?);
        }
        Ok(())
    }

    /// The lowest tier that has gathered enough segments to merge them.
    fn crowded_tier(&self) -> Option<u32> {
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        self.parts.iter().for_each(|part| *counts.entry(tier_of(part)).or_default() += 1);
        counts.into_iter().find(|(_, n)| *n >= MERGED_AT_ONCE).map(|(tier, _)| tier)
    }
}

/// The power of four that its rows reach.
fn tier_of(part: &Part) -> u32 {
    (part.n_live() / SMALL_ROWS).checked_ilog(4).map_or(0, |power| power + 1)
}

fn write(place: &Place, next_number: &mut u64, rows: &[Row<'_>]) -> Result<Part> {
    let number = *next_number;
    *next_number = number.checked_add(1).ok_or_else(|| {
        Error::new(ErrorKind::Storage, "The dense index has run out of names. Delete its folder.")
    })?;
    place.write(number, rows)
}
