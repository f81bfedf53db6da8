//! Retrievers, and the building blocks they are composed of.
//!
//! A strategy is a value of [`Pipeline`]: transforms, retrievers in parallel, fusion, hydration, post-processors. The
//! named strategies are put together where everything is put together, not here.

mod dense;
mod fusion;
mod hybrid;
mod lexical;
mod merge_neighbours;
mod pipeline;
mod trace;

pub use dense::DenseRetriever;
pub use fusion::Fusion;
pub use hybrid::{AutoRetriever, HybridRetriever};
pub use lexical::LexicalRetriever;
pub use merge_neighbours::MergeNeighbours;
pub use pipeline::Pipeline;
