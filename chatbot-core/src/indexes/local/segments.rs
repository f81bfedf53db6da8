//! What can be searched at one moment.

use std::fmt;
use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::index::SegmentId;
use tantivy::{DocId, Searcher, SegmentReader, TantivyError};

use super::failure::failed;
use super::incomplete;
use super::schema::{CHUNK, COLLECTION, DOCUMENT, whole};
use crate::error::Result;
use crate::types::{ChunkId, CollectionId, DocumentId};

/// A state of the index, with what is read per chunk at hand.
pub(super) struct Snapshot {
    pub(super) searcher: Searcher,
    columns: Vec<Arc<Columns>>,
}

/// Who a segment's chunks are and whose.
pub(super) struct Columns {
    segment: SegmentId,
    chunk: [Column<u64>; 2],
    document: [Column<u64>; 2],
    /// The collection's place in `collections`.
    collection: Option<Column<u64>>,
    pub(super) collections: Vec<CollectionId>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("n_chunks", &self.searcher.num_docs()).finish()
    }
}

impl Snapshot {
    /// The state that `searcher` sees; columns that `before` has are taken from there.
    pub(super) fn new(searcher: Searcher, before: Option<&Self>) -> Result<Self> {
        let known = |segment| before?.columns.iter().find(|known| known.segment == segment);
        let columns =
            searcher.segment_readers().iter().map(|reader| match known(reader.segment_id()) {
                Some(known) => Ok(Arc::clone(known)),
                None => Columns::open(reader).map(Arc::new),
            });
        let columns = columns.collect::<Result<_>>()?;
        Ok(Self { searcher, columns })
    }

    /// The segments with their columns.
    pub(super) fn segments(&self) -> impl Iterator<Item = (&SegmentReader, &Columns)> {
        self.searcher.segment_readers().iter().zip(self.columns.iter().map(|columns| &**columns))
    }
}

impl Columns {
    fn open(reader: &SegmentReader) -> Result<Self> {
        let fast = reader.fast_fields();
        let number = |name: &str| fast.u64(name).map_err(failed);
        let pair = |[high, low]: [&str; 2]| -> Result<[Column<u64>; 2]> {
            Ok([number(high)?, number(low)?])
        };
        let bytes = fast.bytes(COLLECTION).map_err(failed)?;
        let mut collections = Vec::new();
        if let Some(bytes) = &bytes {
            let mut terms =
                bytes.dictionary().stream().map_err(|e| failed(TantivyError::from(e)))?;
            while terms.advance() {
                let id = <[u8; 16]>::try_from(terms.key()).map_err(|_| incomplete())?;
                collections.push(CollectionId::from_bytes(id));
            }
        }
        Ok(Self {
            segment: reader.segment_id(),
            chunk: pair(CHUNK)?,
            document: pair(DOCUMENT)?,
            collection: bytes.map(|bytes| bytes.ords().clone()),
            collections,
        })
    }

    pub(super) fn chunk(&self, doc: DocId) -> ChunkId {
        ChunkId::from_bytes(id(&self.chunk, doc))
    }

    pub(super) fn document(&self, doc: DocId) -> DocumentId {
        DocumentId::from_bytes(id(&self.document, doc))
    }

    /// The place of the chunk's collection in `collections`.
    pub(super) fn collection(&self, doc: DocId) -> Option<usize> {
        self.collection.as_ref()?.first(doc).and_then(|place| usize::try_from(place).ok())
    }
}

fn id(columns: &[Column<u64>; 2], doc: DocId) -> [u8; 16] {
    whole(
        [0, 1].map(|half: usize| columns.get(half).and_then(|c| c.first(doc)).unwrap_or_default()),
    )
}
