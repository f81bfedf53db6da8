//! A backup: a copy of the store, the originals that it refers to, and a manifest that names every file.
//!
//! Originals are held before the store is copied and until all of them are, so that none that the copy refers to can go
//! in between. Everything is written beside the target, made durable, read back and compared, and only then gets its
//! name: what has the name is whole. There is no index in it, for an index is built from the store.

mod flush;
mod manifest;
mod place;
mod space;

use std::path::{Path, PathBuf};
use std::time::Instant;

use self::flush::flush_folder;
use self::place::Place;
use super::Engine;
use crate::background;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::{Blob, BlobStore, Snapshots, StoreCopy};
use crate::types::{BackupProgress, BackupReport, Timestamp};

pub(crate) use self::flush::{Flush, write_durably};
pub(crate) use self::manifest::{BackedUpFile, Manifest, STORE, hashed};
#[cfg(feature = "sqlite")]
pub(crate) use self::manifest::{ORIGINALS, damaged};
pub(crate) use self::space::need;

/// What is backed up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'s> {
    pub(crate) store: &'s dyn Snapshots,
    pub(crate) blobs: &'s dyn BlobStore,
    /// Where the data are: a backup in there would be lost with them.
    pub(crate) data_dir: Option<&'s Path>,
    pub(crate) now: Timestamp,
}

/// Is told how far a backup has come.
pub(crate) type OnProgress<'p> = &'p (dyn Fn(BackupProgress) + Send + Sync);

impl Engine {
    pub(crate) async fn back_up(&self, ctx: &Context, target: &Path) -> Result<BackupReport> {
        let source = Source {
            store: self.store(),
            blobs: self.parts.blobs.as_ref(),
            data_dir: self.settings.data_dir.as_deref(),
            now: self.parts.clock.now(),
        };
        back_up(ctx, source, target, &|_| ()).await
    }
}

/// Backs up to the folder `target`, which is made.
///
/// # Errors
/// `already_exists` where there is something at `target`; `invalid_input` where it is among the data; `not_found` where
/// the folder it is to be in is not there; `storage`: `disk_full`, `read_only`, `newer_schema`, `corrupt` where the data
/// are damaged or the disk does not return what was written.
///
/// # Cancellation
/// Nothing is left behind.
pub(crate) async fn back_up(
    ctx: &Context,
    source: Source<'_>,
    target: &Path,
    on_progress: OnProgress<'_>,
) -> Result<BackupReport> {
    let begun = Instant::now();
    let (wanted, data_dir) = (target.to_owned(), source.data_dir.map(Path::to_owned));
    let place = background::run(move || Place::beside(&wanted, data_dir.as_deref())).await??;
    let _held = source.blobs.hold(ctx).await?;
    let store = source.store.copy_to(ctx, &place.file(STORE)).await?;
    need(place.folder(), store.originals.iter().map(|blob| blob.size_bytes).sum())?;
    let mut files = originals(ctx, source.blobs, (&place, &store.originals), on_progress).await?;
    let path = place.file(STORE);
    files.insert(0, background::run(move || hashed(&path, STORE.to_owned())).await??);
    let manifest = Manifest::new(source.now, &store, files);
    let report = report(&manifest, &store, begun);
    let (ctx, target) = (ctx.clone(), target.to_owned());
    let path = background::run(move || conclude(&ctx, place, &manifest, &target)).await??;
    Ok(BackupReport { path, duration_ms: begun.elapsed().as_secs_f64() * 1e3, ..report })
}

