//! What every retriever keeps to, whatever it is composed of.

use std::collections::HashSet;

use crate::context::Context;
use crate::error::ErrorKind;
use crate::traits::{Query, Retrieval, Retriever};
use crate::types::ChunkId;

/// A question together with what may and what may not be found for it.
#[derive(Debug)]
pub struct RetrieverCase {
    /// A question that finds at least three chunks of `readable`, and would find `forbidden` ones.
    pub query: Query,
    /// Chunks in the query's read-set.
    pub readable: HashSet<ChunkId>,
    /// Chunks outside of it.
    pub forbidden: HashSet<ChunkId>,
}

/// Checks a retriever: only what may be read, best first, as many as wanted, and stopped when it is told to.
///
/// # Panics
/// Where the retriever does not keep to its contract.
pub async fn retriever(retriever: &dyn Retriever, case: RetrieverCase) {
    let ctx = Context::local();
    let all = found(retriever, &ctx, &case.query).await;
    let ids: Vec<_> = all.candidates.iter().map(|candidate| candidate.chunk).collect();
    assert!(ids.len() >= 3, "the case must find three chunks, it found {}", ids.len());
    assert!(ids.iter().all(|id| case.readable.contains(id)), "a chunk outside the case was found");
    assert!(!ids.iter().any(|id| case.forbidden.contains(id)), "a forbidden chunk was found");
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "a chunk was found twice");
    assert!(all.candidates.is_sorted_by(|a, b| a.score >= b.score), "the best must come first");
    assert!(!all.trace.steps.is_empty(), "a trace says how the chunks were found");

    let two = Query { top_k: 2, ..case.query.clone() };
    let two = found(retriever, &ctx, &two).await;
    let best: Vec<_> = two.candidates.iter().map(|candidate| candidate.chunk).collect();
    assert_eq!(best, ids.iter().copied().take(2).collect::<Vec<_>>(), "fewer are the best of more");

    let blind = Query { read_set: case.query.read_set.narrowed(&[]), ..case.query.clone() };
    assert!(
        found(retriever, &ctx, &blind).await.candidates.is_empty(),
        "an empty set reads nothing"
    );

    let stopped = ctx.child();
    stopped.cancel();
    let kind = retriever.retrieve(&stopped, &case.query).await.map(drop).map_err(|e| e.kind());
    assert_eq!(kind, Err(ErrorKind::Cancelled), "a cancelled search must stop");
}

async fn found(retriever: &dyn Retriever, ctx: &Context, query: &Query) -> Retrieval {
    retriever.retrieve(ctx, query).await.expect("a search of the case must succeed")
}
