//! A folder whose small files have checksums too.
//!
//! Tantivy sums up what it writes once: terms, postings, deletions. What it writes again and again, the list of segments
//! above all, it does not; and a bit flipped there brings deleted passages back, or an old checkpoint.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr,
};

/// A folder on the disk; every file that is replaced as a whole ends with the CRC-32 of what is before it.
#[derive(Debug, Clone)]
pub(super) struct Summed(pub(super) MmapDirectory);

impl Directory for Summed {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.0.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.0.delete(path)?;
        // Tantivy remembers every file that it ever mapped, some hundred bytes each, until it is asked what is mapped.
        let _ = self.0.get_cache_info();
        Ok(())
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.0.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.0.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let mut bytes = self.0.atomic_read(path)?;
        match bytes.split_last_chunk::<4>() {
            Some((data, sum)) if crc32fast::hash(data) == u32::from_le_bytes(*sum) => {
                bytes.truncate(bytes.len() - sum.len());
                Ok(bytes)
            }
            _ => {
                let error = io::Error::new(io::ErrorKind::InvalidData, "the checksum is wrong");
                Err(OpenReadError::wrap_io_error(error, path.to_path_buf()))
            }
        }
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        let sum = crc32fast::hash(data).to_le_bytes();
        self.0.atomic_write(path, &[data, &sum].concat())
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.0.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.0.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.0.watch(callback)
    }
}
