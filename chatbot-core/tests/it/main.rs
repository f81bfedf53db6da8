//! The tests of the crate's public surface, one file per theme.

mod blobs_and_buses;
mod chunkers;
mod facade;
#[cfg(feature = "local-index")]
mod index;
mod layers;
#[cfg(feature = "local-index")]
mod lexical_quality;
mod models;
mod parsers;
mod sse;
mod store;
mod support;
mod text;
mod turns;
