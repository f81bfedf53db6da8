//! The tests of the crate's public surface, one file per theme.

mod blobs_and_buses;
mod chunkers;
mod facade;
mod layers;
mod parsers;
mod sse;
mod store;
mod support;
mod turns;
