//! Finds the best chunks.
//!
//! Each segment is walked in windows of chunks: every list of a term adds its part to the window's scores, then the
//! window's chunks are offered to the best found so far. A chunk must be in the read-set and the filter before it is
//! taken, so that what may not be read takes no place from what may.

use std::collections::HashSet;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{Postings as _, SegmentPostings};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet as _, SegmentReader, TERMINATED, TantivyError, Term};

use super::failure::failed;
use super::schema::Fields;
use super::scoring::{Lengths, STEM, SURFACE, rarity};
use super::segments::{Columns, Snapshot};
use crate::context::Context;
use crate::error::Result;
use crate::indexes::best::Best;
use crate::traits::{Hit, IndexQuery, IndexReply};
use crate::types::{CollectionId, DocumentId};

/// Chunks that are scored together: their scores and marks stay in the processor's nearest cache.
const WINDOW: u32 = 2_048;

/// The best chunks of `snapshot` for `query`.
pub(super) fn search(
    ctx: &Context,
    snapshot: &Snapshot,
    fields: &Fields,
    query: &IndexQuery,
) -> Result<IndexReply> {
    let terms = Prepared::all(snapshot, fields, query)?;
    let lengths = Both::lengths(snapshot, fields)?;
    let mut best = Best::new(query.limit);
    let mut found_in = vec![0; terms.len()];
    for (reader, columns) in snapshot.segments() {
        let lists = SegmentLists::open(reader, fields, &terms)?;
        let mut walk = Walk {
            lists,
            lengths: &lengths,
            gate: Gate::new(query, columns),
            window: Window::new(),
            found_in: &mut found_in,
        };
        walk.run(ctx, reader, columns, &mut best)?;
    }
    let n_chunks = snapshot.searcher.num_docs();
    Ok(IndexReply { hits: best.into_hits(), document_frequencies: found_in, n_chunks })
}

/// Something for surface forms, and the same for stems.
struct Both<T> {
    surfaces: T,
    stems: T,
}

impl Both<Lengths> {
    fn lengths(snapshot: &Snapshot, fields: &Fields) -> Result<Self> {
        let n_chunks = n_indexed(snapshot);
        let of = |field| -> Result<Lengths> {
            let mut n_tokens = 0;
            for reader in snapshot.searcher.segment_readers() {
                n_tokens += reader.inverted_index(field).map_err(failed)?.total_num_tokens();
            }
            Ok(Lengths::new(n_tokens, n_chunks))
        };
        Ok(Self { surfaces: of(fields.surfaces)?, stems: of(fields.stems)? })
    }
}

/// Chunks in the segments, deleted ones included, as the frequencies of terms count them.
fn n_indexed(snapshot: &Snapshot) -> u64 {
    snapshot.searcher.segment_readers().iter().map(|reader| u64::from(reader.max_doc())).sum()
}

/// A term of the query with the weights of its forms.
struct Prepared {
    surface: (Term, f32),
    stems: Vec<(Term, f32)>,
}

impl Prepared {
    fn all(snapshot: &Snapshot, fields: &Fields, query: &IndexQuery) -> Result<Vec<Self>> {
        let n_chunks = n_indexed(snapshot);
        let form = |field: Field, text: &str, weight: f32| -> Result<(Term, f32)> {
            let term = Term::from_field_text(field, text);
            let n_with = snapshot.searcher.doc_freq(&term).map_err(failed)?;
            Ok((term, weight * rarity(n_with, n_chunks)))
        };
        let prepare = |term: &crate::text::QueryTerm| {
            let stems = term.stems.iter().map(|stem| form(fields.stems, stem, STEM * term.weight));
            Ok(Self {
                surface: form(fields.surfaces, &term.surface, SURFACE * term.weight)?,
                stems: stems.collect::<Result<_>>()?,
            })
        };
        query.find.terms().iter().map(prepare).collect()
    }
}

/// A list of the chunks that have a form of a term.
struct List {
    postings: SegmentPostings,
    weight: f32,
    is_stem: bool,
}

/// The lists of a segment: one entry per term of the query.
struct SegmentLists {
    terms: Vec<Vec<List>>,
    norms: Both<FieldNormReader>,
}

impl SegmentLists {
    fn open(reader: &SegmentReader, fields: &Fields, terms: &[Prepared]) -> Result<Self> {
        let norms = |field| reader.get_fieldnorms_reader(field).map_err(failed);
        let norms = Both { surfaces: norms(fields.surfaces)?, stems: norms(fields.stems)? };
        let surfaces = reader.inverted_index(fields.surfaces).map_err(failed)?;
        let stems = reader.inverted_index(fields.stems).map_err(failed)?;
        let open = |prepared: &Prepared| -> Result<Vec<List>> {
            let forms = std::iter::once((&prepared.surface, false));
            let forms = forms.chain(prepared.stems.iter().map(|stem| (stem, true)));
            let lists = forms.map(|((term, weight), is_stem)| {
                let index = if is_stem { &stems } else { &surfaces };
                let postings = index.read_postings(term, IndexRecordOption::WithFreqs)?;
                Ok(postings.map(|postings| List { postings, weight: *weight, is_stem }))
            });
            let lists: std::io::Result<Vec<_>> = lists.filter_map(Result::transpose).collect();
            lists.map_err(|error| failed(TantivyError::from(error)))
        };
        Ok(Self { terms: terms.iter().map(open).collect::<Result<_>>()?, norms })
    }

