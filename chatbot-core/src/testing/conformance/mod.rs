//! One suite per trait: call it with your implementation.
#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a suite reports by panicking, as every test does"
)]

pub mod blob_store;
pub mod bus;
pub mod chat_model;
pub mod chunker;
pub mod embedder;
pub mod index;
pub mod parser;
pub mod retriever;
pub mod store;
