//! Answers with sentences of the documents.
//!
//! No model runs: the question's terms are looked up in the sentences of what was found, and the sentences that hold
//! most of them, weighed by how much each tells, are quoted word for word.

mod candidates;
mod wanted;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::traits::{ChatModel, ChatRequest, Grounding, ModelEvent, ModelInfo, ModelStream};
use crate::types::{FinishReason, Usage};

use self::candidates::candidates;

/// The most sentences of an answer.
const MAX_SENTENCES: usize = 3;

/// Quotes the sentences that answer.
#[derive(Debug, Clone)]
pub struct ExtractiveModel {
    info: ModelInfo,
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
        Self { info }
    }
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
        let texts = chosen(&grounding).into_iter().map(ModelEvent::Text);
        let usage = ModelEvent::Usage(Usage::default());
        let events = texts.chain([usage, ModelEvent::Finish(FinishReason::Stop)]).map(Ok);
        Ok(stream::iter(events.collect::<Vec<_>>()).boxed())
    }
}

/// The pieces of the answer: each a sentence, word for word, with its marker.
fn chosen(grounding: &Grounding) -> Vec<String> {
    let mut candidates = candidates(grounding);
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    // Sentences that have nothing to do with the question fill no answer up; where all are such, the best one stands.
    let first = candidates.first().copied();
    candidates.retain(|candidate| candidate.is_related || Some(*candidate) == first);
    candidates.truncate(MAX_SENTENCES);
    candidates.sort_by_key(|candidate| (candidate.source, candidate.span));
    let texts = candidates.iter().enumerate().filter_map(|(n, candidate)| {
        let source = grounding.sources.get(candidate.source)?;
        let space = if n == 0 { "" } else { " " };
        Some(format!("{space}{} [{}]", candidate.span.slice(&source.text)?, source.index))
    });
    texts.collect()
}
