//! Finds chunks by what the question means.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::trace::step;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::kernels::dot_f32;
use crate::traits::{
    Candidate, EmbedKind, EmbedRequest, Embedder, Find, Hit, Index, IndexQuery, Query, Retrieval,
    Retriever,
};
use crate::types::{ChunkId, Language, RetrievalTrace, SourceScores, Strategy};

/// How far a context turns a question's vector, beside how much its words count: a vector says all of a text at once, and
/// two questions in one are about neither.
const CONTEXT: f32 = 0.6;

/// Finds chunks whose vectors point where the question's does, in the order of the cosine.
#[derive(Debug, Clone)]
pub struct DenseRetriever {
    index: Arc<dyn Index>,
    embedder: Arc<dyn Embedder>,
}

impl DenseRetriever {
    /// A retriever over an index that holds the vectors of this embedder.
    #[must_use]
    pub fn new(index: Arc<dyn Index>, embedder: Arc<dyn Embedder>) -> Self {
        Self { index, embedder }
    }

    /// The languages that the embedder knows; `None` where it knows most of them.
    pub(super) fn languages(&self) -> Option<&[Language]> {
        self.embedder.info().languages.as_deref()
    }

    /// The question's vector, turned towards what it is about besides.
    pub(super) async fn embed(&self, ctx: &Context, query: &Query) -> Result<Vec<f32>> {
        let context = query.context.iter().map(|context| &context.text);
        let texts: Vec<String> = std::iter::once(&query.text).chain(context).cloned().collect();
        let n_texts = texts.len();
        let request = EmbedRequest { kind: EmbedKind::Query, texts };
        let embeddings = self.embedder.embed(ctx, request).await?;
        let mut vectors = embeddings.iter();
        let question = vectors.next().filter(|_| embeddings.iter().count() == n_texts);
        let mut sum = question.map(<[f32]>::to_vec).ok_or_else(|| {
            Error::new(ErrorKind::BadResponse, "The embedder gave no vector for the question.")
        })?;
        for (vector, context) in vectors.zip(&query.context) {
            sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += CONTEXT * context.weight * x);
        }
        if !query.context.is_empty() {
            normalise(&mut sum);
        }
        Ok(sum)
    }

    /// The chunks nearest to `vector`, with their cosines.
    pub(super) async fn nearest(
        &self,
        ctx: &Context,
        query: &Query,
        vector: &[f32],
    ) -> Result<Vec<Candidate>> {
        let search = IndexQuery {
            read_set: query.read_set.clone(),
            documents: query.documents.clone(),
            find: Find::Vector(vector.to_vec()),
            limit: query.top_k,
        };
        let hits = self.index.search(ctx, &search).await?.hits;
        let candidates = hits.into_iter().map(|Hit { chunk, score }| {
            let scores = SourceScores { dense: Some(score), ..SourceScores::default() };
            Candidate { chunk, score, scores, passage: None }
        });
        Ok(candidates.collect())
    }

    /// The cosines of those of these chunks that have a vector.
    pub(super) async fn cosines(
        &self,
        ctx: &Context,
        query: &Query,
        vector: &[f32],
        chunks: &[ChunkId],
    ) -> Result<HashMap<ChunkId, f32>> {
        if chunks.is_empty() {
            return Ok(HashMap::new());
        }
        let cosines = self.index.similarities(ctx, &query.read_set, vector, chunks).await?;
        let known = chunks.iter().zip(cosines);
        Ok(known.filter_map(|(chunk, cosine)| Some((*chunk, cosine?))).collect())
    }
}

/// Gives a vector the length 1, as an index wants it; one of no length stays.
fn normalise(vector: &mut [f32]) {
    let length = dot_f32(vector, vector).sqrt();
    if length > f32::EPSILON {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}

#[async_trait]
impl Retriever for DenseRetriever {
    async fn retrieve(&self, ctx: &Context, query: &Query) -> Result<Retrieval> {
        let began = Instant::now();
        let vector = self.embed(ctx, query).await?;
        let embedded = step("embed", 0, began);
        let began = Instant::now();
        let candidates = self.nearest(ctx, query, &vector).await?;
        let steps = vec![embedded, step("dense", candidates.len(), began)];
        let trace = RetrievalTrace { strategy: Strategy::Dense, steps };
        Ok(Retrieval { candidates, trace, ..Retrieval::default() })
    }
}