    /// The first chunk that any list has still to give.
    fn next(&self) -> DocId {
        let docs = self.terms.iter().flatten().map(|list| list.postings.doc());
        docs.min().unwrap_or(TERMINATED)
    }
}

/// Whether a chunk may be found. Answers per collection are remembered, so that each is looked up once a segment.
struct Gate<'q> {
    query: &'q IndexQuery,
    documents: Option<&'q HashSet<DocumentId>>,
    columns: &'q Columns,
    known: Vec<Option<bool>>,
}

impl<'q> Gate<'q> {
    fn new(query: &'q IndexQuery, columns: &'q Columns) -> Self {
        let known = vec![None; columns.collections.len()];
        Self { query, documents: query.documents.as_deref(), columns, known }
    }

    fn admits(&mut self, doc: DocId) -> bool {
        self.may_read(doc)
            && self.documents.is_none_or(|wanted| wanted.contains(&self.columns.document(doc)))
    }

    fn may_read(&mut self, doc: DocId) -> bool {
        let Some(place) = self.columns.collection(doc) else { return false };
        let Some(known) = self.known.get_mut(place) else { return false };
        let allows = |id: &CollectionId| self.query.read_set.contains(*id);
        *known.get_or_insert_with(|| self.columns.collections.get(place).is_some_and(allows))
    }
}

/// Scores of consecutive chunks.
struct Window {
    scores: Vec<f32>,
    /// The best stem so far of the term at work.
    best_stem: Vec<f32>,
    /// The term that was last seen in the chunk, from 1.
    seen: Vec<u32>,
}

impl Window {
    fn new() -> Self {
        let size = WINDOW as usize;
        Self { scores: vec![0.0; size], best_stem: vec![0.0; size], seen: vec![0; size] }
    }

    fn clear(&mut self) {
        self.scores.fill(0.0);
        self.seen.fill(0);
    }
}

/// A walk through one segment.
struct Walk<'w> {
    lists: SegmentLists,
    lengths: &'w Both<Lengths>,
    gate: Gate<'w>,
    window: Window,
    found_in: &'w mut [u64],
}

impl Walk<'_> {
    fn run(
        &mut self,
        ctx: &Context,
        reader: &SegmentReader,
        columns: &Columns,
        best: &mut Best,
    ) -> Result<()> {
        loop {
            let begin = self.lists.next();
            if begin == TERMINATED {
                return Ok(());
            }
            ctx.check()?;
            self.window.clear();
            for term in 0..self.lists.terms.len() {
                self.score_term(term, begin, reader);
            }
            self.offer(begin, reader, columns, best);
        }
    }

    /// Adds what the term with this number earns to the window that begins at `begin`.
    fn score_term(&mut self, term: usize, begin: DocId, reader: &SegmentReader) {
        let (Some(lists), Some(found_in)) =
            (self.lists.terms.get_mut(term), self.found_in.get_mut(term))
        else {
            return;
        };
        let mark = u32::try_from(term).map_or(u32::MAX, |term| term + 1);
        let several = lists.iter().filter(|list| list.is_stem).count() > 1;
        if several {
            self.window.best_stem.fill(0.0);
        }
        for list in lists {
            let (lengths, norms) = if list.is_stem {
                (&self.lengths.stems, &self.lists.norms.stems)
            } else {
                (&self.lengths.surfaces, &self.lists.norms.surfaces)
            };
            let mut doc = list.postings.doc();
            let end = begin.saturating_add(WINDOW).min(TERMINATED);
            while doc < end {
                let at = (doc - begin) as usize;
                let share = lengths.share(norms.fieldnorm_id(doc), list.postings.term_freq());
                let mut earned = list.weight * share;
                if several
                    && list.is_stem
                    && let Some(before) = self.window.best_stem.get_mut(at)
                {
                    let after = before.max(earned);
                    earned = after - *before;
                    *before = after;
                }
                if let Some(score) = self.window.scores.get_mut(at) {
                    *score += earned;
                }
                if let Some(seen) = self.window.seen.get_mut(at)
                    && *seen != mark
                {
                    *seen = mark;
                    *found_in += u64::from(!reader.is_deleted(doc));
                }
                doc = list.postings.advance();
            }
        }
    }

    fn offer(&mut self, begin: DocId, reader: &SegmentReader, columns: &Columns, best: &mut Best) {
        for (doc, &score) in (begin..).zip(&self.window.scores) {
            if score > 0.0
                && best.would_take(score)
                && !reader.is_deleted(doc)
                && self.gate.admits(doc)
            {
                best.take(Hit { chunk: columns.chunk(doc), score }, ());
            }
        }
    }
}
