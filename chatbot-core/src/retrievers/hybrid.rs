//! Finds chunks by the words of the question and by what it means, and decides when to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use serde_json::json;

use super::fusion::{Fusion, best_first};
use super::trace::step;
use super::{DenseRetriever, LexicalRetriever};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::text::question_language;
use crate::traits::{Candidate, Query, Retrieval, Retriever};
use crate::types::{ChunkId, Language, RetrievalTrace, Strategy, TraceStep, Warning};

/// Candidates of each list that are fused: the number that the weights were compared with.
const CANDIDATES: usize = 100;

/// Whether an embedder that knows these languages, `None` for most of them, knows the question's. A question that nothing
/// speaks for, such as a name or a term of art, may be English where its letters are.
fn knows(languages: Option<&[Language]>, question: &str) -> bool {
    languages.is_none_or(|known| match question_language(question) {
        Some(language) => known.contains(&language),
        None => {
            let mut letters = question.chars().filter(|c| c.is_alphabetic());
            letters.all(|letter| letter.is_ascii()) && known.iter().any(|l| l.as_str() == "eng")
        }
    })
}

/// Finds chunks by words and by meaning. Where one of the two cannot be searched (the embedder is down, an index fails), the
/// other decides alone, with a warning: `dense_unavailable` or `lexical_unavailable`.
#[derive(Debug, Clone)]
pub struct HybridRetriever {
    lexical: LexicalRetriever,
    dense: DenseRetriever,
    fusion: Fusion,
}

impl HybridRetriever {
    /// A retriever that fuses what these two find.
    #[must_use]
    pub fn new(lexical: LexicalRetriever, dense: DenseRetriever, fusion: Fusion) -> Self {
        Self { lexical, dense, fusion }
    }

    /// What lies near the question, and its vector. Also where it cannot be told, `steps` says how far it came.
    async fn near(&self, ctx: &Context, query: &Query, steps: &mut Vec<TraceStep>) -> Result<Near> {
        let began = Instant::now();
        let vector = self.dense.embed(ctx, query).await;
        let mut embedded = step("embed", 0, began);
        if let Err(error) = &vector {
            embedded.details.insert("failed".to_owned(), json!(error.kind().code()));
            embedded.details.insert("fallback".to_owned(), json!("lexical"));
        }
        steps.push(embedded);
        let (vector, began) = (vector?, Instant::now());
        let candidates = self.dense.nearest(ctx, query, &vector).await?;
        steps.push(step("dense", candidates.len(), began));
        Ok(Near { vector, candidates })
    }

    /// One list of what was found by words and what lies near.
    async fn fuse(
        &self,
        ctx: &Context,
        query: &Query,
        near: Near,
        found: &mut Retrieval,
    ) -> Result<()> {
        let (Near { vector, candidates: near }, began) = (near, Instant::now());
        let mut union: HashMap<ChunkId, Candidate> =
            found.candidates.iter().map(|candidate| (candidate.chunk, candidate.clone())).collect();
        for candidate in near {
            let dense = candidate.scores.dense;
            union.entry(candidate.chunk).or_insert(candidate).scores.dense = dense;
        }
        let by_words_alone = union.values().filter(|candidate| candidate.scores.dense.is_none());
        let by_words_alone: Vec<ChunkId> =
            by_words_alone.map(|candidate| candidate.chunk).collect();
        // By the same sum for all, so that a chunk's cosine does not depend on which list it is in.
        for (chunk, cosine) in self.dense.cosines(ctx, query, &vector, &by_words_alone).await? {
            union.entry(chunk).and_modify(|candidate| candidate.scores.dense = Some(cosine));
        }
        found.candidates = union.into_values().collect();
        let scores: Vec<_> = found.candidates.iter().map(|candidate| candidate.scores).collect();
        let fusion = match self.dense.languages() {
            languages if knows(languages, &query.text) => self.fusion,
            _ => self.fusion.led_by_words(),
        };
        for (candidate, score) in found.candidates.iter_mut().zip(fusion.scores(&scores)) {
            candidate.score = score;
        }
        best_first(&mut found.candidates);
        let n_waiting = scores.iter().filter(|scores| scores.dense.is_none()).count();
        let mut fused = step("fuse", found.candidates.len(), began);
        fused.details.insert("without_vector".to_owned(), json!(n_waiting));
        found.trace.steps.push(fused);
        Ok(())
    }
}

