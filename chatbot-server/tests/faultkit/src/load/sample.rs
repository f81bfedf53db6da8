//! What a server holds at one moment: memory, descriptors, threads, and files.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::check::store::Store;
use crate::{Failure, Result};

/// What a server holds.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Since the beginning.
    pub at: Duration,
    /// Resident memory.
    pub resident_bytes: u64,
    /// Of it, what the process asked for: without the pages of files, which the system takes back when it needs them.
    pub anonymous_bytes: u64,
    /// Open descriptors.
    pub n_descriptors: u64,
    /// Threads.
    pub n_threads: u64,
    /// Pages of the store that are in use.
    pub store_bytes: u64,
    /// The store's file.
    pub store_file_bytes: u64,
    /// The write-ahead log.
    pub log_bytes: u64,
    /// Originals, and how many files they are.
    pub originals: (u64, u64),
    /// Index files, and how many there are.
    pub indexes: (u64, u64),
}

impl Sample {
    /// Looks at the process `id` and at its data directory. Only Linux tells all of it.
    ///
    /// # Errors
    /// Where the process is gone, or the store cannot be read.
    pub async fn take(id: u32, data: &Path, at: Duration) -> Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let store = Store::open(data).await?;
        let store_bytes = match store {
            Some(mut store) => u64::try_from(store.bytes_in_use().await?)?,
            None => 0,
        };
        let size = |name: &str| std::fs::metadata(data.join(name)).map_or(0, |file| file.len());
        Ok(Self {
            at,
            resident_bytes: figure(&status, "VmRSS:")? * 1024,
            anonymous_bytes: figure(&status, "RssAnon:")? * 1024,
            n_descriptors: n_entries(&format!("/proc/{id}/fd"))?,
            n_threads: figure(&status, "Threads:")?,
            store_bytes,
            store_file_bytes: size("store.db"),
            log_bytes: size("store.db-wal"),
            originals: files(&data.join("blobs")),
            indexes: files(&data.join("index")),
        })
    }

    /// Hours since the beginning.
    #[must_use]
    pub fn hours(&self) -> f64 {
        self.at.as_secs_f64() / 3600.0
    }

    /// What is kept for good, without what is free for the next write.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "sizes of files are far below 2^52")]
    pub fn kept_bytes(&self) -> f64 {
        (self.store_bytes + self.originals.0 + self.indexes.0) as f64
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "s": self.at.as_secs(), "resident": self.resident_bytes,
            "anonymous": self.anonymous_bytes, "descriptors": self.n_descriptors,
            "threads": self.n_threads, "store": self.store_bytes, "store_file": self.store_file_bytes,
            "log": self.log_bytes, "originals": self.originals.0, "n_originals": self.originals.1,
            "indexes": self.indexes.0, "n_index_files": self.indexes.1,
        })
    }
}

impl fmt::Display for Sample {
    #[allow(clippy::cast_precision_loss, reason = "shown to a person")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mb = |bytes: u64| bytes as f64 / 1e6;
        write!(
            f,
            "{:>6} s  resident {:>6.1} MB ({:>6.1} own)  {:>3} descriptors  {:>3} threads  store {:>6.2} MB  log {:>5.1} MB  \
             {:>4} originals {:>6.2} MB  {:>3} index files {:>6.2} MB",
            self.at.as_secs(),
            mb(self.resident_bytes),
            mb(self.anonymous_bytes),
            self.n_descriptors,
            self.n_threads,
            mb(self.store_bytes),
            mb(self.log_bytes),
            self.originals.1,
            mb(self.originals.0),
            self.indexes.1,
            mb(self.indexes.0),
        )
    }
}

fn figure(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let line = line.ok_or_else(|| Failure::from(format!("the system does not tell {name}")))?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

fn n_entries(folder: &str) -> Result<u64> {
    Ok(u64::try_from(std::fs::read_dir(folder)?.count())?)
}

/// Bytes of all files below a folder, and how many they are. What vanishes meanwhile is not counted.
fn files(folder: &Path) -> (u64, u64) {
    let Ok(entries) = std::fs::read_dir(folder) else { return (0, 0) };
    entries.flatten().fold((0, 0), |(n_bytes, n_files), entry| {
        let (more_bytes, more_files) = match entry.metadata() {
            Ok(about) if about.is_dir() => files(&entry.path()),
            Ok(about) => (about.len(), 1),
            Err(_) => (0, 0),
        };
        (n_bytes + more_bytes, n_files + more_files)
    })
}
