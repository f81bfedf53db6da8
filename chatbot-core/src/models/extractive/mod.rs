//! Answers with sentences of the documents.
//!
//! No model writes: the question's terms are looked up in the sentences of what was found, and the sentences that hold
//! most of them, weighed by how much each tells, are quoted word for word. Where there is an embedder, what the best of
//! them mean counts as well.

mod addressed;
mod candidates;
mod meaning;
mod wanted;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{
    ChatModel, ChatRequest, Embedder, Grounding, ModelEvent, ModelInfo, ModelStream,
};
use crate::types::{FinishReason, Usage};

use self::candidates::{Candidate, candidates};

/// The most sentences of an answer.
const MAX_SENTENCES: usize = 3;

/// Quotes the sentences that answer.
#[derive(Debug, Clone)]
pub struct ExtractiveModel {
    info: ModelInfo,
    embedder: Option<Arc<dyn Embedder>>,
}

impl Default for ExtractiveModel {
    fn default() -> Self {
        let info = ModelInfo {
            name: "extractive".to_owned(),
            context_window: None,
            max_output_tokens: None,
            quotes_only: true,
            usd_per_million: Some((0.0, 0.0)),
        };
        Self { info, embedder: None }
    }
}

impl ExtractiveModel {
    /// A model that also compares what sentences mean, for passages that were found by meaning. Where the embedder does not
    /// answer, the words alone decide.
    #[must_use]
    pub fn with_embedder(embedder: Arc<dyn Embedder>) -> Self {
        Self { embedder: Some(embedder), ..Self::default() }
    }

    /// The sentences that may answer, best first.
    async fn rated(&self, ctx: &Context, grounding: &Grounding) -> Result<Vec<Candidate>> {
        let mut rated = candidates(grounding);
        best_first(&mut rated);
        if let Some(embedder) = self.embedder.as_ref().filter(|_| meaning::counts(grounding)) {
            match meaning::weigh(ctx, embedder, grounding, &mut rated).await {
                Ok(()) => best_first(&mut rated),
                Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
                Err(error) => tracing::warn!(%error, "sentences are chosen by their words alone"),
            }
        }
        Ok(rated)
    }
}

fn best_first(candidates: &mut [Candidate]) {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
}

#[async_trait]
impl ChatModel for ExtractiveModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        ctx.check()?;
        let grounding = request.grounding.ok_or_else(|| {
            Error::invalid(
                "This model only quotes documents. Ask it with documents, or choose another model.",
            )
        })?;
        let rated = self.rated(ctx, &grounding).await?;
        let texts = chosen(rated, &grounding).into_iter().map(ModelEvent::Text);
        let usage = ModelEvent::Usage(Usage::default());
        let events = texts.chain([usage, ModelEvent::Finish(FinishReason::Stop)]).map(Ok);
        Ok(stream::iter(events.collect::<Vec<_>>()).boxed())
    }
}

/// The pieces of the answer: each a sentence, word for word, with its marker. `candidates` are best first.
fn chosen(mut candidates: Vec<Candidate>, grounding: &Grounding) -> Vec<String> {
    // Sentences that have nothing to do with the question, or give orders to whoever answers, fill no answer up; where all are
    // such, the best one stands.
    let first = candidates.first().copied();
    let fills = |candidate: &Candidate| candidate.is_related && !candidate.is_addressed;
    candidates.retain(|candidate| fills(candidate) || Some(*candidate) == first);
    candidates.truncate(MAX_SENTENCES);
    candidates.sort_by_key(|candidate| (candidate.source, candidate.span));
    let texts = candidates.iter().enumerate().filter_map(|(n, candidate)| {
        let source = grounding.sources.get(candidate.source)?;
        let space = if n == 0 { "" } else { " " };
        Some(format!("{space}{} [{}]", candidate.span.slice(&source.text)?, source.index))
    });
    texts.collect()
}
