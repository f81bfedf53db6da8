//! The engine: ingestion, retrieval, turns. Sees traits only, never implementations.

mod cite;
mod evidence;
mod prompt;
