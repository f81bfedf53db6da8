//! The tests of the crate's public surface, one file per theme.

mod layers;
mod sse;
