//! The tests of the crate's public surface, one file per theme.

mod chunkers;
mod facade;
mod layers;
mod parsers;
mod sse;
mod support;
mod turns;
