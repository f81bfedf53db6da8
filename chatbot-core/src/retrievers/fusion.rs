//! One list out of many.

use std::collections::HashMap;

use crate::traits::Candidate;
use crate::types::ChunkId;

/// Joins lists whose scores mean the same: a chunk found more than once keeps its best score.
pub(super) fn best_of(lists: Vec<Vec<Candidate>>) -> Vec<Candidate> {
    let mut best: HashMap<ChunkId, Candidate> = HashMap::new();
    for candidate in lists.into_iter().flatten() {
        match best.get(&candidate.chunk) {
            Some(known) if known.score >= candidate.score => {}
            _ => {
                best.insert(candidate.chunk, candidate);
            }
        }
    }
    let mut joined: Vec<_> = best.into_values().collect();
    joined.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SourceScores;

    fn candidate(chunk: ChunkId, score: f32) -> Candidate {
        Candidate { chunk, score, scores: SourceScores::default(), passage: None }
    }

    #[test]
    fn a_chunk_found_twice_keeps_its_best_score() {
        let (a, b) = (ChunkId::new(), ChunkId::new());
        let lists = vec![vec![candidate(a, 2.0), candidate(b, 1.0)], vec![candidate(b, 3.0)]];
        let joined: Vec<_> = best_of(lists).iter().map(|c| (c.chunk, c.score)).collect();
        assert_eq!(joined, [(b, 3.0), (a, 2.0)]);
    }
}
