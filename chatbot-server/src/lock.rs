//! One process owns a data directory: the lock file says which, and where it listens.
//!
//! The operating system lets go of the lock when the process ends, however it ends; what stands in the file counts
//! only while somebody holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use chatbot_core::{Error, ErrorKind, Reason, Result};
use serde::{Deserialize, Serialize};

/// The name of the lock file in the data directory.
const FILE_NAME: &str = "lock";
/// The longest content that is read.
const MAX_BYTES: u64 = 1024;

/// Who owns a data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The process.
    pub pid: u32,
    /// Where it listens, as `host:port`; `None` where it serves nobody.
    pub address: Option<String>,
}

/// The ownership of a data directory; ends with the value.
#[derive(Debug)]
pub struct DataLock {
    file: File,
}

/// What came of the try to own a data directory.
#[derive(Debug)]
pub enum Ownership {
    /// It is ours.
    Ours(DataLock),
    /// It is somebody else's.
    Theirs(Option<Owner>),
}

impl DataLock {
    /// Tries to own a data directory, which is made where it is not there.
    ///
    /// # Errors
    /// `storage` (`read_only`, `disk_full`) where the directory cannot be used.
    pub fn try_acquire(data_dir: &Path) -> Result<Ownership> {
        let unusable = |error: std::io::Error| describe(error, data_dir);
        std::fs::create_dir_all(data_dir).map_err(unusable)?;
        let path = data_dir.join(FILE_NAME);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {
                let mut lock = Self { file };
                lock.announce(None)?;
                Ok(Ownership::Ours(lock))
            }
            Err(TryLockError::WouldBlock) => Ok(Ownership::Theirs(read(&mut file))),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Owns a data directory.
    ///
    /// # Errors
    /// `storage` (`data_directory_in_use`) where somebody else does, and as [`try_acquire`](Self::try_acquire).
    pub fn acquire(data_dir: &Path) -> Result<Self> {
        match Self::try_acquire(data_dir)? {
            Ownership::Ours(lock) => Ok(lock),
            Ownership::Theirs(owner) => Err(in_use(data_dir, owner.as_ref())),
        }
    }

    /// Says where this process listens.
    ///
    /// # Errors
    /// `storage`.
    pub fn announce(&mut self, address: Option<String>) -> Result<()> {
        let owner = Owner { pid: std::process::id(), address };
        let json = serde_json::to_vec(&owner)
            .map_err(|error| Error::internal("The lock cannot be written.").with_source(error))?;
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&json)?;
        Ok(())
    }
}

/// The error for a directory that somebody else owns.
#[must_use]
pub fn in_use(data_dir: &Path, owner: Option<&Owner>) -> Error {
    let who = match owner {
        Some(Owner { pid, address: Some(address) }) => {
            format!("the server at http://{address} (process {pid})")
        }
        Some(Owner { pid, address: None }) => format!("process {pid}"),
        None => "another process".to_owned(),
    };
    let message = format!(
        "The data directory {} is in use by {who}. Use that server, stop it, or choose another \
         directory with --data-dir.",
        data_dir.display()
    );
    Error::new(ErrorKind::Storage, message).with_reason(Reason::DataDirectoryInUse)
}

fn read(file: &mut File) -> Option<Owner> {
    let mut json = Vec::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(MAX_BYTES).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

fn describe(error: std::io::Error, data_dir: &Path) -> Error {
    let cause = Error::from(error);
    let message = format!(
        "The data directory {} cannot be used: check that it is a folder that you may write to, or choose \
         another one with --data-dir. {}",
        data_dir.display(),
        cause.message()
    );
    let error = Error::new(ErrorKind::Storage, message);
    match cause.reason() {
        Some(reason) => error.with_reason(reason),
        None => error,
    }
    .with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_learns_who_was_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = DataLock::acquire(folder.path()).unwrap();
        first.announce(Some("127.0.0.1:1234".to_owned())).unwrap();
        let error = DataLock::acquire(folder.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert_eq!(error.reason(), Some(Reason::DataDirectoryInUse));
        assert!(error.message().contains("127.0.0.1:1234"), "{error}");
        drop(first);
        assert!(DataLock::acquire(folder.path()).is_ok());
    }

    #[test]
    fn what_a_dead_process_left_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), "{\"pid\":1,\"address\":\"x:1\"").unwrap();
        assert!(DataLock::acquire(folder.path()).is_ok());
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_said_clearly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let error = DataLock::acquire(&path).unwrap_err();
        assert!(error.message().contains("--data-dir"), "{error}");
    }
}
