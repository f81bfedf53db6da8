//! Where a backup is written until it is whole.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{about, flush_folder};
use crate::error::{Error, ErrorKind, Result};

/// A folder beside the target, which goes with this value unless it is published.
#[derive(Debug)]
pub(super) struct Place {
    folder: TempDir,
}

impl Place {
    /// Looks whether there can be a backup at `target`, and makes a folder beside it that only this user may read.
    pub(super) fn beside(target: &Path, data_dir: Option<&Path>) -> Result<Self> {
        let (parent, name) = parts(target)?;
        if let Some(data_dir) = data_dir
            && let Ok(data_dir) = data_dir.canonicalize()
            && parent.join(name).starts_with(data_dir)
        {
            return Err(Error::invalid(format!(
                "{} is in the data directory: a backup there would be lost with it. Choose another place.",
                target.display()
            )));
        }
        vacant(target)?;
        let prefix = format!(".{}.unfinished-", name.to_string_lossy());
        let folder = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(&parent)
            .map_err(|error| about(&parent, error))?;
        Ok(Self { folder })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Gives the backup its name; its full path.
    pub(super) fn publish(self, target: &Path) -> Result<PathBuf> {
        let (parent, name) = parts(target)?;
        vacant(target)?;
        // An empty folder may be there; not every system renames over one.
        fs::remove_dir(target).or_else(absent).map_err(|error| about(target, error))?;
        let target = parent.join(name);
        fs::rename(self.folder(), &target).map_err(|error| about(&target, error))?;
        // There is nothing left to remove.
        let _ = self.folder.keep();
        flush_folder(&parent).map_err(|error| about(&parent, error))?;
        Ok(target)
    }
}

/// The folder that the target is to be in, and the target's name.
fn parts(target: &Path) -> Result<(PathBuf, &std::ffi::OsStr)> {
    let name = target
        .file_name()
        .ok_or_else(|| Error::invalid(format!("{} is no name for a backup.", target.display())))?;
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let parent = parent.canonicalize().map_err(|error| about(parent, error))?;
    Ok((parent, name))
}

/// Fails where something is at `path`, unless it is an empty folder.
fn vacant(path: &Path) -> Result<()> {
    let is_vacant = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => {
            fs::read_dir(path).map_err(|error| about(path, error))?.next().is_none()
        }
        Ok(_) => false,
        Err(error) => return absent(error).map_err(|error| about(path, error)),
    };
    if is_vacant { Ok(()) } else { Err(taken(path)) }
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn taken(path: &Path) -> Error {
    let message = format!("There is something at {} already. Choose a new name.", path.display());
    Error::new(ErrorKind::AlreadyExists, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(target: &Path, data_dir: &Path) -> Option<ErrorKind> {
        Place::beside(target, Some(data_dir)).err().map(|error| error.kind())
    }

    #[test]
    fn only_a_free_place_outside_the_data_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let data = root.join("data");
        for folder in ["data/deep", "empty", "full/of"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("file"), "").unwrap();
        let of = |name: &str| kind(&root.join(name), &data);
        assert_eq!([of("new"), of("empty"), of("data-2")], [None, None, None]);
        assert_eq!(of("full"), Some(ErrorKind::AlreadyExists));
        assert_eq!(of("file"), Some(ErrorKind::AlreadyExists));
        assert_eq!(of("data/deep"), Some(ErrorKind::InvalidInput));
        assert_eq!(of("empty/../data/new"), Some(ErrorKind::InvalidInput));
        assert_eq!(of("missing/new"), Some(ErrorKind::NotFound));
        assert_eq!(of(".."), Some(ErrorKind::InvalidInput));
        assert_eq!(fs::read_dir(root).unwrap().count(), 4, "nothing is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_into_the_data_is_seen_through() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        fs::create_dir(&data).unwrap();
        std::os::unix::fs::symlink(&data, root.path().join("link")).unwrap();
        assert_eq!(kind(&root.path().join("link/new"), &data), Some(ErrorKind::InvalidInput));
        assert_eq!(kind(&root.path().join("link"), &data), Some(ErrorKind::AlreadyExists));
    }
}
