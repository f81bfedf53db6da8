//! What is known of a folder's files, and what follows from another look at them.
//!
//! Nothing here touches the disk or the store, and the time is handed in: a look says which files are there and how they look
//! from outside, and the register says which of them stand still and are to be taken in, which have been gone for long enough,
//! and when to look again. It takes a few hundred bytes for each file.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use chatbot_core::types::{BlobHash, Document, DocumentId};

use crate::cli::files::{Scope, Stamp, Walked};
use crate::cli::ingest::compare::gave_up;
use crate::cli::{FOLDER, multipart};

/// How long a file has to look the same before it is read: programs that write in pieces pause for less, and nobody minds
/// waiting so long.
pub(super) const STILL: Duration = Duration::from_secs(1);
/// How long a file has to be gone before its document is deleted: for a move to be seen at its other end, and for programs
/// that write a file anew by deleting it first.
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// A document that a file became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) id: DocumentId,
    pub(super) hash: BlobHash,
    pub(super) size: u64,
    /// It does not answer, and nothing more happens to it.
    pub(super) gave_up: bool,
    /// It was taken in as a part of this folder.
    pub(super) ours: bool,
}

impl Kept {
    pub(super) fn of(document: &Document, folder: &str) -> Self {
        let mark = document.metadata.get(FOLDER).and_then(|value| value.as_str());
        Self {
            id: document.id,
            hash: document.sha256,
            size: document.size_bytes,
            gave_up: gave_up(document),
            ours: mark == Some(folder),
        }
    }
}

/// What is known of a file.
#[derive(Debug)]
struct Entry {
    path: PathBuf,
    /// `None` where it could not be taken in.
    kept: Option<Kept>,
    /// How it looked when it was read; `None` where it was not read by this process.
    stamp: Option<Stamp>,
}

/// A file that does not stand still yet.
#[derive(Debug)]
struct Waiting {
    stamp: Stamp,
    since: Instant,
}

/// A file that is known and was not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unseen {
    pub(super) source: String,
    pub(super) path: PathBuf,
    /// The disk that it was on; `None` where it was not seen yet.
    pub(super) device: Option<u64>,
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    pub(super) kept: Option<Kept>,
}

/// What is known of a folder's files, each by its path as the source of its document.
#[derive(Debug, Default)]
pub(super) struct Register {
    files: BTreeMap<String, Entry>,
    waiting: BTreeMap<PathBuf, Waiting>,
    missing: BTreeMap<String, Instant>,
}

impl Register {
    /// What a store knows of a folder.
    pub(super) fn of(documents: impl Iterator<Item = Document>, folder: &str) -> Self {
        let entry = |document: Document| {
            let kept = Some(Kept::of(&document, folder));
            let path = PathBuf::from(&document.source);
            (document.source, Entry { path, kept, stamp: None })
        };
        Self { files: documents.map(entry).collect(), ..Self::default() }
    }

    /// Files that are known.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Takes a look into account, and gives the files that are to be read now. What stood still for long enough before the
    /// first look, by its own time, need not wait.
    pub(super) fn look(&mut self, walked: &Walked, now: Instant, is_first: bool) -> Vec<Ready> {
        let mut ready = Vec::new();
        for (path, stamp) in &walked.files {
            let source = multipart::source(path);
            self.missing.remove(&source);
            let entry = self.files.get_mut(&source);
            let known = entry.map(|entry| {
                entry.path.clone_from(path);
                (entry.kept, entry.stamp)
            });
            if known.is_some_and(|(_, read)| read == Some(*stamp)) {
                self.waiting.remove(path);
            } else if (is_first && is_old(stamp)) || self.stands_still(path, *stamp, now) {
                self.waiting.remove(path);
                let kept = known.and_then(|(kept, _)| kept);
                ready.push(Ready { path: path.clone(), stamp: *stamp, kept });
            }
        }
        ready
    }

    fn stands_still(&mut self, path: &Path, stamp: Stamp, now: Instant) -> bool {
        match self.waiting.get(path) {
            Some(waiting) if waiting.stamp == stamp => now - waiting.since >= STILL,
            _ => {
                self.waiting.insert(path.to_owned(), Waiting { stamp, since: now });
                false
            }
        }
    }

    /// What is known within the scope and was not come across. What lies where nothing could be read may be there.
    pub(super) fn unseen(&mut self, walked: &Walked, scope: &Scope) -> Vec<Unseen> {
        let seen: HashSet<&Path> = walked.files.iter().map(|(path, _)| path.as_path()).collect();
        self.waiting.retain(|path, _| !scope.covers(path) || seen.contains(path.as_path()));
        let may_be_there = |path: &Path| {
            walked.unreadable.iter().any(|(unreadable, _)| path.starts_with(unreadable))
        };
        self.within(scope)
            .filter(|(_, entry)| !seen.contains(entry.path.as_path()) && !may_be_there(&entry.path))
            .map(|(source, entry)| Unseen {
                source: source.clone(),
                path: entry.path.clone(),
                device: entry.stamp.map(|stamp| stamp.device).filter(|device| *device != 0),
            })
            .collect()
    }

