//! The tests of the crate's public surface, one file per theme.

mod blobs_and_buses;
mod chunkers;
mod facade;
mod index;
mod layers;
mod lexical_quality;
mod models;
mod parsers;
mod sse;
mod store;
mod support;
mod text;
mod turns;
