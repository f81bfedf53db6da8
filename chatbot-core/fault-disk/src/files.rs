//! What is on the disk, and what is only in the system's memory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes that a disk writes as a whole.
const SECTOR: usize = 512;

/// The files of a folder.
#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<PathBuf, File>);

/// A file: as it was flushed last, and what happened to it since then.
#[derive(Debug, Default)]
struct File {
    flushed: Option<Vec<u8>>,
    since: Vec<Change>,
    exists: bool,
}

#[derive(Debug)]
enum Change {
    Create,
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
    Delete,
}

impl Files {
    pub(crate) fn in_folder(folder: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                let flushed = Some(std::fs::read(entry.path())?);
                files.insert(entry.path(), File { flushed, since: Vec::new(), exists: true });
            }
        }
        Ok(Self(files))
    }

    /// Notes that a file was opened, which may have made it.
    pub(crate) fn open(&mut self, path: &Path) {
        let file = self.file(path);
        if !file.exists {
            file.exists = true;
            file.since.push(Change::Create);
        }
    }

    pub(crate) fn write(&mut self, path: &Path, at: usize, bytes: &[u8]) {
        self.file(path).since.push(Change::Write { at, bytes: bytes.to_vec() });
    }

    pub(crate) fn truncate(&mut self, path: &Path, len: usize) {
        self.file(path).since.push(Change::Truncate(len));
    }

    /// All that happened to a file is on the disk. With the first flush of a new journal or log SQLite flushes the folder
    /// too, and so what was deleted is gone for good.
    pub(crate) fn sync(&mut self, path: &Path) {
        let file = self.file(path);
        let is_new = file.since.iter().any(|change| matches!(change, Change::Create));
        file.flush(file.since.len());
        let name = path.to_string_lossy();
        if is_new && (name.ends_with("-wal") || name.ends_with("-journal")) {
            for file in self.0.values_mut() {
                let deleted =
                    file.since.iter().rposition(|change| matches!(change, Change::Delete));
                file.flush(deleted.map_or(0, |last| last + 1));
            }
        }
    }

    /// What waited for a flush will never reach the disk.
    pub(crate) fn lose(&mut self, path: &Path) {
        self.file(path).since.retain(|change| matches!(change, Change::Create | Change::Delete));
    }

    pub(crate) fn delete(&mut self, path: &Path, at_once: bool) {
        let file = self.file(path);
        file.exists = false;
        file.since.push(Change::Delete);
        if at_once {
            file.flush(file.since.len());
        }
    }

    pub(crate) fn write_out(&self, seed: u64, into: &Path) -> io::Result<()> {
        let mut random = Random(seed);
        for (path, file) in &self.0 {
            let Some(found) = file.after_power_cut(seed, &mut random) else { continue };
            let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
            std::fs::write(into.join(name), found)?;
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> &mut File {
        self.0.entry(path.to_owned()).or_default()
    }
}

impl File {
    /// The first changes are on the disk.
    fn flush(&mut self, n_changes: usize) {
        for change in self.since.drain(..n_changes) {
            change.apply(&mut self.flushed);
        }
    }

    fn after_power_cut(&self, seed: u64, random: &mut Random) -> Option<Vec<u8>> {
        let mut found = self.flushed.clone();
        // What happened to a file whose making was lost is lost with it.
        let mut is_made = true;
        for change in &self.since {
            let kept = match seed {
                0 => false,
                1 => true,
                _ => random.below(3) > 0,
            };
            if matches!(change, Change::Create) {
                is_made = kept;
            }
            if !kept || !is_made {
                continue;
            }
            if let Change::Write { at, bytes } = change
                && seed > 1
                && random.below(2) == 0
            {
                let n_kept = random.below(bytes.len() / SECTOR + 1) * SECTOR;
                let bytes = bytes.get(..n_kept).unwrap_or_default().to_vec();
                Change::Write { at: *at, bytes }.apply(&mut found);
            } else {
                change.apply(&mut found);
            }
        }
        found
    }
}

impl Change {
    fn apply(&self, content: &mut Option<Vec<u8>>) {
        match self {
            Self::Create => *content = Some(Vec::new()),
            Self::Delete => *content = None,
            Self::Truncate(len) => {
                if let Some(content) = content {
                    content.resize(*len, 0);
                }
            }
            Self::Write { at, bytes } => {
                let Some(content) = content else { return };
                let end = at + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                if let Some(place) = content.get_mut(*at..end) {
                    place.copy_from_slice(bytes);
                }
            }
        }
    }
}

/// Numbers that only depend on the seed: SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % end.max(1) as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &Files, path: &Path, seed: u64) -> Option<Vec<u8>> {
        let file = files.0.get(path)?;
        file.after_power_cut(seed, &mut Random(seed))
    }

    #[test]
    fn what_was_flushed_is_there_and_the_rest_may_be() {
        let (mut files, path) = (Files::default(), Path::new("/f"));
        files.open(path);
        files.write(path, 0, b"old!");
        assert_eq!((found(&files, path, 0), found(&files, path, 1)), (None, Some(b"old!".into())));
        files.sync(path);
        files.write(path, 2, b"NEW");
        assert_eq!(found(&files, path, 0), Some(b"old!".into()));
        assert_eq!(found(&files, path, 1), Some(b"olNEW".into()));
        files.lose(path);
        files.sync(path);
        assert_eq!(found(&files, path, 1), Some(b"old!".into()));
        files.delete(path, false);
        assert_eq!((found(&files, path, 0), found(&files, path, 1)), (Some(b"old!".into()), None));
        files.open(path);
        files.write(path, 0, b"again");
        files.sync(path);
        assert_eq!(found(&files, path, 0), Some(b"again".into()));
        files.delete(path, true);
        assert_eq!(found(&files, path, 0), None);
    }

    #[test]
    fn a_write_is_torn_between_sectors() {
        let (mut files, path) = (Files::default(), Path::new("/f"));
        files.open(path);
        files.sync(path);
        files.write(path, 0, &[1; 4 * SECTOR]);
        let lengths: std::collections::BTreeSet<usize> = (2..200)
            .filter_map(|seed| found(&files, path, seed))
            .map(|found| found.len())
            .collect();
        assert_eq!(lengths, (0..=4).map(|n| n * SECTOR).collect());
    }
}
