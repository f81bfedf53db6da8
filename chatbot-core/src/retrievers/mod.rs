//! Retrievers, and the building blocks they are composed of.
//!
//! A strategy is a value of [`Pipeline`]: transforms, retrievers in parallel, fusion, hydration, post-processors. The
//! named strategies are put together where everything is put together, not here.

mod fusion;
mod lexical;
mod merge_neighbours;
mod pipeline;

pub use lexical::LexicalRetriever;
pub use merge_neighbours::MergeNeighbours;
pub use pipeline::Pipeline;
