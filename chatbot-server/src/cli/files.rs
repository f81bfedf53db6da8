//! The files that a person means when naming a path.

use std::path::{Path, PathBuf};

use chatbot_core::{Error, ErrorKind, Result};
use walkdir::WalkDir;

/// The file, or all files of the folder by name; inside folders, hidden ones and links are left out.
///
/// # Errors
/// `not_found` where there is no such path; `storage` where a folder cannot be read.
pub(super) fn under(path: &Path) -> Result<Vec<PathBuf>> {
    let shown = |entry: &walkdir::DirEntry| {
        entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
    };
    let entries = WalkDir::new(path).sort_by_file_name().into_iter().filter_entry(shown);
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(path, error))?;
        let named_itself = entry.depth() == 0 && entry.path().is_file();
        if named_itself || entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

fn unreadable(path: &Path, error: walkdir::Error) -> Error {
    let place = error.path().unwrap_or(path).display().to_string();
    let cause = Error::from(std::io::Error::from(error));
    let message = if cause.kind() == ErrorKind::NotFound {
        format!("There is no file or folder {place}.")
    } else {
        format!("{place} cannot be read. {}", cause.message())
    };
    Error::new(cause.kind(), message).with_source(cause)
}
