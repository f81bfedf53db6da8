//! Finds chunks by the words of the question.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use serde_json::json;

use crate::context::Context;
use crate::error::Result;
use crate::text::{QueryTerm, query_terms};
use crate::traits::{
    Candidate, Find, Index, IndexQuery, Query, Retrieval, Retriever, TermEvidence,
};
use crate::types::{RetrievalTrace, SourceScores, Strategy, TraceStep};

/// Finds chunks by the words of the question, as they stand and by their stems.
#[derive(Debug, Clone)]
pub struct LexicalRetriever {
    index: Arc<dyn Index>,
}

impl LexicalRetriever {
    /// A retriever over an index that finds chunks by terms.
    #[must_use]
    pub fn new(index: Arc<dyn Index>) -> Self {
        Self { index }
    }
}

#[async_trait]
impl Retriever for LexicalRetriever {
    async fn retrieve(&self, ctx: &Context, query: &Query) -> Result<Retrieval> {
        let began = Instant::now();
        let terms = terms_of(query);
        let search = IndexQuery {
            read_set: query.read_set.clone(),
            documents: query.documents.clone(),
            find: Find::Terms(terms.clone()),
            limit: query.top_k,
        };
        let reply = self.index.search(ctx, &search).await?;
        let candidates = reply.hits.iter().map(|hit| Candidate {
            chunk: hit.chunk,
            score: hit.score,
            scores: SourceScores { lexical: Some(hit.score), ..SourceScores::default() },
            passage: None,
        });
        let candidates: Vec<_> = candidates.collect();
        let terms = terms.into_iter().zip(&reply.document_frequencies);
        let terms = terms.map(|(term, df)| TermEvidence {
            surface: term.surface,
            stems: term.stems,
            document_frequency: *df,
            n_chunks: reply.n_chunks,
        });
        let terms: Vec<_> = terms.collect();
        let step = trace_step(&candidates, &terms, began);
        let trace = RetrievalTrace { strategy: Strategy::Lexical, steps: vec![step] };
        Ok(Retrieval { candidates, terms, trace, warnings: Vec::new() })
    }
}

/// The terms of the question, then those of its context that it does not have itself, with their weights.
fn terms_of(query: &Query) -> Vec<QueryTerm> {
    let mut terms = query_terms(&query.text);
    for context in &query.context {
        for term in query_terms(&context.text) {
            if !terms.iter().any(|known| known.surface == term.surface) {
                terms.push(QueryTerm { weight: context.weight, ..term });
            }
        }
    }
    terms
}

fn trace_step(candidates: &[Candidate], terms: &[TermEvidence], began: Instant) -> TraceStep {
    let terms: Vec<_> = terms
        .iter()
        .map(|term| json!({"term": term.surface, "stems": term.stems, "found_in": term.document_frequency}))
        .collect();
    let details = serde_json::Map::from_iter([("terms".to_owned(), json!(terms))]);
    TraceStep {
        name: "lexical".to_owned(),
        n_candidates: candidates.len(),
        took_ms: began.elapsed().as_secs_f64() * 1e3,
        details,
    }
}
