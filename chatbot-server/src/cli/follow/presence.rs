//! Whether a folder is there, and whether a file is gone: what a missing disk must not be taken for.
//!
//! A disk that is unmounted leaves an empty folder, or none, behind. So a folder that is not there is waited for; one that is
//! empty is only believed where files were seen in it before, and where it is still the same folder; and a file counts as gone
//! only where the folder nearest to it is on the disk that the file was on.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::Path;

use super::register::Unseen;
use crate::cli::files::device;

/// What tells a folder from another one at the same path; nothing where the system does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    node: u64,
}

impl Identity {
    /// The folder at this path, where there is one.
    pub(super) fn of(root: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(root).ok().filter(Metadata::is_dir)?;
        // A folder that cannot be opened says nothing about what is in it.
        std::fs::read_dir(root).ok()?;
        Some(Self { device: device(&metadata), node: node(&metadata) })
    }
}

#[cfg(unix)]
fn node(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    metadata.ino()
}

#[cfg(not(unix))]
fn node(_: &Metadata) -> u64 {
    0
}

/// Whether a file that was not come across is gone, and not only left out by a rule, closed, or on a disk that is away.
pub(super) fn is_gone(file: &Unseen) -> bool {
    match std::fs::metadata(&file.path) {
        // A folder has its name now, or something else that is no file.
        Ok(metadata) => !metadata.is_file(),
        Err(error) => {
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
                && is_on_its_disk(file)
        }
    }
}

fn is_on_its_disk(file: &Unseen) -> bool {
    let Some(expected) = file.device else { return true };
    let nearest = file.path.ancestors().skip(1).find_map(|above| std::fs::metadata(above).ok());
    nearest.is_some_and(|nearest| device(&nearest) == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_on_this_disk_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.txt");
        let unseen = |device| Unseen { source: String::new(), path: path.clone(), device };
        let here = device(&std::fs::metadata(folder.path()).unwrap());
        assert!(is_gone(&unseen(None)));
        assert!(is_gone(&unseen(Some(here))));
        assert!(!is_gone(&unseen(Some(here + 1))), "its disk is away");
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(!is_gone(&unseen(None)), "it is there, and left out");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(is_gone(&unseen(None)), "a folder has its name");
    }

    #[test]
    fn a_folder_made_anew_is_another_one() {
        let outside = tempfile::tempdir().unwrap();
        let path = outside.path().join("folder");
        assert_eq!(Identity::of(&path), None);
        std::fs::create_dir(&path).unwrap();
        let first = Identity::of(&path);
        assert!(first.is_some());
        assert_eq!(Identity::of(&path), first);
        // The first one keeps its number while it is there.
        std::fs::rename(&path, outside.path().join("away")).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(cfg!(not(unix)) || Identity::of(&path) != first);
    }
}
