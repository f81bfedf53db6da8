//! What is said about backups.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Lineage, Timestamp};

/// How much a store holds; what was deleted does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StoreCounts {
    /// Collections.
    pub collections: u64,
    /// Documents.
    pub documents: u64,
    /// Chunks of the versions that answer.
    pub chunks: u64,
    /// Sessions.
    pub sessions: u64,
    /// Messages in them.
    pub messages: u64,
}

/// How far a backup has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupProgress {
    /// Originals that were copied.
    pub n_copied: usize,
    /// Originals that the copy of the store refers to.
    pub n_originals: usize,
}

/// A backup that is whole: every file is on the disk and was read back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BackupReport {
    /// Its folder.
    pub path: PathBuf,
    /// The moment as of which everything was copied.
    pub created_at: Timestamp,
    /// The life of the store that was copied.
    pub lineage: Lineage,
    /// How the store is laid out.
    pub schema_version: u32,
    /// What was copied.
    pub counts: StoreCounts,
    /// Originals beside the store.
    pub originals: usize,
    /// Bytes of all files.
    pub size_bytes: u64,
    /// How long it took.
    pub duration_ms: f64,
}

/// A data directory that was restored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestoreReport {
    /// The data directory.
    pub path: PathBuf,
    /// When the backup was made: what was changed later is not there.
    pub created_at: Timestamp,
    /// The life of the store that begins with the restore: indexes of an earlier one are built anew.
    pub lineage: Lineage,
    /// What is there.
    pub counts: StoreCounts,
    /// Originals.
    pub originals: usize,
    /// Where the data are that were there before, where there were some.
    pub set_aside: Option<PathBuf>,
    /// How long it took.
    pub duration_ms: f64,
}
