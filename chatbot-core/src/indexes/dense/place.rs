//! Where the index is kept: a folder of segments with a manifest that says which of them count.
//!
//! A segment is written and flushed before the manifest names it; the manifest is written beside the old one and takes
//! its place in one step. So after a crash either all of a change is there or none of it, and files that no manifest
//! names are removed.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::part::Part;
use super::segment::{self, Bytes, Row, Segment, Space};
use crate::crash;
use crate::error::{Error, Result};
use crate::types::{Checkpoint, Lineage};

/// The folder within the index's own that holds the dense part. Only this one is ever emptied.
const FOLDER: &str = "dense";
const MANIFEST: &str = "manifest.json";
const NEW_MANIFEST: &str = "manifest.new";
/// What is at work here. Another name means another index.
const MADE_WITH: &str = "dense/2";

/// Where the index is kept.
#[derive(Debug)]
pub(super) struct Place {
    folder: Option<PathBuf>,
    fingerprint: String,
    space: Space,
}

/// Which segments count, and how far they are.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    made_with: String,
    fingerprint: String,
    dimensions: usize,
    lineage: Option<Uuid>,
    seq: u64,
    segments: Vec<Listed>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    number: u64,
    checksum: u32,
    /// Rows that are gone.
    dead: Vec<Range<u32>>,
}

/// What is found in a place.
pub(super) type Found = (Vec<Part>, Option<Checkpoint>);

impl Place {
    /// Opens what is in `folder`, or starts anew.
    pub(super) fn open(
        folder: Option<&Path>,
        fingerprint: String,
        dimensions: usize,
    ) -> Result<(Self, Found)> {
        let hash = Sha256::digest(fingerprint.as_bytes()).into();
        let space = Space { fingerprint: hash, dimensions };
        let place = Self { folder: folder.map(|path| path.join(FOLDER)), fingerprint, space };
        let Some(folder) = &place.folder else { return Ok((place, (Vec::new(), None))) };
        if folder.join(MANIFEST).exists() {
            if let Some(found) = place.existing(folder) {
                place.remove_others(&found.0);
                return Ok((place, found));
            }
            tracing::warn!("the dense index is damaged or of another kind; rebuilding it");
        }
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        Ok((place, (Vec::new(), None)))
    }

    pub(super) fn dimensions(&self) -> usize {
        self.space.dimensions
    }

    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What the manifest names; `None` where anything about it is wrong.
    fn existing(&self, folder: &Path) -> Option<Found> {
        let text = fs::read_to_string(folder.join(MANIFEST)).ok()?;
        let (json, checksum) = text.trim_end().rsplit_once('\n')?;
        if checksum != checksum_of(json) {
            return None;
        }
        let manifest: Manifest = serde_json::from_str(json).ok()?;
        let same = manifest.made_with == MADE_WITH
            && manifest.fingerprint == self.fingerprint
            && manifest.dimensions == self.space.dimensions;
        if !same {
            return None;
        }
        let parts = manifest.segments.iter().map(|listed| {
            let segment = self.map(&folder.join(file_name(listed.number)), listed.number)?;
            let mut part = Part::new(segment);
            listed.dead.iter().for_each(|rows| part.delete(rows.clone()));
            (part.segment.checksum == listed.checksum).then_some(part)
        });
        let parts = parts.collect::<Option<Vec<Part>>>()?;
        let lineage = manifest.lineage.map(Lineage);
        Some((parts, lineage.map(|lineage| Checkpoint { lineage, seq: manifest.seq })))
    }

    fn map(&self, path: &Path, number: u64) -> Option<Segment> {
        let file = File::open(path).ok()?;
        #[allow(unsafe_code, reason = "a mapping is the only way to read without a copy")]
        // SAFETY: segments are never changed once they are written, and the folder belongs to the one process that
        // holds the lock of the data directory. Whoever cuts a file from outside stops the process, as with any mapping.
        let map = unsafe { Mmap::map(&file) }.ok()?;
        Segment::open(number, Bytes::Mapped(map), &self.space)
    }

    /// Writes a segment that nothing names yet.
    pub(super) fn write(&self, number: u64, rows: &[Row<'_>]) -> Result<Part> {
        let unreadable = || Error::internal("A segment cannot be read back.");
        let segment = match &self.folder {
            None => {
                let mut bytes = Vec::new();
                segment::write(&mut bytes, &self.space, rows)?;
                Segment::open(number, Bytes::Owned(bytes), &self.space)
            }
            Some(folder) => {
                let path = folder.join(file_name(number));
                let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
                segment::write(&mut out, &self.space, rows)?;
                out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
                crash::point("dense/segment_written");
                self.map(&path, number)
            }
        };
        Ok(Part::new(segment.ok_or_else(unreadable)?))
    }

    /// Makes `parts` what counts.
    pub(super) fn commit(&self, parts: &[Part], checkpoint: Option<Checkpoint>) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let listed = |part: &Part| Listed {
            number: part.segment.number,
            checksum: part.segment.checksum,
            dead: part.dead_rows(),
        };
        let manifest = Manifest {
            made_with: MADE_WITH.to_owned(),
            fingerprint: self.fingerprint.clone(),
            dimensions: self.space.dimensions,
            lineage: checkpoint.map(|checkpoint| checkpoint.lineage.0),
            seq: checkpoint.map_or(0, |checkpoint| checkpoint.seq),
            segments: parts.iter().map(listed).collect(),
        };
        let json = serde_json::to_string(&manifest)
            .map_err(|error| Error::internal("A manifest cannot be written.").with_source(error))?;
        sync(folder)?;
        let new = folder.join(NEW_MANIFEST);
        let mut file = File::create(&new)?;
        file.write_all(format!("{json}\n{}\n", checksum_of(&json)).as_bytes())?;
        file.sync_all()?;
        crash::point("dense/before_manifest");
        fs::rename(&new, folder.join(MANIFEST))?;
        crash::point("dense/after_manifest");
        sync(folder)?;
        self.remove_others(parts);
        crash::point("dense/others_removed");
        Ok(())
    }

    /// Removes segments that do not count. One that cannot be removed now is removed another time.
    fn remove_others(&self, parts: &[Part]) {
        let Some(folder) = &self.folder else { return };
        let known: Vec<_> = parts.iter().map(|part| file_name(part.segment.number)).collect();
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let counts = name == MANIFEST || known.iter().any(|known| name == known.as_str());
            if !counts && let Err(error) = fs::remove_file(entry.path()) {
                tracing::debug!(%error, "a file of the dense index could not be removed");
            }
        }
    }
}

/// Whether the manifest in `folder` names this space, however sound the rest is.
pub(super) fn is_of(folder: &Path, fingerprint: &str) -> bool {
    let text = fs::read_to_string(folder.join(FOLDER).join(MANIFEST)).unwrap_or_default();
    let manifest = text.lines().next().and_then(|json| serde_json::from_str::<Manifest>(json).ok());
    manifest.is_some_and(|manifest| manifest.fingerprint == fingerprint)
}

/// Removes the index in `folder`.
pub(super) fn remove(folder: &Path) -> Result<()> {
    let folder = folder.join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

fn file_name(number: u64) -> String {
    format!("{number:016x}.seg")
}

fn checksum_of(json: &str) -> String {
    format!("{:08x}", crc32fast::hash(json.as_bytes()))
}

/// Flushes which files there are.
#[cfg(unix)]
fn sync(folder: &Path) -> Result<()> {
    Ok(File::open(folder)?.sync_all()?)
}

#[cfg(not(unix))]
fn sync(_folder: &Path) -> Result<()> {
    Ok(())
}