/// Copies the originals; what each file holds.
async fn originals(
    ctx: &Context,
    blobs: &dyn BlobStore,
    (place, originals): (&Place, &[Blob]),
    on_progress: OnProgress<'_>,
) -> Result<Vec<BackedUpFile>> {
    let mut flush = Flush::new(place.folder().to_owned());
    let mut files = Vec::with_capacity(originals.len());
    for (n_copied, original) in originals.iter().enumerate() {
        on_progress(BackupProgress { n_copied, n_originals: originals.len() });
        let bytes = blobs.get(ctx, original.hash).await.map_err(|error| lost(original, error))?;
        let file = BackedUpFile::original(original.hash, bytes.len());
        let path = place.file(&file.path);
        let write = move || flush.write(&path, &mut &bytes[..]).map(|_| flush);
        flush = background::run(write).await??;
        files.push(file);
    }
    background::run(move || flush.finish()).await??;
    on_progress(BackupProgress { n_copied: files.len(), n_originals: originals.len() });
    Ok(files)
}

/// A backup without an original would not be one: whoever asks for it has to know.
fn lost(original: &Blob, error: Error) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    let message = format!(
        "The original with the SHA-256 {} is missing. Upload the document again, or delete it; then back up again.",
        original.hash
    );
    Error::new(ErrorKind::Storage, message).with_reason(Reason::Corrupt).with_source(error)
}

/// Writes the manifest, reads everything back, and gives the backup its name.
fn conclude(ctx: &Context, place: Place, manifest: &Manifest, target: &Path) -> Result<PathBuf> {
    manifest.write(place.folder())?;
    Manifest::verify(place.folder(), &mut || ctx.check())?;
    place.publish(target)
}

fn report(manifest: &Manifest, store: &StoreCopy, begun: Instant) -> BackupReport {
    BackupReport {
        path: PathBuf::new(),
        created_at: manifest.created_at,
        lineage: manifest.lineage,
        schema_version: manifest.schema_version,
        counts: manifest.counts,
        originals: store.originals.len(),
        size_bytes: manifest.size_bytes(),
        duration_ms: begun.elapsed().as_secs_f64() * 1e3,
    }
}

/// An error about a path.
pub(crate) fn about(path: &Path, error: std::io::Error) -> Error {
    let cause = Error::from(error);
    let message = format!("{}: {}", path.display(), cause.message());
    let error = Error::new(cause.kind(), message);
    match cause.reason() {
        Some(reason) => error.with_reason(reason),
        None => error,
    }
    .with_source(cause)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use uuid::Uuid;

    use super::*;
    use crate::blobs::FolderBlobs;
    use crate::traits::once;
    use crate::types::{Lineage, StoreCounts};

    /// A store whose only document is deleted, with its original, as soon as it was copied.
    #[derive(Debug)]
    struct Deleting {
        blobs: FolderBlobs,
        original: Blob,
    }

    #[async_trait]
    impl Snapshots for Deleting {
        async fn copy_to(&self, ctx: &Context, to: &Path) -> Result<StoreCopy> {
            std::fs::write(to, "rows")?;
            self.blobs.delete(ctx, self.original.hash).await?;
            Ok(StoreCopy {
                lineage: Lineage(Uuid::nil()),
                schema_version: 1,
                counts: StoreCounts::default(),
                originals: vec![self.original],
            })
        }
    }

    #[tokio::test]
    async fn what_is_deleted_after_the_copy_is_in_the_backup_and_then_gone() {
        let (folder, ctx) = (tempfile::tempdir().unwrap(), Context::local());
        let blobs = FolderBlobs::open(folder.path().join("blobs")).await.unwrap();
        let original = blobs.put(&ctx, once("hello"), 10).await.unwrap();
        let store = Deleting { blobs, original };
        let now = Timestamp::from_millis(0);
        let source = Source { store: &store, blobs: &store.blobs, data_dir: None, now };
        let target = folder.path().join("backup");
        let report = back_up(&ctx, source, &target, &|_| ()).await.unwrap();
        assert_eq!((report.originals, report.size_bytes), (1, 9));
        let file = BackedUpFile::original(original.hash, 5);
        assert_eq!(std::fs::read_to_string(target.join(file.path)).unwrap(), "hello");
        assert!(store.blobs.get(&ctx, original.hash).await.is_err(), "the hold has ended");
    }
}
