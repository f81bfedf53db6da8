//! Originals in a folder, each under the hash of its content.
//!
//! A file appears under its name only when all of it is on the disk: it is written beside the others under a temporary
//! name, flushed, and renamed. So a name that is there holds what it says, whenever the process died, and two uploads of
//! the same bytes end in one file.
//!
//! A hold is a shared lock on a file: whoever deletes tries to lock it for itself. Where that fails somebody holds the
//! originals, perhaps another process, and the file is only moved out of the way; reading looks there too. The system
//! ends the hold of a process that dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use crate::context::Context;
use crate::crash;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::{Blob, BlobHold, BlobStore, ByteStream};
use crate::types::BlobHash;

/// Where uploads are written until they are whole.
const INCOMING: &str = "incoming";
/// Where what was deleted waits for the end of a hold.
const CONDEMNED: &str = "condemned";
/// The file in there that is locked by whoever holds the originals.
const LOCK: &str = "lock";

/// A [`BlobStore`] in a folder: `ab/abcd…` is the original whose SHA-256 is `abcd…`.
#[derive(Debug)]
pub struct FolderBlobs {
    root: PathBuf,
    incoming: PathBuf,
}

impl FolderBlobs {
    /// Opens the folder, makes it where there is none, and removes what unfinished uploads left. No other process may
    /// use it.
    ///
    /// # Errors
    /// `storage`: `read_only`, `disk_full`.
    pub async fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        let incoming = root.join(INCOMING);
        if fs::try_exists(&incoming).await? {
            fs::remove_dir_all(&incoming).await?;
        }
        fs::create_dir_all(&incoming).await?;
        let place = root.clone();
        in_background(move || remove_condemned(&place)).await?;
        Ok(Self { root, incoming })
    }

    /// The folder as another process has it open: to be read and held, and left as it is.
    #[must_use]
    pub fn beside(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { incoming: root.join(INCOMING), root }
    }

    fn path(&self, hash: BlobHash) -> PathBuf {
        let name = hash.to_string();
        self.root.join(name.get(..2).unwrap_or_default()).join(name)
    }

    /// The bytes of an original, from where it is kept or where it waits for the end of a hold: it is moved from the one to
    /// the other, never back.
    async fn read(&self, hash: BlobHash) -> Result<Vec<u8>> {
        let condemned = self.root.join(CONDEMNED).join(hash.to_string());
        for path in [self.path(hash), condemned] {
            if let Some(bytes) = present(fs::read(&path).await)? {
                return Ok(bytes);
            }
        }
        Err(Error::not_found("original"))
    }

    async fn keep(&self, file: tempfile::TempPath, hash: BlobHash) -> Result<()> {
        let path = self.path(hash);
        let folder = path.parent().map_or_else(|| self.root.clone(), Path::to_path_buf);
        let root = self.root.clone();
        in_background(move || {
            let new_folder = !folder.exists();
            std::fs::create_dir_all(&folder)?;
            crash::point("original/before_rename");
            file.persist(&path).map_err(|failed| failed.error)?;
            crash::point("original/after_rename");
            flush_folder(&folder)?;
            if new_folder { flush_folder(&root) } else { Ok(()) }
        })
        .await
    }
}

#[async_trait]
impl BlobStore for FolderBlobs {
    async fn put(&self, ctx: &Context, content: ByteStream, max_bytes: u64) -> Result<Blob> {
        let folder = self.incoming.clone();
        let file = in_background(move || tempfile::NamedTempFile::new_in(folder)).await?;
        let (file, path) = file.into_parts();
        let written = write(ctx, fs::File::from_std(file), content, max_bytes).await?;
        self.keep(path, written.hash).await?;
        Ok(written)
    }

    async fn get(&self, ctx: &Context, hash: BlobHash) -> Result<Bytes> {
        let bytes = ctx.run(self.read(hash)).await?;
        let (bytes, found) = in_background(move || {
            let found = BlobHash::of(&bytes);
            Ok((bytes, found))
        })
        .await?;
        if found == hash { Ok(Bytes::from(bytes)) } else { Err(damaged(hash)) }
    }

    async fn delete(&self, _ctx: &Context, hash: BlobHash) -> Result<()> {
        let (root, path) = (self.root.clone(), self.path(hash));
        in_background(move || match hold_file(&root)?.try_lock() {
            Ok(()) => present(std::fs::remove_file(path)).and_then(|_| remove_all(&root)),
            Err(TryLockError::WouldBlock) => condemn(&root, &path),
            Err(TryLockError::Error(error)) => Err(error),
        })
        .await
    }

    async fn list(
        &self,
        ctx: &Context,
        after: Option<BlobHash>,
        limit: usize,
    ) -> Result<Vec<BlobHash>> {
        let root = self.root.clone();
        ctx.run(in_background(move || list(&root, after, limit))).await
    }

    async fn hold(&self, _ctx: &Context) -> Result<BlobHold> {
        let root = self.root.clone();
        let held = in_background(move || {
            let file = hold_file(&root)?;
            file.lock_shared()?;
            Ok(FolderHold { file, root })
        });
        Ok(BlobHold::new(held.await?))
    }
}

/// The originals after `after` in the order of their names.
fn list(root: &Path, after: Option<BlobHash>, limit: usize) -> std::io::Result<Vec<BlobHash>> {
    let first = after.map_or(0, |hash| hash.as_bytes()[0]);
    let mut found = Vec::new();
    for begin in first..=u8::MAX {
        let Some(files) = present(std::fs::read_dir(root.join(format!("{begin:02x}"))))? else {
            continue;
        };
        for file in files {
            let name = file?.file_name();
            let hash = name.to_str().and_then(BlobHash::from_hex);
            found.extend(hash.filter(|hash| Some(*hash) > after));
        }
        if found.len() >= limit {
            break;
        }
    }
    found.sort_unstable();
    found.truncate(limit);
    Ok(found)
}

