//! Originals in a folder, each under the hash of its content.
//!
//! A file appears under its name only when all of it is on the disk: it is written beside the others under a temporary
//! name, flushed, and renamed. So a name that is there holds what it says, whenever the process died, and two uploads of
//! the same bytes end in one file.

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
use crate::traits::{Blob, BlobStore, ByteStream};
use crate::types::BlobHash;

/// Where uploads are written until they are whole.
const INCOMING: &str = "incoming";

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
        Ok(Self { root, incoming })
    }

    fn path(&self, hash: BlobHash) -> PathBuf {
        let name = hash.to_string();
        self.root.join(name.get(..2).unwrap_or_default()).join(name)
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
        let path = self.path(hash);
        let read = async {
            match fs::read(&path).await {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    Err(Error::not_found("original").with_source(error))
                }
                read => Ok(read?),
            }
        };
        let bytes = ctx.run(read).await?;
        let (bytes, found) = in_background(move || {
            let found = BlobHash::of(&bytes);
            Ok((bytes, found))
        })
        .await?;
        if found == hash { Ok(Bytes::from(bytes)) } else { Err(damaged(hash)) }
    }

    async fn delete(&self, _ctx: &Context, hash: BlobHash) -> Result<()> {
        match fs::remove_file(self.path(hash)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
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
