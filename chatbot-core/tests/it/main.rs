//! The tests of the crate's public surface, one file per theme.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test reports by panicking"
)]

#[cfg(all(feature = "sqlite", feature = "local-index"))]
mod backup;
mod blobs_and_buses;
mod chunkers;
#[cfg(all(feature = "sqlite", feature = "local-index"))]
mod degraded;
mod deletion;
#[cfg(feature = "local-index")]
mod dense_index;
#[cfg(feature = "local-index")]
mod dense_retrieval;
mod embedders;
mod embedding;
mod facade;
#[cfg(feature = "providers")]
mod faults;
#[cfg(all(feature = "sqlite", feature = "local-index", feature = "testing"))]
mod fetching;
mod follow_ups;
mod full_disk;
mod guards;
#[cfg(feature = "local-index")]
mod index;
#[cfg(feature = "documents")]
mod inside;
mod layers;
#[cfg(all(feature = "sqlite", feature = "local-index"))]
mod ledger;
#[cfg(feature = "local-index")]
mod lexical_quality;
mod model_layers;
#[cfg(feature = "providers")]
mod models;
mod moving;
mod parsers;
#[cfg(feature = "providers")]
mod providers;
mod sse;
mod store;
mod support;
mod text;
mod tools;
mod turns;
#[cfg(all(feature = "sqlite", feature = "local-index"))]
mod upgrade;
mod versions;