#[async_trait]
impl Retriever for HybridRetriever {
    async fn retrieve(&self, ctx: &Context, query: &Query) -> Result<Retrieval> {
        let wide = Query { top_k: query.top_k.max(CANDIDATES), ..query.clone() };
        let mut steps = Vec::new();
        let (found, near) =
            tokio::join!(self.lexical.retrieve(ctx, &wide), self.near(ctx, &wide, &mut steps));
        let mut found = match (found, &near) {
            (Ok(found), _) => found,
            // Meaning alone decides; without it too, there is nothing to go by.
            (Err(error), Ok(_)) => {
                note(ctx, &error)?;
                Retrieval { warnings: vec![words_missing()], ..Retrieval::default() }
            }
            (Err(error), Err(_)) => return Err(error),
        };
        // In the order in which they would come one after the other: what was embedded, the words, the vectors.
        let searched = steps.split_off(steps.len().min(1));
        steps.append(&mut found.trace.steps);
        steps.extend(searched);
        found.trace = RetrievalTrace { strategy: Strategy::Hybrid, steps };
        let fused = match near {
            Ok(near) => self.fuse(ctx, &wide, near, &mut found).await,
            Err(error) => Err(error),
        };
        if let Err(error) = fused {
            note(ctx, &error)?;
            // Without words, meaning was the last hope.
            if !found.warnings.is_empty() {
                return Err(error);
            }
            found.warnings.push(meaning_missing());
        }
        found.candidates.truncate(query.top_k);
        Ok(found)
    }
}

/// What lies near a question.
struct Near {
    vector: Vec<f32>,
    candidates: Vec<Candidate>,
}

fn words_missing() -> Warning {
    let message = "The index of words did not answer: passages were found by meaning alone.";
    Warning::new("lexical_unavailable", message)
}

fn meaning_missing() -> Warning {
    let message = "Meaning could not be searched: passages were found by their words alone.";
    Warning::new("dense_unavailable", message)
}

/// Goes on without what failed, unless the asker has gone.
fn note(ctx: &Context, error: &Error) -> Result<()> {
    ctx.check()?;
    if error.kind() == ErrorKind::Cancelled {
        return Err(Error::new(ErrorKind::Cancelled, "The work was stopped."));
    }
    tracing::warn!(%error, ?error, "one of two searches failed; the other decides");
    Ok(())
}

/// Searches by words and meaning where the embedder knows the question's language, and by words elsewhere: of a
/// language that it does not know, its vectors say little, and the words still say what they say.
#[derive(Debug)]
pub struct AutoRetriever {
    hybrid: Arc<dyn Retriever>,
    lexical: Arc<dyn Retriever>,
    languages: Option<Vec<Language>>,
}

impl AutoRetriever {
    /// A retriever that chooses between these by `languages`, those that the embedder knows; `None` where it knows most
    /// of them.
    #[must_use]
    pub fn new(
        hybrid: Arc<dyn Retriever>,
        lexical: Arc<dyn Retriever>,
        languages: Option<Vec<Language>>,
    ) -> Self {
        Self { hybrid, lexical, languages }
    }
}

#[async_trait]
impl Retriever for AutoRetriever {
    async fn retrieve(&self, ctx: &Context, query: &Query) -> Result<Retrieval> {
        let is_known = knows(self.languages.as_deref(), &query.text);
        let chosen = if is_known { &self.hybrid } else { &self.lexical };
        chosen.retrieve(ctx, query).await
    }
}