/// The shared lock; what was condemned meanwhile goes with the last of them.
#[derive(Debug)]
struct FolderHold {
    file: File,
    root: PathBuf,
}

impl Drop for FolderHold {
    fn drop(&mut self) {
        let removed = self.file.unlock().and_then(|()| remove_condemned(&self.root));
        if let Err(error) = removed {
            tracing::warn!(%error, "deleted originals are still there; they go with the next one");
        }
    }
}

fn hold_file(root: &Path) -> std::io::Result<File> {
    let folder = root.join(CONDEMNED);
    std::fs::create_dir_all(&folder)?;
    OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(LOCK))
}

/// Moves a file to where it is read but no longer kept.
fn condemn(root: &Path, path: &Path) -> std::io::Result<()> {
    let Some(name) = path.file_name() else { return Ok(()) };
    present(std::fs::rename(path, root.join(CONDEMNED).join(name))).map(|_| ())
}

/// Removes what was condemned, unless somebody holds the originals.
fn remove_condemned(root: &Path) -> std::io::Result<()> {
    match hold_file(root)?.try_lock() {
        Ok(()) => remove_all(root),
        Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes what was condemned; for whoever has the lock.
fn remove_all(root: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(root.join(CONDEMNED))? {
        let entry = entry?;
        if entry.file_name() != LOCK {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// `None` where there is no such file.
fn present<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == Io::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the stream and flushes it.
async fn write(
    ctx: &Context,
    mut file: fs::File,
    mut content: ByteStream,
    max_bytes: u64,
) -> Result<Blob> {
    let mut hasher = Sha256::new();
    let mut size_bytes = 0_u64;
    while let Some(piece) = ctx.run(async { content.next().await.transpose() }).await? {
        size_bytes = size_bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if size_bytes > max_bytes {
            return Err(too_large(max_bytes));
        }
        hasher.update(&piece);
        file.write_all(&piece).await?;
    }
    file.flush().await?;
    file.sync_all().await?;
    Ok(Blob { hash: BlobHash::from_bytes(hasher.finalize().into()), size_bytes })
}

/// Runs `work` where it may block.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| Error::internal("Writing a file broke off.").with_source(error))??)
}

/// Makes a rename durable. Windows keeps its folders itself and cannot open one as a file.
fn flush_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(windows) { Ok(()) } else { std::fs::File::open(folder)?.sync_all() }
}

fn too_large(max_bytes: u64) -> Error {
    Error::new(ErrorKind::TooLarge, format!("The file is larger than {max_bytes} bytes."))
}

fn damaged(hash: BlobHash) -> Error {
    Error::new(
        ErrorKind::Storage,
        "A stored original is damaged. Upload the document again, or restore a backup.",
    )
    .with_reason(Reason::Corrupt)
    .with_context("sha256", hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traits::once;

    #[tokio::test]
    async fn a_damaged_original_is_noticed_and_leftovers_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let ctx = Context::local();
        let blobs = FolderBlobs::open(dir.path()).await.unwrap();
        let blob = blobs.put(&ctx, once("hello"), 10).await.unwrap();
        std::fs::write(blobs.path(blob.hash), "hellO").unwrap();
        let error = blobs.get(&ctx, blob.hash).await.unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Storage, Some(Reason::Corrupt)));

        std::fs::write(dir.path().join(INCOMING).join("half"), "x").unwrap();
        FolderBlobs::open(dir.path()).await.unwrap();
        assert_eq!(std::fs::read_dir(dir.path().join(INCOMING)).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_is_deleted_during_a_hold_goes_when_the_last_one_ends() {
        let dir = tempfile::tempdir().unwrap();
        let ctx = Context::local();
        let blobs = FolderBlobs::open(dir.path()).await.unwrap();
        let blob = blobs.put(&ctx, once("hello"), 10).await.unwrap();
        let beside = FolderBlobs::beside(dir.path());
        let (first, second) = (beside.hold(&ctx).await.unwrap(), beside.hold(&ctx).await.unwrap());
        blobs.delete(&ctx, blob.hash).await.unwrap();
        drop(first);
        // As after a crash of the process that deleted.
        FolderBlobs::open(dir.path()).await.unwrap();
        assert_eq!(beside.get(&ctx, blob.hash).await.unwrap(), "hello");
        drop(second);
        assert_eq!(beside.get(&ctx, blob.hash).await.unwrap_err().kind(), ErrorKind::NotFound);
        let left = std::fs::read_dir(dir.path().join(CONDEMNED)).unwrap();
        assert_eq!(left.count(), 1, "only the lock");
    }

    #[tokio::test]
    async fn a_refused_or_dropped_upload_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let ctx = Context::local();
        let blobs = FolderBlobs::open(dir.path()).await.unwrap();
        blobs.put(&ctx, once("too long"), 3).await.unwrap_err();
        let never: ByteStream =
            Box::pin(once("ab").chain(futures_util::stream::pending::<Result<Bytes>>()));
        let put = blobs.put(&ctx, never, 10);
        tokio::time::timeout(std::time::Duration::from_millis(50), put).await.unwrap_err();
        assert_eq!(std::fs::read_dir(dir.path().join(INCOMING)).unwrap().count(), 0);
    }
}
