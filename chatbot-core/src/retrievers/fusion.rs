//! One list out of many: plain functions on slices.

use std::collections::HashMap;

use crate::traits::Candidate;
use crate::types::{ChunkId, SourceScores};

/// How what was found by words and what was found by meaning become one list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fusion {
    /// By the scores: the lexical one and the cosine, each as a share of the best, and the weighted mean of the two.
    Convex {
        /// The lexical score's part in the mean, 0 to 1; the cosine has the rest.
        lexical_weight: f32,
    },
    /// By the places in both lists.
    ReciprocalRank,
}

impl Fusion {
    /// Chosen among 0.2 to 0.7 on halves of six public sets with this very index and all-MiniLM-L6-v2: the fused list is
    /// 1.5 points of nDCG@10 better than the better of both sides on average, and at most 0.4 worse on one. The figures
    /// are in `docs/decisions/`.
    pub const DEFAULT_LEXICAL_WEIGHT: f32 = 0.4;

    /// The least part of the lexical score where the embedder does not know the question's language. Chosen between 0.8 and
    /// 0.9 on one half of the questions of XQuAD in Spanish and in Chinese with all-MiniLM-L6-v2, which knows English.
    const FOREIGN_LEXICAL_WEIGHT: f32 = 0.8;

    /// This, for a question in a language that the embedder does not know: its words lead.
    #[must_use]
    pub const fn led_by_words(self) -> Self {
        match self {
            Self::Convex { lexical_weight } => {
                Self::Convex { lexical_weight: lexical_weight.max(Self::FOREIGN_LEXICAL_WEIGHT) }
            }
            Self::ReciprocalRank => Self::ReciprocalRank,
        }
    }

    /// The fused score of each candidate, in order.
    ///
    /// A candidate without a cosine has none because it was not embedded yet. Nothing is known of its meaning, which
    /// must not count against it: its lexical score stands in.
    #[must_use]
    pub fn scores(self, candidates: &[SourceScores]) -> Vec<f32> {
        match self {
            Self::Convex { lexical_weight } => convex(candidates, lexical_weight),
            Self::ReciprocalRank => reciprocal_rank(candidates),
        }
    }
}

/// How much the first places stand out: the constant of Cormack, Clarke and Büttcher, "Reciprocal rank fusion
/// outperforms Condorcet and individual rank learning methods" (SIGIR 2009).
const RANK_CONSTANT: f32 = 60.0;

fn convex(candidates: &[SourceScores], lexical_weight: f32) -> Vec<f32> {
    let greatest = |score: fn(&SourceScores) -> Option<f32>| {
        candidates.iter().filter_map(score).fold(0.0_f32, f32::max)
    };
    let (best, nearest) = (greatest(|scores| scores.lexical), greatest(|scores| scores.dense));
    let fused = candidates.iter().map(|scores| {
        let lexical = share(scores.lexical.unwrap_or(0.0), best);
        let dense = scores.dense.map_or(lexical, |cosine| share(cosine.max(0.0), nearest));
        lexical_weight * lexical + (1.0 - lexical_weight) * dense
    });
    fused.collect()
}

fn share(part: f32, whole: f32) -> f32 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn reciprocal_rank(candidates: &[SourceScores]) -> Vec<f32> {
    let lexical = ranks(candidates, |scores| scores.lexical);
    let dense = ranks(candidates, |scores| scores.dense);
    let earned = |rank: Option<f32>| rank.map_or(0.0, |rank| 1.0 / (RANK_CONSTANT + rank));
    let both = lexical.into_iter().zip(dense);
    both.map(|(lexical, dense)| earned(lexical) + earned(dense.or(lexical))).collect()
}

/// The place of each candidate by a score, from 1; `None` where it has none. Equal scores share the better place.
fn ranks(
    candidates: &[SourceScores],
    score: impl Fn(&SourceScores) -> Option<f32>,
) -> Vec<Option<f32>> {
    let mut sorted: Vec<f32> = candidates.iter().filter_map(&score).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let rank = |own: f32| {
        let n_better = sorted.partition_point(|other| *other > own);
        #[allow(clippy::cast_precision_loss, reason = "there are a few hundred candidates")]
        let rank = (n_better + 1) as f32;
        rank
    };
    candidates.iter().map(|scores| score(scores).map(rank)).collect()
}

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
    best_first(&mut joined);
    joined
}

