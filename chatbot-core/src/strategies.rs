//! The named strategies: values of one composition, not code paths.

use std::collections::HashMap;
use std::sync::Arc;

use crate::retrievers::{
    AutoRetriever, DenseRetriever, Fusion, HybridRetriever, LexicalRetriever, MergeNeighbours,
    Pipeline,
};
use crate::traits::{ChunkReader, Embedder, Index, Retriever};
use crate::types::Strategy;

/// What a search by meaning is made of.
#[derive(Debug, Clone)]
pub(crate) struct DenseParts {
    pub(crate) index: Arc<dyn Index>,
    pub(crate) embedder: Arc<dyn Embedder>,
}

/// The strategies that these parts allow. `auto` is always among them.
pub(crate) fn strategies(
    index: &Arc<dyn Index>,
    reader: &Arc<dyn ChunkReader>,
    dense: Option<DenseParts>,
    fusion: Fusion,
) -> HashMap<Strategy, Arc<dyn Retriever>> {
    let pipeline = |strategy, retriever: Arc<dyn Retriever>| -> Arc<dyn Retriever> {
        let pipeline = Pipeline::new(strategy, retriever, reader.clone());
        Arc::new(pipeline.post_processor(Arc::new(MergeNeighbours)))
    };
    let by_words = LexicalRetriever::new(index.clone());
    let lexical = pipeline(Strategy::Lexical, Arc::new(by_words.clone()));
    let mut strategies = HashMap::from([(Strategy::Lexical, lexical.clone())]);
    let auto = match dense {
        None => lexical,
        Some(DenseParts { index, embedder }) => {
            let languages = embedder.info().languages.clone();
            let by_meaning = DenseRetriever::new(index, embedder);
            strategies
                .insert(Strategy::Dense, pipeline(Strategy::Dense, Arc::new(by_meaning.clone())));
            let by_both = HybridRetriever::new(by_words, by_meaning, fusion);
            let hybrid = pipeline(Strategy::Hybrid, Arc::new(by_both));
            strategies.insert(Strategy::Hybrid, hybrid.clone());
            Arc::new(AutoRetriever::new(hybrid, lexical, languages))
        }
    };
    strategies.insert(Strategy::Auto, auto);
    strategies
}
