//! A file of rows that never changes.
//!
//! ```text
//! header, 64 bytes   magic (8), components (u32), rows (u32), SHA-256 of the embedder's fingerprint (32), zeros
//! ids                version, chunk, document, collection: 16 bytes each, in the order of versions and chunks
//! by chunk           u32 a row: the rows in the order of their chunks' ids
//! scales             f32 a row, zeros to a multiple of 64 bytes
//! codes              a byte a component
//! rests              a byte a component
//! checksum           CRC-32 of all before it (u32)
//! ```
//!
//! Numbers are little-endian. A version's rows lie side by side, and so they are found, deleted and left out of a scan
//! together. A scan reads scales and codes alone; rests make the few rows exact that it found.

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::Range;

use memmap2::Mmap;

use crate::types::{ChunkId, CollectionId, DocumentId, VersionId};

const MAGIC: [u8; 8] = *b"cbdense2";
/// Bytes of the header, and what the codes begin at a multiple of: a line of the cache.
const LINE: usize = 64;
/// Bytes of a row's four ids.
const IDS: usize = 64;
/// Bytes of the checksum.
const CHECKSUM: usize = 4;

/// What all rows of an index have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Space {
    /// The hash of the embedder's fingerprint.
    pub(super) fingerprint: [u8; 32],
    pub(super) dimensions: usize,
}

/// A row's ids, in the order in which rows lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ids {
    pub(super) version: VersionId,
    pub(super) chunk: ChunkId,
    pub(super) document: DocumentId,
    pub(super) collection: CollectionId,
}

/// A row to write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'r> {
    pub(super) ids: Ids,
    pub(super) scale: f32,
    pub(super) codes: &'r [u8],
    pub(super) rests: &'r [u8],
}

/// Rows of one version.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) rows: Range<u32>,
    version: VersionId,
    /// The place of its document among the segment's.
    pub(super) document: usize,
    /// The place of its collection among the segment's.
    pub(super) collection: usize,
}

