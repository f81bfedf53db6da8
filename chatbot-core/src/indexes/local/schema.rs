//! What is kept of a chunk.

use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{RawTokenizer, TextAnalyzer, TokenizerManager, WhitespaceTokenizer};
use tantivy::{TantivyDocument, Term};

use crate::text::ANALYSER;
use crate::traits::{IndexContent, IndexEntry};
use crate::types::{ChunkId, VersionId};

const TOKENIZER: &str = "terms";
pub(super) const COLLECTION: &str = "collection";
pub(super) const CHUNK: [&str; 2] = ["chunk_high", "chunk_low"];
pub(super) const DOCUMENT: [&str; 2] = ["document_high", "document_low"];

/// Names what an index was made with: the analyser, and this schema. Another name means another index.
pub(super) fn fingerprint() -> String {
    format!("{ANALYSER} local/1")
}

/// The fields of the index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) surfaces: Field,
    pub(super) stems: Field,
    /// The chunk's id as a term, to replace it by.
    chunk: Field,
    /// The version's id as a term, to delete it by.
    version: Field,
    collection: Field,
    chunk_halves: [Field; 2],
    document_halves: [Field; 2],
}

impl Fields {
    /// The schema and its fields.
    pub(super) fn with_schema() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_index_option(IndexRecordOption::WithFreqs)
            .set_fieldnorms(true);
        let terms = TextOptions::default().set_indexing_options(indexing);
        let key = BytesOptions::default().set_indexed();
        let half = NumericOptions::default().set_fast();
        let fields = Self {
            surfaces: schema.add_text_field("surfaces", terms.clone()),
            stems: schema.add_text_field("stems", terms),
            chunk: schema.add_bytes_field("chunk", key.clone()),
            version: schema.add_bytes_field("version", key),
            collection: schema.add_bytes_field(COLLECTION, BytesOptions::default().set_fast()),
            chunk_halves: CHUNK.map(|name| schema.add_u64_field(name, half.clone())),
            document_halves: DOCUMENT.map(|name| schema.add_u64_field(name, half.clone())),
        };
        (schema.build(), fields)
    }

    /// The entry as a document of tantivy's.
    pub(super) fn document(&self, entry: &IndexEntry) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        if let IndexContent::Terms(terms) = &entry.content {
            document.add_text(self.surfaces, terms.surfaces());
            document.add_text(self.stems, terms.stems());
        }
        document.add_bytes(self.chunk, entry.chunk.as_bytes());
        document.add_bytes(self.version, entry.version.as_bytes());
        document.add_bytes(self.collection, entry.collection.as_bytes());
        let ids = [
            (self.chunk_halves, entry.chunk.as_bytes()),
            (self.document_halves, entry.document.as_bytes()),
        ];
        for (fields, id) in ids {
            for (field, half) in fields.into_iter().zip(halves(id)) {
                document.add_u64(field, half);
            }
        }
        document
    }

    /// Every chunk of a version.
    pub(super) fn version(&self, version: VersionId) -> Term {
        Term::from_field_bytes(self.version, version.as_bytes())
    }

    /// One chunk.
    pub(super) fn chunk(&self, chunk: ChunkId) -> Term {
        Term::from_field_bytes(self.chunk, chunk.as_bytes())
    }
}

/// Terms come ready-made, with single spaces between them.
pub(super) fn tokenizers() -> TokenizerManager {
    let tokenizers = TokenizerManager::new();
    tokenizers.register(TOKENIZER, TextAnalyzer::from(WhitespaceTokenizer::default()));
    // Tantivy asks for a tokenizer of this name for every field without text, and never uses it.
    tokenizers.register("default", TextAnalyzer::from(RawTokenizer::default()));
    tokenizers
}

/// An id as two numbers: columns of numbers are read without a dictionary.
fn halves(id: &[u8; 16]) -> [u64; 2] {
    let whole = u128::from_be_bytes(*id);
    let [high, low] = [whole >> 64, whole & u128::from(u64::MAX)];
    [high, low].map(|half| u64::try_from(half).unwrap_or_default())
}

/// The id of two halves.
pub(super) fn whole([high, low]: [u64; 2]) -> [u8; 16] {
    (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
}