/// Sorts by score; equal scores in the order of chunk ids.
pub(super) fn best_first(candidates: &mut [Candidate]) {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONVEX: Fusion = Fusion::Convex { lexical_weight: Fusion::DEFAULT_LEXICAL_WEIGHT };

    fn candidate(chunk: ChunkId, score: f32) -> Candidate {
        Candidate { chunk, score, scores: SourceScores::default(), passage: None }
    }

    fn scores(lexical: Option<f32>, dense: Option<f32>) -> SourceScores {
        SourceScores { lexical, dense, rerank: None }
    }

    #[test]
    fn a_chunk_found_twice_keeps_its_best_score() {
        let (a, b) = (ChunkId::new(), ChunkId::new());
        let lists = vec![vec![candidate(a, 2.0), candidate(b, 1.0)], vec![candidate(b, 3.0)]];
        let joined: Vec<_> = best_of(lists).iter().map(|c| (c.chunk, c.score)).collect();
        assert_eq!(joined, [(b, 3.0), (a, 2.0)]);
    }

    #[test]
    fn both_scores_count_by_their_weight() {
        let both =
            [scores(Some(10.0), Some(0.2)), scores(Some(5.0), Some(0.8)), scores(None, Some(0.5))];
        let fused = Fusion::Convex { lexical_weight: 0.6 }.scores(&both);
        for (fused, expected) in fused.iter().zip([0.7, 0.7, 0.25]) {
            assert!((fused - expected).abs() < 1e-6, "{fused} is not {expected}");
        }
        let fused = Fusion::ReciprocalRank.scores(&both);
        assert!((fused[0] - (1.0 / 61.0 + 1.0 / 63.0)).abs() < 1e-6);
        assert!((fused[2] - 1.0 / 62.0).abs() < 1e-6);
    }

    #[test]
    fn words_lead_where_the_language_is_not_known() {
        let both = [scores(Some(10.0), Some(0.2)), scores(Some(5.0), Some(0.8))];
        let first = |fusion: Fusion| fusion.scores(&both).first().copied();
        assert!(first(CONVEX) < Some(0.6), "the meaning speaks for the other");
        assert!(first(CONVEX.led_by_words()) > Some(0.8));
        let words_alone = Fusion::Convex { lexical_weight: 1.0 };
        assert_eq!(words_alone.led_by_words(), words_alone);
    }

    #[test]
    fn one_side_alone_keeps_its_order() {
        for fusion in [CONVEX, Fusion::ReciprocalRank] {
            let lexical = fusion.scores(&[scores(Some(3.0), None), scores(Some(2.0), None)]);
            assert!(lexical[0] > lexical[1]);
            let dense = fusion.scores(&[scores(None, Some(-0.1)), scores(None, Some(0.3))]);
            assert!(dense[0] < dense[1]);
        }
        assert_eq!(CONVEX.scores(&[]), [0.0_f32; 0]);
    }

    proptest! {
        /// Half of the candidates wait for their vectors.
        #[test]
        fn waiting_for_a_vector_is_no_disadvantage(
            list in prop::collection::vec((0.1_f32..20.0, prop::option::of(-1.0_f32..1.0)), 1..60),
        ) {
            let list: Vec<_> =
                list.into_iter().map(|(lexical, dense)| scores(Some(lexical), dense)).collect();
            for fusion in [CONVEX, Fusion::ReciprocalRank] {
                let fused = fusion.scores(&list);
                let waiting: Vec<_> = list
                    .iter()
                    .zip(&fused)
                    .filter(|(scores, _)| scores.dense.is_none())
                    .map(|(scores, fused)| (scores.lexical, *fused))
                    .collect();
                for (a, b) in waiting.iter().flat_map(|a| waiting.iter().map(move |b| (a, b))) {
                    prop_assert!(a.0 <= b.0 || a.1 >= b.1, "their order is the lexical one");
                }
                let best = list.iter().filter_map(|s| s.lexical).fold(0.0, f32::max);
                let first = fused.iter().copied().fold(0.0, f32::max);
                for (lexical, fused) in waiting {
                    let is_best = lexical == Some(best);
                    prop_assert!(!is_best || fused >= first - 1e-6, "the best by words stays first");
                }
            }
        }
    }
}
