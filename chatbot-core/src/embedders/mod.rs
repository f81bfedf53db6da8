//! Embedders that compute in the process: no service, no download, the same vectors on every machine.

mod bert;
mod bert_embedder;
mod pool;

pub use bert_embedder::BertEmbedder;
