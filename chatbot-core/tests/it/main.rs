//! The tests of the crate's public surface, one file per theme.

mod facade;
mod layers;
mod models;
mod sse;
mod support;
mod turns;
