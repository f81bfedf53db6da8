//! The tests of the crate's public surface, one file per theme.

#[cfg(feature = "local-index")]
mod index;
mod layers;
#[cfg(feature = "local-index")]
mod lexical_quality;
mod sse;
mod text;
