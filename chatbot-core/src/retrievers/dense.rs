//! Finds chunks by what the question means.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::fusion::best_first;
use super::trace::step;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::kernels::dot_f32;
use crate::traits::{
    Candidate, ChunkReader, EmbedKind, EmbedRequest, Embedder, Find, Index, IndexQuery, Query,
    Retrieval, Retriever,
};
use crate::types::{ChunkId, Language, RetrievalTrace, SourceScores, Strategy};

/// Hits asked of the index beyond the candidates wanted, because its scores are rounded: with 8 bits a component a cosine
/// is off by a few thousandths, and the tests find what an exact search finds, whatever the filter. Each costs a vector
/// to read.
const MARGIN: usize = 50;

/// How far a context turns a question's vector, beside how much its words count: a vector says all of a text at once, and
/// two questions in one are about neither.
const CONTEXT: f32 = 0.6;

/// Finds chunks whose vectors point where the question's does, in the order of the exact cosine.
#[derive(Debug, Clone)]
pub struct DenseRetriever {
    index: Arc<dyn Index>,
    reader: Arc<dyn ChunkReader>,
    embedder: Arc<dyn Embedder>,
}

impl DenseRetriever {
    /// A retriever over an index that holds the vectors of this embedder.
    #[must_use]
    pub fn new(
        index: Arc<dyn Index>,
        reader: Arc<dyn ChunkReader>,
        embedder: Arc<dyn Embedder>,
    ) -> Self {
        Self { index, reader, embedder }
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

    /// The chunks nearest to `vector`, with their exact cosines.
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
            limit: query.top_k.saturating_add(MARGIN),
        };
        let hits = self.index.search(ctx, &search).await?.hits;
        let chunks: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk).collect();
        let cosines = self.cosines(ctx, query, vector, &chunks).await?;
        let candidates = chunks.into_iter().filter_map(|chunk| {
            let cosine = *cosines.get(&chunk)?;
            let scores = SourceScores { dense: Some(cosine), ..SourceScores::default() };
            Some(Candidate { chunk, score: cosine, scores, passage: None })
        });
        let mut candidates: Vec<_> = candidates.collect();
        best_first(&mut candidates);
        candidates.truncate(query.top_k);
        Ok(candidates)
    }

    /// The exact cosines of those of these chunks that have a vector.
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
        let fingerprint = &self.embedder.info().fingerprint;
        let vectors = self.reader.vectors(ctx, &query.read_set, fingerprint, chunks).await?;
        let known = chunks.iter().zip(vectors);
        Ok(known.filter_map(|(chunk, stored)| Some((*chunk, dot_f32(vector, &stored?)))).collect())
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
