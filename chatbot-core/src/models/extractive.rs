//! Answers with sentences of the documents.
//!
//! No model runs: the question's terms are looked up in the sentences of what was found, and the sentences that hold
//! most of them, weighed by how much each tells, are quoted word for word.

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::text::{TermSet, detect_language, query_terms, sentences};
use crate::traits::{ChatModel, ChatRequest, Grounding, ModelEvent, ModelInfo, ModelStream};
use crate::types::{FinishReason, Span, Usage};

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

/// The pieces of the answer: each a sentence with its marker.
fn chosen(grounding: &Grounding) -> Vec<String> {
    let terms = query_terms(&grounding.question);
    let mut candidates: Vec<(f32, usize, Span)> = Vec::new();
    for (at, source) in grounding.sources.iter().enumerate().filter(|(_, source)| !source.deleted) {
        let language = detect_language(&source.text);
        for span in sentences(&source.text) {
            let set =
                TermSet::of(&[span.slice(&source.text).unwrap_or_default()], language.as_ref());
            let found = terms.iter().filter(|term| set.has(&term.surface, &term.stems));
            candidates.push((found.map(|term| term.weight).sum(), at, span));
        }
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    candidates.truncate(MAX_SENTENCES);
    candidates.sort_by_key(|(_, at, span)| (*at, *span));
    let texts = candidates.iter().enumerate().filter_map(|(n, (_, at, span))| {
        let source = grounding.sources.get(*at)?;
        let space = if n == 0 { "" } else { " " };
        Some(format!("{space}{} [{}]", span.slice(&source.text)?, source.index))
    });
    texts.collect()
}
