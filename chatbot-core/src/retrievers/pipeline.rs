//! A strategy as a value: transforms → retrievers in parallel → fusion → hydration → post-processors.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::time::timeout;

use super::fusion::best_of;
use super::trace::step;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{
    Candidate, ChunkReader, PostProcessor, Query, QueryTransform, Retrieval, Retriever,
    TermEvidence,
};
use crate::types::{RetrievalTrace, Strategy, TraceStep, Warning};

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
    post_processors: Vec<Stage>,
}

/// A post-processor, and how long it is waited for where the passages will do without it.
#[derive(Debug)]
struct Stage {
    post_processor: Arc<dyn PostProcessor>,
    patience: Option<Duration>,
}

impl Stage {
    fn skipped(&self) -> Warning {
        let code = format!("{}_skipped", self.post_processor.name());
        Warning::new(
            code,
            "The best passages may not stand first: their order was not improved in time.",
        )
    }
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
        self.post_processors.push(Stage { post_processor, patience: None });
        self
    }

    /// Works on what was found, unless it fails or takes longer than `patience`: then the passages stay as they are, and a
    /// warning (`NAME_skipped`) says so. For what makes a good order better, such as a reranker.
    #[must_use]
    pub fn optional(mut self, post_processor: Arc<dyn PostProcessor>, patience: Duration) -> Self {
        self.post_processors.push(Stage { post_processor, patience: Some(patience) });
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
            found.warnings.extend(retrieval.warnings);
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

    /// What a stage makes of the candidates; where one that they do without fails, the candidates as they were, and why.
    async fn post_process(
        &self,
        ctx: &Context,
        query: &Query,
        stage: &Stage,
        candidates: Vec<Candidate>,
    ) -> Result<(Vec<Candidate>, Option<Error>)> {
        let reader = self.reader.as_ref();
        let process = |candidates| stage.post_processor.process(ctx, query, reader, candidates);
        let Some(patience) = stage.patience else {
            return Ok((process(candidates).await?, None));
        };
        let late =
            |_| Err(Error::new(ErrorKind::Timeout, "The passages were not worked on in time."));
        match timeout(patience, process(candidates.clone())).await.unwrap_or_else(late) {
            Ok(processed) => Ok((processed, None)),
            Err(error) => {
                ctx.check()?;
                let name = stage.post_processor.name();
                tracing::warn!(name, %error, ?error, "passages are shown as they were found");
                Ok((candidates, Some(error)))
            }
        }
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
    warnings: Vec<Warning>,
}

#[async_trait]
impl Retriever for Pipeline {
    async fn retrieve(&self, ctx: &Context, query: &Query) -> Result<Retrieval> {
        let wider = Query { top_k: query.top_k.saturating_mul(OVERSAMPLING), ..query.clone() };
        let queries = self.queries(ctx, &wider).await?;
        let Found { candidates, terms, mut steps, mut warnings } =
            self.search(ctx, &queries).await?;
        let began = Instant::now();
        let mut candidates = self.hydrate(ctx, query, candidates).await?;
        steps.push(step("hydrate", candidates.len(), began));
        for stage in &self.post_processors {
            let began = Instant::now();
            let (processed, skipped) = self.post_process(ctx, query, stage, candidates).await?;
            candidates = processed;
            let mut step = step(stage.post_processor.name(), candidates.len(), began);
            if let Some(error) = skipped {
                step.details.insert("failed".to_owned(), json!(error.kind().code()));
                warnings.push(stage.skipped());
            }
            steps.push(step);
        }
        candidates.truncate(query.top_k);
        let trace = RetrievalTrace { strategy: self.strategy, steps };
        Ok(Retrieval { candidates, terms, trace, warnings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::ReadSet;
    use crate::retrievers::MergeNeighbours;
    use crate::testing::conformance::index::read_set;
    use crate::traits::{Passage, PassageRequest};
    use crate::types::{
        Chunk, ChunkId, CollectionId, DocumentId, Metadata, SourceScores, Span, VersionId,
    };

    /// Two passages, and whoever reads them.
    #[derive(Debug, Clone)]
    struct Two([ChunkId; 2]);

    #[async_trait]
    impl Retriever for Two {
        async fn retrieve(&self, _: &Context, _: &Query) -> Result<Retrieval> {
            let scores = SourceScores::default();
            let candidate = |chunk| Candidate { chunk, score: 1.0, scores, passage: None };
            let candidates = self.0.into_iter().map(candidate).collect();
            Ok(Retrieval { candidates, ..Retrieval::default() })
        }
    }

    #[async_trait]
    impl ChunkReader for Two {
        async fn hydrate(&self, _: &Context, _: &ReadSet, ids: &[ChunkId]) -> Result<Vec<Passage>> {
            let passage = |id: &ChunkId| {
                let version = VersionId::new();
                let chunk = Chunk {
                    id: *id,
                    document_id: DocumentId::new(),
                    version_id: Some(version),
                    document_version: 1,
                    collection_id: CollectionId::new(),
                    ordinal: 0,
                    title: String::new(),
                    heading: None,
                    span: Span::new(0, 0),
                    page_start: None,
                    page_end: None,
                    page_starts: Vec::new(),
                    language: None,
                    text: String::new(),
                };
                Passage { chunk, version, metadata: Metadata::default() }
            };
            Ok(ids.iter().map(passage).collect())
        }

        async fn slices(
            &self,
            _: &Context,
            _: &ReadSet,
            requests: &[PassageRequest],
        ) -> Result<Vec<Option<String>>> {
            Ok(vec![None; requests.len()])
        }
    }

    /// Turns the order round after a while, or fails.
    #[derive(Debug)]
    struct Reverse {
        takes: Duration,
        fails: bool,
    }

    #[async_trait]
    impl PostProcessor for Reverse {
        fn name(&self) -> &'static str {
            "reverse"
        }

        async fn process(
            &self,
            _: &Context,
            _: &Query,
            _: &dyn ChunkReader,
            mut candidates: Vec<Candidate>,
        ) -> Result<Vec<Candidate>> {
            tokio::time::sleep(self.takes).await;
            if self.fails {
                return Err(Error::new(ErrorKind::Unavailable, "The reranker is down."));
            }
            candidates.reverse();
            Ok(candidates)
        }
    }

    const PATIENCE: Duration = Duration::from_secs(2);

    async fn found(two: &Two, takes: u64, fails: bool, optional: bool) -> Result<Retrieval> {
        let reverse = Arc::new(Reverse { takes: Duration::from_secs(takes), fails });
        let pipeline = Pipeline::new(Strategy::Auto, Arc::new(two.clone()), Arc::new(two.clone()));
        let pipeline = match optional {
            true => pipeline.optional(reverse, PATIENCE),
            false => pipeline.post_processor(reverse),
        };
        let pipeline = pipeline.post_processor(Arc::new(MergeNeighbours));
        let read_set = read_set([CollectionId::new()]);
        let query = Query {
            text: "?".to_owned(),
            context: Vec::new(),
            read_set,
            documents: None,
            top_k: 2,
        };
        pipeline.retrieve(&Context::local(), &query).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_stage_that_is_late_or_fails_is_gone_without_where_that_is_allowed() {
        let two = Two([ChunkId::new(), ChunkId::new()]);
        let order =
            |found: &Retrieval| found.candidates.iter().map(|c| c.chunk).collect::<Vec<_>>();
        let reversed: Vec<_> = two.0.into_iter().rev().collect();
        for (takes, fails, expected) in
            [(1, false, None), (3, false, Some("timeout")), (1, true, Some("unavailable"))]
        {
            let found = found(&two, takes, fails, true).await.unwrap();
            let codes: Vec<_> = found.warnings.iter().map(|w| w.code.as_str()).collect();
            let failed = found.trace.steps[1].details.get("failed").and_then(|code| code.as_str());
            assert_eq!(failed, expected);
            match expected {
                None => assert_eq!((order(&found), codes), (reversed.clone(), vec![])),
                Some(_) => {
                    assert_eq!((order(&found), codes), (two.0.to_vec(), vec!["reverse_skipped"]))
                }
            }
        }
        let late = found(&two, 3, false, false).await.unwrap();
        assert_eq!(order(&late), reversed, "what is not optional is waited for");
        let failed = found(&two, 1, true, false).await.map(drop);
        assert_eq!(failed.map_err(|error| error.kind()), Err(ErrorKind::Unavailable));
    }
}
