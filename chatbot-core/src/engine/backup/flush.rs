//! Making many small files durable without a flush for each, and without one that makes everybody else wait.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Result as IoResult, Write as _};
use std::path::{Path, PathBuf};

use super::about;
use super::manifest::{Digest, digest};
use crate::error::Result;

/// Bytes and files that are written before they are flushed. A flush of this size takes about 10 ms on a plain disk, and
/// whoever writes to the database at that moment waits for it.
const MAX_BYTES: usize = 1 << 20;
const MAX_FILES: u32 = 64;

/// Writes files under a folder; they are durable after [`finish`](Self::finish).
#[derive(Debug)]
pub(crate) struct Flush {
    folder: PathBuf,
    n_bytes: usize,
    n_files: u32,
}

impl Flush {
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder, n_bytes: 0, n_files: 0 }
    }

    /// Writes a new file, and the folder it is in; what was written.
    pub(crate) fn write(&mut self, path: &Path, content: &mut dyn Read) -> Result<Digest> {
        self.copy(path, content).map_err(|error| about(path, error))
    }

    fn copy(&mut self, path: &Path, content: &mut dyn Read) -> IoResult<Digest> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create_new(path)?;
        let written = digest(content, &mut |piece| {
            file.write_all(piece)?;
            self.n_bytes += piece.len();
            if self.n_bytes < MAX_BYTES {
                return Ok(());
            }
            self.n_bytes = 0;
            file.sync_data()
        })?;
        self.n_files += 1;
        if !WHOLE_DISK {
            file.sync_all()?;
        } else if self.n_files >= MAX_FILES {
            self.flush()?;
        }
        Ok(written)
    }

    /// Makes everything durable that was written.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.flush().map_err(|error| about(&self.folder, error))
    }

    fn flush(&mut self) -> IoResult<()> {
        (self.n_bytes, self.n_files) = (0, 0);
        if WHOLE_DISK { flush_disk(&self.folder) } else { flush_tree(&self.folder) }
    }
}

/// Whether one call flushes all that was written to a file system, names included.
const WHOLE_DISK: bool = cfg!(any(target_os = "linux", target_os = "android"));

#[cfg(any(target_os = "linux", target_os = "android"))]
fn flush_disk(folder: &Path) -> IoResult<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn flush_disk(folder: &Path) -> IoResult<()> {
    flush_tree(folder)
}

/// The names in a folder and in those below it.
fn flush_tree(folder: &Path) -> IoResult<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            flush_tree(&entry.path())?;
        }
    }
    flush_folder(folder)
}

/// The names in a folder. Windows keeps its folders itself and cannot open one as a file.
pub(crate) fn flush_folder(folder: &Path) -> IoResult<()> {
    if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
}

/// Writes a file in place of one that may be there, durable and as a whole. Until then it is beside it, with `.new` at the
/// end of its name.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut beside = OsString::from(path);
    beside.push(".new");
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        flush_folder(path.parent().unwrap_or(Path::new(".")))
    };
    write().map_err(|error| about(path, error))
}
