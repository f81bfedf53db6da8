//! Shows what belongs together as one passage.

use async_trait::async_trait;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{Candidate, ChunkReader, Passage, PassageRequest, PostProcessor, Query};
use crate::types::{Chunk, PageStart};

/// The longest merged passage: about four chunks of the default size. What is longer would crowd out other sources.
const MAX_PASSAGE_BYTES: usize = 4 * 1024;

/// Merges chunks that lie side by side in one version into one passage, which keeps the best one's place and score.
#[derive(Debug, Clone, Copy, Default)]
pub struct MergeNeighbours;

#[async_trait]
impl PostProcessor for MergeNeighbours {
    fn name(&self) -> &'static str {
        "merge_neighbours"
    }

    async fn process(
        &self,
        ctx: &Context,
        query: &Query,
        reader: &dyn ChunkReader,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>> {
        let mut merged = merge(candidates, query.top_k);
        let grown: Vec<_> = merged.iter().filter_map(|m| m.grown.then_some(m.request()?)).collect();
        if !grown.is_empty() {
            let mut texts = reader.slices(ctx, &query.read_set, &grown).await?.into_iter();
            merged.retain_mut(|m| !m.grown || m.set_text(texts.next().flatten()));
        }
        Ok(merged.into_iter().map(|m| m.candidate).collect())
    }
}

#[derive(Debug)]
struct Merged {
    candidate: Candidate,
    first_ordinal: u32,
    last_ordinal: u32,
    grown: bool,
}

impl Merged {
    fn new(candidate: Candidate) -> Option<Self> {
        let ordinal = candidate.passage.as_ref()?.chunk.ordinal;
        Some(Self { candidate, first_ordinal: ordinal, last_ordinal: ordinal, grown: false })
    }

    fn request(&self) -> Option<PassageRequest> {
        let passage = self.candidate.passage.as_ref()?;
        Some(PassageRequest {
            document: passage.chunk.document_id,
            version: passage.version,
            span: passage.chunk.span,
        })
    }

    fn set_text(&mut self, text: Option<String>) -> bool {
        match (&mut self.candidate.passage, text) {
            (Some(passage), Some(text)) => {
                passage.chunk.text = text;
                true
            }
            _ => false,
        }
    }

    /// Takes `other` in where it lies right before or after this passage, and says whether it did.
    fn absorb(&mut self, other: &Passage) -> bool {
        let Some(passage) = &mut self.candidate.passage else { return false };
        let before = other.chunk.ordinal.checked_add(1) == Some(self.first_ordinal);
        let after = self.last_ordinal.checked_add(1) == Some(other.chunk.ordinal);
        let span = passage.chunk.span.union(other.chunk.span);
        let same = passage.version == other.version && passage.chunk.heading == other.chunk.heading;
        if !same || !(before || after) || span.len_bytes() > MAX_PASSAGE_BYTES {
            return false;
        }
        let chunk = &mut passage.chunk;
        if before {
            self.first_ordinal = other.chunk.ordinal;
            chunk.page_starts = page_starts(&other.chunk, chunk);
            chunk.page_start = other.chunk.page_start;
        } else {
            self.last_ordinal = other.chunk.ordinal;
            chunk.page_starts = page_starts(chunk, &other.chunk);
            chunk.page_end = other.chunk.page_end;
        }
        chunk.span = span;
        self.grown = true;
        true
    }
}

/// The pages that begin inside the passage that `first` and the `second` behind it make: chunks may overlap, and a page may
/// begin right between them.
fn page_starts(first: &Chunk, second: &Chunk) -> Vec<PageStart> {
    let mut starts = first.page_starts.clone();
    let between = second.page_start.map(|page| PageStart { page, byte: second.span.start });
    for start in between.into_iter().chain(second.page_starts.iter().copied()) {
        let last = starts.last().map(|last| last.page).or(first.page_start);
        if last.is_some_and(|last| start.page > last) {
            starts.push(start);
        }
    }
    starts
}

/// Goes down the list until `top_k` passages stand, merging each candidate into a passage it touches.
fn merge(candidates: Vec<Candidate>, top_k: usize) -> Vec<Merged> {
    let mut merged: Vec<Merged> = Vec::new();
    for candidate in candidates {
        let Some(passage) = &candidate.passage else { continue };
        if merged.iter_mut().any(|m| m.absorb(passage)) {
            continue;
        }
        if merged.len() == top_k {
            break;
        }
        merged.extend(Merged::new(candidate));
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{
        ChunkId, CollectionId, DocumentId, Metadata, SourceScores, Span, VersionId,
    };

    fn candidate(version: VersionId, ordinal: u32, score: f32) -> Candidate {
        let start = ordinal as usize * 100;
        let chunk = Chunk {
            id: ChunkId::new(),
            document_id: DocumentId::from_bytes([1; 16]),
            version_id: Some(version),
            document_version: 1,
            collection_id: CollectionId::from_bytes([1; 16]),
            ordinal,
            title: String::new(),
            heading: None,
            span: Span::new(start, start + 100),
            page_start: Some(ordinal + 1),
            page_end: Some(ordinal + 1),
            page_starts: Vec::new(),
            language: None,
            text: String::new(),
        };
        let passage = Passage { chunk, version, metadata: Metadata::default() };
        Candidate {
            chunk: passage.chunk.id,
            score,
            scores: SourceScores::default(),
            passage: Some(passage),
        }
    }

    #[test]
    fn neighbours_become_one_passage_in_the_best_ones_place() {
        let (a, b) = (VersionId::new(), VersionId::new());
        let list = vec![
            candidate(a, 5, 3.0),
            candidate(b, 6, 2.0),
            candidate(a, 4, 1.5),
            candidate(a, 6, 1.0),
        ];
        let merged = merge(list, 8);
        let spans: Vec<_> =
            merged.iter().filter_map(|m| Some((m.request()?.span, m.candidate.score))).collect();
        assert_eq!(spans, [(Span::new(400, 700), 3.0), (Span::new(600, 700), 2.0)]);
        let chunk = &merged[0].candidate.passage.as_ref().unwrap().chunk;
        assert_eq!((chunk.page_start, chunk.page_end), (Some(5), Some(7)));
        let starts = [PageStart { page: 6, byte: 500 }, PageStart { page: 7, byte: 600 }];
        assert_eq!(chunk.page_starts, starts);
    }

    #[test]
    fn the_wanted_number_of_passages_is_kept() {
        let versions: Vec<_> = (0..4).map(|_| VersionId::new()).collect();
        let list = versions.iter().map(|v| candidate(*v, 0, 1.0)).collect();
        assert_eq!(merge(list, 3).len(), 3);
    }
}
