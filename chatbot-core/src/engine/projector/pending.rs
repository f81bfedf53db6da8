//! Changes that were read but not applied yet.

use crate::text::analyse;
use crate::traits::{ChunkVector, IndexContent, IndexEntry};
use crate::types::{Chunk, VersionId};

/// Changes that were read but not applied yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    deletes: Vec<VersionId>,
    pub(super) chunks: Vec<(VersionId, Chunk)>,
    pub(super) vectors: Vec<IndexEntry>,
}

impl Pending {
    pub(super) fn delete(&mut self, version: VersionId) {
        self.chunks.retain(|(other, _)| *other != version);
        self.vectors.retain(|entry| entry.version != version);
        self.deletes.push(version);
    }

    /// Entries that wait.
    pub(super) fn len(&self) -> usize {
        self.chunks.len() + self.vectors.len()
    }

    /// Versions to forget and entries to add. Work for a thread that may be blocked.
    pub(super) fn analysed(self) -> (Vec<VersionId>, Vec<IndexEntry>) {
        let of_chunks = self.chunks.iter().map(entry_of_chunk);
        (self.deletes, of_chunks.chain(self.vectors).collect())
    }
}

fn entry_of_chunk((version, chunk): &(VersionId, Chunk)) -> IndexEntry {
    let heading = chunk.heading.as_deref().unwrap_or_default();
    let texts = [chunk.title.as_str(), heading, chunk.text.as_str()];
    IndexEntry {
        chunk: chunk.id,
        version: *version,
        document: chunk.document_id,
        collection: chunk.collection_id,
        content: IndexContent::Terms(analyse(&texts, chunk.language.as_ref())),
    }
}

/// The entry of a chunk that has a vector.
pub(super) fn entry_of_vector(version: VersionId, one: ChunkVector) -> IndexEntry {
    let ChunkVector { chunk, document, collection, vector, .. } = one;
    IndexEntry { chunk, version, document, collection, content: IndexContent::Vector(vector) }
}
