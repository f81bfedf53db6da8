//! Embedders that compute in the process: no service, no download, the same vectors on every machine.

mod bert;
mod bert_embedder;
mod builtin_embedder;
mod pool;
mod pooled;

pub use bert_embedder::BertEmbedder;
pub use builtin_embedder::BuiltinEmbedder;
