//! Finds the best rows: a scan of the codes of all rows that may be read, and exact scores of the best of them.
//!
//! What may be read is resolved first, to stretches of rows: a filter that leaves one document in a thousand leaves as
//! few rows to scan. So no row that may not be read takes a place from one that may, and a search with a filter is as
//! exact as one without.

use std::ops::Range;

use super::part::Part;
use super::quantise::{Quantised, components};
use super::segment::{Row, Segment};
use crate::context::{Context, ReadSet};
use crate::error::Result;
use crate::indexes::best::Best;
use crate::kernels::{Codes, dot_f32};
use crate::traits::{Hit, IndexQuery, IndexReply};
use crate::types::ChunkId;

/// Rows that are scanned together: their products stay in the processor's nearest cache.
const BLOCK: u32 = 512;
/// Rows between looks at the context: 6 MB of codes at 384 components.
const ROWS_PER_CHECK: u32 = 16_384;
/// Rows that are made exact beyond those wanted, because what a scan compares is rounded: with 8 bits a component a cosine
/// is off by a few thousandths, and the tests find what an exact search finds, whatever the filter.
const MARGIN: usize = 50;

/// The best rows of `parts` for `query`, whose vector this is.
pub(super) fn search(
    ctx: &Context,
    parts: &[Part],
    query: &IndexQuery,
    vector: &[f32],
) -> Result<IndexReply> {
    let Quantised { scale, codes, .. } = Quantised::of(vector);
    let codes: Vec<i8> = codes.into_iter().map(u8::cast_signed).collect();
    let mut scan = Scan {
        codes: Codes::new(&codes),
        scale,
        best: Best::new(query.limit.saturating_add(MARGIN)),
        products: vec![0; BLOCK as usize],
        unchecked: 0,
    };
    if query.limit > 0 {
        for part in parts {
            for rows in readable(&part.segment, query) {
                scan.rows(ctx, part, rows)?;
            }
        }
    }
    let n_chunks = parts.iter().map(|part| u64::from(part.n_live())).sum();
    let mut exact = Exact { vector, row: Vec::with_capacity(vector.len()) };
    let mut best = Best::new(query.limit);
    for (hit, (segment, row)) in scan.best.into_sorted() {
        let score = exact.cosine(segment, row).unwrap_or(hit.score);
        best.take(Hit { score, ..hit }, ());
    }
    Ok(IndexReply { hits: best.into_hits(), document_frequencies: Vec::new(), n_chunks })
}

/// How near each of these chunks is to `vector`; `None` where it has no row that may be read.
pub(super) fn similarities(
    ctx: &Context,
    parts: &[Part],
    read_set: &ReadSet,
    vector: &[f32],
    chunks: &[ChunkId],
) -> Result<Vec<Option<f32>>> {
    let mut exact = Exact { vector, row: Vec::with_capacity(vector.len()) };
    let mut found = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        ctx.check()?;
        let live = |part: &Part| {
            let row = part.segment.row_of_chunk(*chunk).filter(|row| !part.is_dead(*row))?;
            let may_be_read = read_set.contains(part.segment.ids(row)?.collection);
            may_be_read.then_some(row)
        };
        let mut places = parts.iter().filter_map(|part| Some((&part.segment, live(part)?)));
        found.push(places.next().and_then(|(segment, row)| exact.cosine(segment, row)));
    }
    Ok(found)
}

/// Computes cosines from codes and rests.
struct Exact<'v> {
    vector: &'v [f32],
    row: Vec<f32>,
}

impl Exact<'_> {
    fn cosine(&mut self, segment: &Segment, row: u32) -> Option<f32> {
        let Row { scale, codes, rests, .. } = segment.row(row)?;
        components(codes, rests, &mut self.row);
        Some(dot_f32(self.vector, &self.row) * scale)
    }
}

/// The stretches of rows that may be read and are asked for.
fn readable(segment: &Segment, query: &IndexQuery) -> Vec<Range<u32>> {
    let collections: Vec<bool> =
        segment.collections.iter().map(|id| query.read_set.contains(*id)).collect();
    let documents = documents(segment, query);
    if documents.is_none() && collections.iter().all(|may| *may) {
        return std::iter::once(0..segment.n_rows).collect();
    }
    let at = |answers: &[bool], place: usize| answers.get(place).copied().unwrap_or(false);
    let mut stretches: Vec<Range<u32>> = Vec::new();
    for run in &segment.runs {
        let wanted = documents.as_deref().is_none_or(|wanted| at(wanted, run.document));
        if !wanted || !at(&collections, run.collection) {
            continue;
        }
        match stretches.last_mut() {
            Some(last) if last.end == run.rows.start => last.end = run.rows.end,
            _ => stretches.push(run.rows.clone()),
        }
    }
    stretches
}

/// Which of the segment's documents are asked for; `None` where all are. Goes through the smaller of the two sets.
fn documents(segment: &Segment, query: &IndexQuery) -> Option<Vec<bool>> {
    let wanted = query.documents.as_deref()?;
    let mut answers = vec![false; segment.documents.len()];
    let mut set =
        |place: usize| answers.get_mut(place).into_iter().for_each(|answer| *answer = true);
    if wanted.len() < segment.documents.len() {
        wanted.iter().filter_map(|id| segment.documents.get(id)).for_each(|place| set(*place));
    } else {
        let found = segment.documents.iter().filter(|(id, _)| wanted.contains(*id));
        found.for_each(|(_, place)| set(*place));
    }
    Some(answers)
}

/// A scan under way.
struct Scan<'p> {
    codes: Codes,
    scale: f32,
    best: Best<(&'p Segment, u32)>,
    products: Vec<i32>,
    unchecked: u32,
}

impl<'p> Scan<'p> {
    fn rows(&mut self, ctx: &Context, part: &'p Part, rows: Range<u32>) -> Result<()> {
        let mut start = rows.start;
        while start < rows.end {
            let end = rows.end.min(start + BLOCK);
            self.unchecked += end - start;
            if self.unchecked >= ROWS_PER_CHECK {
                ctx.check()?;
                self.unchecked = 0;
            }
            self.block(part, start..end);
            start = end;
        }
        Ok(())
    }

    fn block(&mut self, part: &'p Part, rows: Range<u32>) {
        let segment = part.segment.as_ref();
        self.codes.dot_rows(segment.codes(rows.clone()), &mut self.products);
        let scored = rows.clone().zip(segment.scales(rows)).zip(&self.products);
        for ((row, scale), product) in scored {
            #[allow(clippy::cast_precision_loss, reason = "24 bits are more than the codes have")]
            let score = *product as f32 * (scale * self.scale);
            if self.best.would_take(score)
                && !part.is_dead(row)
                && let Some(ids) = segment.ids(row)
            {
                self.best.take(Hit { chunk: ids.chunk, score }, (segment, row));
            }
        }
    }
}
