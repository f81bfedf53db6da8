//! How near the sentences that the words put first are to the question in meaning.

use std::sync::Arc;

use super::candidates::Candidate;
use crate::context::Context;
use crate::error::Result;
use crate::kernels::dot_f32;
use crate::traits::{EmbedKind, EmbedRequest, Embedder, Grounding};

/// Sentences that are compared: each takes about 5 ms of one core with the built-in embedder, and more of them find no more
/// answers.
const SHORTLIST: usize = 6;

/// What a cosine of 1 counts, beside the whole question's words, which count 1.
///
/// *Source*: compared on half of the public SQuAD 1.1 questions, checked on the other half; see `docs/decisions/`.
const WEIGHT: f32 = 1.5;

/// From this cosine on a sentence has to do with the question, whatever its words.
///
/// *Source*: of 7,200 pairs of a SQuAD 1.1 question and a sentence found for another one, 1.6 % are nearer than that.
const RELATED: f32 = 0.35;

/// Whether the passages were found by meaning at all: not where the embedder does not know the question's language, nor
/// where nothing has a vector yet.
pub(super) fn counts(grounding: &Grounding) -> bool {
    grounding.sources.iter().any(|source| source.scores.dense.is_some())
}

/// Adds its meaning to the score of each of the best sentences, and drops the others. `candidates` are best first.
///
/// # Errors
/// Those of the embedder; then nothing has changed.
pub(super) async fn weigh(
    ctx: &Context,
    embedder: &Arc<dyn Embedder>,
    grounding: &Grounding,
    candidates: &mut Vec<Candidate>,
) -> Result<()> {
    let sentence = |candidate: &Candidate| {
        let source = grounding.sources.get(candidate.source)?;
        candidate.span.slice(&source.text).map(str::to_owned)
    };
    let texts = candidates.iter().take(SHORTLIST).filter_map(sentence).collect();
    let question = vec![grounding.question.clone()];
    let (question, sentences) = tokio::try_join!(
        embedder.embed(ctx, EmbedRequest { kind: EmbedKind::Query, texts: question }),
        embedder.embed(ctx, EmbedRequest { kind: EmbedKind::Sentence, texts }),
    )?;
    let Some(question) = question.iter().next() else { return Ok(()) };
    candidates.truncate(sentences.len());
    for (candidate, sentence) in candidates.iter_mut().zip(sentences.iter()) {
        let cosine = dot_f32(question, sentence);
        candidate.score += WEIGHT * cosine;
        candidate.is_related |= cosine >= RELATED;
    }
    Ok(())
}