/// Where the bytes are.
#[derive(Debug)]
pub(super) enum Bytes {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

impl Bytes {
    fn get(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// Rows that can be read.
#[derive(Debug)]
pub(super) struct Segment {
    /// What its file is called; unique within the index.
    pub(super) number: u64,
    pub(super) n_rows: u32,
    pub(super) checksum: u32,
    pub(super) runs: Vec<Run>,
    pub(super) documents: HashMap<DocumentId, usize>,
    pub(super) collections: Vec<CollectionId>,
    dimensions: usize,
    bytes: Bytes,
}

/// Where the parts begin.
struct Layout {
    by_chunk: usize,
    scales: usize,
    codes: usize,
    rests: usize,
    end: usize,
}

impl Layout {
    fn new(n_rows: usize, dimensions: usize) -> Self {
        let by_chunk = LINE + n_rows * IDS;
        let scales = by_chunk + n_rows * 4;
        let codes = (scales + n_rows * 4).next_multiple_of(LINE);
        let rests = codes + n_rows * dimensions;
        Self { by_chunk, scales, codes, rests, end: rests + n_rows * dimensions }
    }
}

/// Writes `rows`, which are in order, and returns the checksum.
pub(super) fn write(out: &mut impl Write, space: &Space, rows: &[Row<'_>]) -> io::Result<u32> {
    let mut out = Summed { out, crc: crc32fast::Hasher::new() };
    let too_many = |_| io::Error::from(io::ErrorKind::FileTooLarge);
    let n_rows = u32::try_from(rows.len()).map_err(too_many)?;
    let dimensions = u32::try_from(space.dimensions).map_err(too_many)?;
    let layout = Layout::new(rows.len(), space.dimensions);
    out.write_all(&MAGIC)?;
    out.write_all(&dimensions.to_le_bytes())?;
    out.write_all(&n_rows.to_le_bytes())?;
    out.write_all(&space.fingerprint)?;
    out.write_all(&[0; LINE - 48])?;
    for row in rows {
        let Ids { version, chunk, document, collection } = &row.ids;
        out.write_all(version.as_bytes())?;
        out.write_all(chunk.as_bytes())?;
        out.write_all(document.as_bytes())?;
        out.write_all(collection.as_bytes())?;
    }
    let mut by_chunk: Vec<(ChunkId, u32)> =
        rows.iter().map(|row| row.ids.chunk).zip(0..n_rows).collect();
    by_chunk.sort_unstable();
    for (_, row) in by_chunk {
        out.write_all(&row.to_le_bytes())?;
    }
    for row in rows {
        out.write_all(&row.scale.to_le_bytes())?;
    }
    out.write_all(&vec![0; layout.codes - layout.scales - 4 * rows.len()])?;
    for row in rows {
        out.write_all(row.codes)?;
    }
    for row in rows {
        out.write_all(row.rests)?;
    }
    let Summed { out, crc } = out;
    let checksum = crc.finalize();
    out.write_all(&checksum.to_le_bytes())?;
    Ok(checksum)
}

/// Counts what is written into a checksum.
struct Summed<'w, W> {
    out: &'w mut W,
    crc: crc32fast::Hasher,
}

impl<W: Write> Write for Summed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n_written = self.out.write(bytes)?;
        self.crc.update(bytes.get(..n_written).unwrap_or_default());
        Ok(n_written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Segment {
    /// The segment in `bytes`; `None` where they are not what [`write()`] writes for this space.
    pub(super) fn open(number: u64, bytes: Bytes, space: &Space) -> Option<Self> {
        let (checked, checksum) = bytes.get().split_last_chunk::<CHECKSUM>()?;
        let checksum = u32::from_le_bytes(*checksum);
        let (magic, rest) = checked.split_first_chunk::<8>()?;
        let (dimensions, rest) = rest.split_first_chunk::<4>()?;
        let (n_rows, rest) = rest.split_first_chunk::<4>()?;
        let n_rows = u32::from_le_bytes(*n_rows);
        let same = *magic == MAGIC
            && u32::from_le_bytes(*dimensions) as usize == space.dimensions
            && rest.starts_with(&space.fingerprint)
            && checked.len() == Layout::new(n_rows as usize, space.dimensions).end
            && crc32fast::hash(checked) == checksum;
        if !same {
            return None;
        }
        let mut segment = Self {
            number,
            n_rows,
            checksum,
            runs: Vec::new(),
            documents: HashMap::new(),
            collections: Vec::new(),
            dimensions: space.dimensions,
            bytes,
        };
        segment.find_runs();
        Some(segment)
    }

    fn find_runs(&mut self) {
        let mut collections = HashMap::new();
        let mut runs: Vec<Run> = Vec::new();
        for row in 0..self.n_rows {
            let Some(ids) = self.ids(row) else { continue };
            let next = self.documents.len();
            let document = *self.documents.entry(ids.document).or_insert(next);
            let collection = *collections.entry(ids.collection).or_insert_with(|| {
                self.collections.push(ids.collection);
                self.collections.len() - 1
            });
            match runs.last_mut() {
                Some(run)
                    if (run.version, run.document, run.collection)
                        == (ids.version, document, collection) =>
                {
                    run.rows.end = row + 1;
                }
                _ => {
                    let rows = row..row + 1;
                    runs.push(Run { rows, version: ids.version, document, collection });
                }
            }
        }
        self.runs = runs;
    }

    fn layout(&self) -> Layout {
        Layout::new(self.n_rows as usize, self.dimensions)
    }

    /// A row's ids.
    pub(super) fn ids(&self, row: u32) -> Option<Ids> {
        let at = LINE + row as usize * IDS;
        let (ids, _) = self.bytes.get().get(at..at + IDS)?.as_chunks::<16>();
        let [version, chunk, document, collection] = *ids.first_chunk::<4>()?;
        Some(Ids {
            version: VersionId::from_bytes(version),
            chunk: ChunkId::from_bytes(chunk),
            document: DocumentId::from_bytes(document),
            collection: CollectionId::from_bytes(collection),
        })
    }

    /// The codes of these rows, one after the other.
    pub(super) fn codes(&self, rows: Range<u32>) -> &[u8] {
        self.components(self.layout().codes, rows)
    }

    /// What the codes of these rows leave, one after the other.
    pub(super) fn rests(&self, rows: Range<u32>) -> &[u8] {
        self.components(self.layout().rests, rows)
    }

    fn components(&self, begin: usize, rows: Range<u32>) -> &[u8] {
        let at = |row: u32| begin + row as usize * self.dimensions;
        self.bytes.get().get(at(rows.start)..at(rows.end)).unwrap_or_default()
    }

    /// The scales of these rows.
    pub(super) fn scales(&self, rows: Range<u32>) -> impl Iterator<Item = f32> + '_ {
        let at = |row: u32| self.layout().scales + row as usize * 4;
        let bytes = self.bytes.get().get(at(rows.start)..at(rows.end)).unwrap_or_default();
        bytes.as_chunks::<4>().0.iter().map(|scale| f32::from_le_bytes(*scale))
    }

    /// A row as it was written.
    pub(super) fn row(&self, row: u32) -> Option<Row<'_>> {
        let scale = self.scales(row..row + 1).next()?;
        let (codes, rests) = (self.codes(row..row + 1), self.rests(row..row + 1));
        Some(Row { ids: self.ids(row)?, scale, codes, rests })
    }

    /// The rows of a version; they lie side by side.
    pub(super) fn rows_of(&self, version: VersionId) -> Range<u32> {
        let first = self.runs.partition_point(|run| run.version < version);
        let last = self.runs.partition_point(|run| run.version <= version);
        let runs = self.runs.get(first..last).unwrap_or_default();
        match (runs.first(), runs.last()) {
            (Some(first), Some(last)) => first.rows.start..last.rows.end,
            _ => 0..0,
        }
    }

    /// The row of a chunk of which no more is known.
    pub(super) fn row_of_chunk(&self, chunk: ChunkId) -> Option<u32> {
        let Layout { by_chunk, scales, .. } = self.layout();
        let (by_chunk, _) = self.bytes.get().get(by_chunk..scales)?.as_chunks::<4>();
        let row = |place: &[u8; 4]| u32::from_le_bytes(*place);
        let first = by_chunk
            .partition_point(|place| self.ids(row(place)).is_some_and(|ids| ids.chunk < chunk));
        let found = row(by_chunk.get(first)?);
        (self.ids(found)?.chunk == chunk).then_some(found)
    }

    /// The row of a chunk.
    pub(super) fn row_of(&self, version: VersionId, chunk: ChunkId) -> Option<u32> {
        let mut rows = self.rows_of(version);
        while !rows.is_empty() {
            let middle = rows.start + (rows.end - rows.start) / 2;
            match self.ids(middle)?.chunk.cmp(&chunk) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => rows.start = middle + 1,
                std::cmp::Ordering::Greater => rows.end = middle,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_written_and_codes_begin_at_a_line() {
        let space = Space { fingerprint: [7; 32], dimensions: 5 };
        let versions = [VersionId::new(), VersionId::new()];
        let ids = |version| Ids {
            version,
            chunk: ChunkId::new(),
            document: DocumentId::new(),
            collection: CollectionId::from_bytes([1; 16]),
        };
        let ids = [ids(versions[0]), ids(versions[0]), ids(versions[1])];
        let codes = [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 255]];
        let rests = [255, 0, 1, 2, 3];
        let rows: Vec<_> = ids
            .iter()
            .zip(&codes)
            .map(|(ids, codes)| Row { ids: *ids, scale: 0.5, codes, rests: &rests })
            .collect();
        let mut bytes = Vec::new();
        write(&mut bytes, &space, &rows).expect("written");
        let segment = Segment::open(3, Bytes::Owned(bytes.clone()), &space).expect("readable");
        assert_eq!(segment.layout().codes % LINE, 0);
        assert_eq!(segment.codes(1..3), [6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(segment.rests(1..2), rests);
        assert_eq!(segment.rows_of(versions[0]), 0..2);
        assert_eq!(segment.rows_of(VersionId::new()), 0..0);
        for (n, ids) in (0..).zip(ids) {
            assert_eq!(segment.row_of(ids.version, ids.chunk), Some(n));
            assert_eq!(segment.row_of_chunk(ids.chunk), Some(n));
            assert_eq!(segment.row(n).map(|row| (row.ids, row.scale)), Some((ids, 0.5)));
        }
        assert_eq!(segment.row_of_chunk(ChunkId::new()), None);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            assert!(Segment::open(3, Bytes::Owned(flipped), &space).is_none(), "byte {at}");
            let cut = bytes[..at].to_vec();
            assert!(Segment::open(3, Bytes::Owned(cut), &space).is_none(), "cut at {at}");
        }
    }
}