    fn within(&self, scope: &Scope) -> Box<dyn Iterator<Item = (&String, &Entry)> + '_> {
        let Scope::Below(paths) = scope else { return Box::new(self.files.iter()) };
        let sources: Vec<String> = paths.iter().map(|path| multipart::source(path)).collect();
        Box::new(sources.into_iter().flat_map(|source| {
            let below = format!("{}{MAIN_SEPARATOR}", source.trim_end_matches(MAIN_SEPARATOR));
            let itself = self.files.get_key_value(&source);
            let from = self.files.range(below.clone()..);
            itself.into_iter().chain(from.take_while(move |(source, _)| source.starts_with(&below)))
        }))
    }

    /// These are not on the disk any more.
    pub(super) fn miss(&mut self, gone: impl IntoIterator<Item = String>, now: Instant) {
        for source in gone {
            self.missing.entry(source).or_insert(now);
        }
    }

    /// It is there after all, although it does not count.
    pub(super) fn keep(&mut self, source: &str) {
        self.missing.remove(source);
    }

    /// The files that have been gone for long enough.
    pub(super) fn overdue(&self, now: Instant) -> Vec<(String, Option<Kept>)> {
        let overdue = self.missing.iter().filter(|(_, since)| now - **since >= GRACE);
        let kept = |source: &String| self.files.get(source).and_then(|entry| entry.kept);
        overdue.map(|(source, _)| (source.clone(), kept(source))).collect()
    }

    /// The documents of this folder whose files are gone: one of them may have moved.
    pub(super) fn movers(&self) -> Movers {
        let mut movers = Movers::default();
        for source in self.missing.keys() {
            let kept = self.files.get(source).and_then(|entry| entry.kept);
            if let Some(kept) = kept.filter(|kept| kept.ours) {
                movers.sizes.insert(kept.size);
                movers.by_hash.entry(kept.hash).or_default().push((source.clone(), kept));
            }
        }
        movers
    }

    /// A file was read when it looked like this, and became this document.
    pub(super) fn read(&mut self, path: &Path, stamp: Stamp, kept: Option<Kept>) {
        let entry = Entry { path: path.to_owned(), kept, stamp: Some(stamp) };
        self.files.insert(multipart::source(path), entry);
    }

    /// There is no such file any more.
    pub(super) fn forget(&mut self, source: &str) {
        self.missing.remove(source);
        self.files.remove(source);
    }

    /// When to look again at what does not stand still, or is gone.
    pub(super) fn due(&self) -> Option<Instant> {
        let waiting = self.waiting.values().map(|waiting| waiting.since + STILL).min();
        let missing = self.missing.values().min().map(|since| *since + GRACE);
        [waiting, missing].into_iter().flatten().min()
    }

    /// The files that may stand still by now, and those that may be gone for good.
    pub(super) fn due_paths(&self, now: Instant) -> impl Iterator<Item = PathBuf> + '_ {
        let waiting = self.waiting.iter().filter(move |(_, waiting)| now - waiting.since >= STILL);
        let overdue = self.missing.iter().filter(move |(_, since)| now - **since >= GRACE);
        let missing = overdue.filter_map(|(source, _)| self.files.get(source));
        let waiting = waiting.map(|(path, _)| path.clone());
        waiting.chain(missing.map(|entry| entry.path.clone()))
    }
}

/// Whether a file was last written long enough ago, by the clock.
fn is_old(stamp: &Stamp) -> bool {
    let age = stamp.modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
    age.is_some_and(|age| age >= STILL)
}

/// Documents whose files are gone, by what was in them.
#[derive(Debug, Default)]
pub(super) struct Movers {
    sizes: HashSet<u64>,
    by_hash: HashMap<BlobHash, Vec<(String, Kept)>>,
}

impl Movers {
    /// Whether a file of this size may be one of them.
    pub(super) fn may_hold(&self, size: u64) -> bool {
        self.sizes.contains(&size)
    }

    /// The document that lies at this path now, rather one with the same name.
    pub(super) fn take(&mut self, hash: BlobHash, path: &Path) -> Option<(String, Kept)> {
        let candidates = self.by_hash.get_mut(&hash)?;
        let same_name =
            |(source, _): &(String, Kept)| Path::new(source).file_name() == path.file_name();
        let index = candidates.iter().position(same_name).unwrap_or(0);
        (index < candidates.len()).then(|| candidates.swap_remove(index))
    }
}

#[cfg(test)]
mod tests;
