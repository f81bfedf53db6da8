//! The named strategies: values of one composition, not code paths.

use std::collections::HashMap;
use std::sync::Arc;

use crate::retrievers::{LexicalRetriever, MergeNeighbours, Pipeline};
use crate::traits::{ChunkReader, Index, Retriever};
use crate::types::Strategy;

/// The strategies that these parts allow. `auto` is always among them.
pub(crate) fn strategies(
    index: &Arc<dyn Index>,
    reader: &Arc<dyn ChunkReader>,
) -> HashMap<Strategy, Arc<dyn Retriever>> {
    let by_words = Arc::new(LexicalRetriever::new(index.clone()));
    let lexical: Arc<dyn Retriever> = Arc::new(
        Pipeline::new(Strategy::Lexical, by_words, reader.clone())
            .post_processor(Arc::new(MergeNeighbours)),
    );
    HashMap::from([(Strategy::Lexical, lexical.clone()), (Strategy::Auto, lexical)])
}
