//! From a question to sources.

use std::sync::Arc;

use super::projector::Standing;
use super::{Engine, rewrite};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{Candidate, Query, Retriever, TermEvidence};
use crate::types::{RetrievalTrace, SearchReply, SearchRequest, Source, Strategy, Warning};

const REBUILDING: &str = "An index is being rebuilt; until that is done, passages may be missing.";
const FAILING: &str = "An index cannot be brought up to date; passages may be missing.";

/// What was found for a question.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) sources: Vec<Source>,
    pub(super) terms: Vec<TermEvidence>,
    pub(super) trace: RetrievalTrace,
    /// Why something may be missing.
    pub(super) warnings: Vec<Warning>,
}

impl Engine {
    pub(crate) async fn search(
        &self,
        ctx: &Context,
        request: SearchRequest,
    ) -> Result<SearchReply> {
        let found = self.find(ctx, &request).await?;
        let trace = request.explain.then_some(found.trace);
        Ok(SearchReply { hits: found.sources, trace, warnings: found.warnings })
    }

    /// The passages for a question, under the asker's read-set.
    pub(super) async fn find(&self, ctx: &Context, request: &SearchRequest) -> Result<Found> {
        request.validate()?;
        let Some(retriever) = self.retriever(request.strategy)? else {
            return Ok(Found::default());
        };
        let read_set = self.narrowed(ctx, request.collection_ids.as_deref()).await?;
        let mut warnings = ctx.run(self.shortcomings(request.strategy)).await?;
        let documents = match &request.filter {
            Some(filter) => {
                Some(Arc::new(self.store().matching_documents(ctx, &read_set, filter).await?))
            }
            None => None,
        };
        let query = Query {
            text: request.query.clone(),
            context: rewrite::context(&request.query, &request.after),
            read_set,
            documents,
            top_k: request.top_k,
        };
        let retrieval = ctx.run(retriever.retrieve(ctx, &query)).await?;
        warnings.extend(retrieval.warnings);
        let sources = retrieval.candidates.into_iter().filter_map(source);
        let sources = (1..).zip(sources).map(|(index, source)| Source { index, ..source });
        let (terms, trace) = (retrieval.terms, retrieval.trace);
        Ok(Found { sources: sources.collect(), terms, trace, warnings })
    }

    /// What a reader should know of the indexes that this strategy searches.
    async fn shortcomings(&self, strategy: Strategy) -> Result<Vec<Warning>> {
        let by_meaning = match &self.previous {
            Some(previous) if !self.embedding.has_taken_over() => Some(previous),
            Some(_) | None => self.dense.as_ref(),
        };
        let by_words = Some(&self.lexical).filter(|_| strategy != Strategy::Dense);
        let by_meaning = by_meaning.filter(|_| strategy != Strategy::Lexical);
        let mut warnings: Vec<Warning> = Vec::new();
        for projection in by_words.into_iter().chain(by_meaning) {
            let warning = match projection.standing().await {
                Standing::Unknown | Standing::Following => continue,
                Standing::Rebuilding => Warning::new("index_rebuilding", REBUILDING),
                Standing::Failing => Warning::new("index_failing", FAILING),
            };
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        Ok(warnings)
    }

    /// What finds passages by this strategy; `None` where none are wanted.
    pub(super) fn retriever(&self, strategy: Strategy) -> Result<Option<&Arc<dyn Retriever>>> {
        if strategy == Strategy::None {
            return Ok(None);
        }
        let retrievers = match &self.parts.previous {
            Some(previous) if !self.embedding.has_taken_over() => &previous.retrievers,
            Some(_) | None => &self.parts.retrievers,
        };
        let retriever = retrievers.get(&strategy).ok_or_else(|| {
            let name = strategy.as_str();
            let missing = if matches!(strategy, Strategy::Dense | Strategy::Hybrid) {
                "needs an embedder, and none is configured here"
            } else {
                "is not configured here"
            };
            let message = format!("The strategy `{name}` {missing}. Try `auto`.");
            Error::new(ErrorKind::Unsupported, message)
        })?;
        Ok(Some(retriever))
    }
}

/// The candidate as a source, its index still to be set; `None` for one that was not read.
fn source(candidate: Candidate) -> Option<Source> {
    let passage = candidate.passage?;
    let chunk = passage.chunk;
    Some(Source {
        index: 0,
        document_id: chunk.document_id,
        document_version: chunk.document_version,
        chunk_id: candidate.chunk,
        title: chunk.title,
        text: chunk.text,
        page_start: chunk.page_start,
        page_end: chunk.page_end,
        page_starts: chunk.page_starts,
        heading: chunk.heading,
        byte_start: chunk.span.start,
        byte_end: chunk.span.end,
        score: candidate.score,
        scores: candidate.scores,
        metadata: passage.metadata,
        deleted: false,
    })
}
