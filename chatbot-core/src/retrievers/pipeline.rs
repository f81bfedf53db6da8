//! A strategy as a value: transforms → retrievers in parallel → fusion → hydration → post-processors.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures_util::future::try_join_all;

use super::fusion::best_of;
use super::trace::step;
use crate::context::Context;
use crate::error::Result;
use crate::traits::{
    Candidate, ChunkReader, PostProcessor, Query, QueryTransform, Retrieval, Retriever,
    TermEvidence,
};
use crate::types::{RetrievalTrace, Strategy, TraceStep};

/// Candidates read for each passage wanted. Neighbours that are merged and chunks that are no longer live take some
/// away; with twice as many, the wanted number is nearly always left.
const OVERSAMPLING: usize = 2;

/// A composition of retrieval building blocks; itself a retriever.
#[derive(Debug)]
pub struct Pipeline {
    strategy: Strategy,
    transforms: Vec<Arc<dyn QueryTransform>>,
    retrievers: Vec<Arc<dyn Retriever>>,
    reader: Arc<dyn ChunkReader>,
    post_processors: Vec<Arc<dyn PostProcessor>>,
}

impl Pipeline {
    /// A composition that finds chunks with `retriever` and reads them through `reader`.
    #[must_use]
    pub fn new(
        strategy: Strategy,
        retriever: Arc<dyn Retriever>,
        reader: Arc<dyn ChunkReader>,
    ) -> Self {
        Self {
            strategy,
            transforms: Vec::new(),
            retrievers: vec![retriever],
            reader,
            post_processors: Vec::new(),
        }
    }

    /// Puts the question differently before the search; in the order in which they are added.
    #[must_use]
    pub fn transform(mut self, transform: Arc<dyn QueryTransform>) -> Self {
        self.transforms.push(transform);
        self
    }

    /// Searches with another retriever at the same time.
    #[must_use]
    pub fn retriever(mut self, retriever: Arc<dyn Retriever>) -> Self {
        self.retrievers.push(retriever);
        self
    }

    /// Works on what was found; in the order in which they are added.
    #[must_use]
    pub fn post_processor(mut self, post_processor: Arc<dyn PostProcessor>) -> Self {
        self.post_processors.push(post_processor);
        self
    }

    async fn queries(&self, ctx: &Context, query: &Query) -> Result<Vec<Query>> {
        let mut queries = vec![query.clone()];
        for transform in &self.transforms {
            let transformed = queries.into_iter().map(|query| transform.transform(ctx, query));
            queries = try_join_all(transformed).await?.into_iter().flatten().collect();
        }
        Ok(queries)
    }

    async fn search(&self, ctx: &Context, queries: &[Query]) -> Result<Found> {
        let searches = queries.iter().flat_map(|query| {
            self.retrievers.iter().map(|retriever| retriever.retrieve(ctx, query))
        });
        let mut found = Found::default();
        let mut lists = Vec::new();
        for retrieval in try_join_all(searches).await? {
            lists.push(retrieval.candidates);
            found.steps.extend(retrieval.trace.steps);
            if found.terms.is_empty() {
                found.terms = retrieval.terms;
            }
        }
        found.candidates = match (lists.pop(), lists.is_empty()) {
            (Some(only), true) => only,
            (last, _) => best_of(lists.into_iter().chain(last).collect()),
        };
        Ok(found)
    }

    async fn hydrate(
        &self,
        ctx: &Context,
        query: &Query,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>> {
        let ids: Vec<_> = candidates.iter().map(|candidate| candidate.chunk).collect();
        let passages = self.reader.hydrate(ctx, &query.read_set, &ids).await?;
        let mut by_id: HashMap<_, _> =
            passages.into_iter().map(|passage| (passage.chunk.id, passage)).collect();
        let read = candidates.into_iter().filter_map(|candidate| {
            let passage = by_id.remove(&candidate.chunk)?;
            Some(Candidate { passage: Some(passage), ..candidate })
        });
        Ok(read.collect())
    }
}

#[derive(Default)]
struct Found {
    candidates: Vec<Candidate>,
    terms: Vec<TermEvidence>,
    steps: Vec<TraceStep>,
}

#[async_trait]
impl Retriever for Pipeline {
    async fn retrieve(&self, ctx: &Context, query: &Query) -> Result<Retrieval> {
        let wider = Query { top_k: query.top_k.saturating_mul(OVERSAMPLING), ..query.clone() };
        let queries = self.queries(ctx, &wider).await?;
        let Found { candidates, terms, mut steps } = self.search(ctx, &queries).await?;
        let began = Instant::now();
        let mut candidates = self.hydrate(ctx, query, candidates).await?;
        steps.push(step("hydrate", candidates.len(), began));
        for post_processor in &self.post_processors {
            let began = Instant::now();
            candidates =
                post_processor.process(ctx, query, self.reader.as_ref(), candidates).await?;
            steps.push(step(post_processor.name(), candidates.len(), began));
        }
        candidates.truncate(query.top_k);
        let trace = RetrievalTrace { strategy: self.strategy, steps };
        Ok(Retrieval { candidates, terms, trace })
    }
}
