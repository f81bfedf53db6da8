//! From a backup back to a data directory.
//!
//! Nothing is touched before every file of the backup was compared with its manifest. From then on until the end the data
//! directory says that it is unfinished, and nothing opens it; a restore that was interrupted is begun again. Data that
//! were there before are moved into a folder inside the data directory: it may be a mounted volume, which cannot be
//! renamed itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::unfinished::{FILE, Unfinished};
use crate::background;
use crate::builder::{BLOBS_FOLDER, STORE_FILE};
use crate::context::Context;
use crate::engine::backup::{
    BackedUpFile, Flush, Manifest, ORIGINALS, STORE, about, damaged, need,
};
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::stores::SqliteFile;
use crate::traits::{Clock as _, SystemClock};
use crate::types::{BackupProgress, Lineage, RestoreReport};

/// How folders with what was there before begin.
const SET_ASIDE: &str = "replaced-";
/// The server's lock: whoever restores may hold it.
const LOCK: &str = "lock";

/// What to restore, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// The backup's folder.
    pub backup: PathBuf,
    /// The data directory, which is made where it is not there. No engine may have it open.
    pub data_dir: PathBuf,
    /// Whether to set aside what is there already, in a folder in the data directory.
    pub set_aside: bool,
}

/// Restores a backup. Its store begins a new life: indexes of an earlier one are built anew, and until then answers come
/// from what there is.
///
/// # Errors
/// `not_found` where there is no backup; `already_exists` where the data directory is not empty and nothing is to be set
/// aside; `invalid_input` where the backup is in the data directory; `storage`: `corrupt` with the name of the file that
/// is damaged, `newer_schema` where a later release made the backup, `disk_full`, `read_only`.
///
/// # Cancellation
/// The data directory says that it is unfinished, unless nothing was touched yet. Restoring again completes it.
pub async fn restore(
    ctx: &Context,
    restore: Restore,
    on_progress: &(dyn Fn(BackupProgress) + Send + Sync),
) -> Result<RestoreReport> {
    let begun = Instant::now();
    let (asked, from) = (ctx.clone(), restore.backup.clone());
    let verify = move || Manifest::verify(&from, &mut || asked.check());
    let manifest = background::run(verify).await??;
    if manifest.schema_version > SqliteFile::SCHEMA_VERSION {
        return Err(newer(&restore.backup, manifest.schema_version));
    }
    let (plan, n_bytes) = (restore.clone(), manifest.size_bytes());
    let set_aside = background::run(move || clear(&plan, n_bytes)).await??;
    copy(ctx, &restore, &manifest.files, on_progress).await?;
    let lineage = revive(&restore, &manifest).await?;
    let data_dir = restore.data_dir.clone();
    background::run(move || conclude(&data_dir)).await??;
    Ok(RestoreReport {
        path: restore.data_dir,
        created_at: manifest.created_at,
        lineage,
        counts: manifest.counts,
        originals: manifest.files.len().saturating_sub(1),
        set_aside,
        duration_ms: begun.elapsed().as_secs_f64() * 1e3,
    })
}

/// Makes an empty data directory that says that it is unfinished; where what was in it is now.
fn clear(plan: &Restore, n_bytes: u64) -> Result<Option<PathBuf>> {
    let data_dir = &plan.data_dir;
    fs::create_dir_all(data_dir).map_err(|error| about(data_dir, error))?;
    let inside =
        |path: &Path| Some(path.canonicalize().ok()?.starts_with(data_dir.canonicalize().ok()?));
    if inside(&plan.backup) == Some(true) {
        return Err(Error::invalid("The backup is in the data directory. Move it out first."));
    }
    need(data_dir, n_bytes)?;
    let mut state = match Unfinished::read(data_dir)? {
        Some(interrupted) => interrupted,
        None => begin(plan)?,
    };
    let names = contents(data_dir)?;
    match &state.set_aside {
        Some(folder) if !state.is_set_aside => move_all(data_dir, &data_dir.join(folder), &names)?,
        // What an interrupted restore left.
        _ => remove_all(data_dir, &names)?,
    }
    state.is_set_aside = true;
    state.backup.clone_from(&plan.backup);
    state.write(data_dir)?;
    Ok(state.set_aside.map(|folder| data_dir.join(folder)))
}

/// Says that the data directory is unfinished, where it may become so.
fn begin(plan: &Restore) -> Result<Unfinished> {
    let is_empty = contents(&plan.data_dir)?.is_empty();
    if !is_empty && !plan.set_aside {
        return Err(not_empty(&plan.data_dir));
    }
    let now = SystemClock.now().to_string().replace(':', "-");
    let state = Unfinished {
        backup: plan.backup.clone(),
        set_aside: (!is_empty).then(|| format!("{SET_ASIDE}{now}")),
        is_set_aside: is_empty,
    };
    state.write(&plan.data_dir)?;
    Ok(state)
}

/// The names in the data directory that belong to the data.
fn contents(data_dir: &Path) -> Result<Vec<std::ffi::OsString>> {
    let unreadable = |error| about(data_dir, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(data_dir).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let known = name.to_string_lossy();
        // Also one of ours that was about to be written.
        let is_ours = known.starts_with(FILE) || known.starts_with(SET_ASIDE) || known == LOCK;
        if !is_ours {
            names.push(name);
        }
    }
    Ok(names)
}

fn move_all(data_dir: &Path, to: &Path, names: &[std::ffi::OsString]) -> Result<()> {
    fs::create_dir_all(to).map_err(|error| about(to, error))?;
    for name in names {
        fs::rename(data_dir.join(name), to.join(name)).map_err(|error| about(to, error))?;
    }
    Flush::new(data_dir.to_owned()).finish()
}

fn remove_all(data_dir: &Path, names: &[std::ffi::OsString]) -> Result<()> {
    for path in names.iter().map(|name| data_dir.join(name)) {
        let removed =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(|error| about(&path, error))?;
    }
    Ok(())
}

async fn copy(
    ctx: &Context,
    restore: &Restore,
    files: &[BackedUpFile],
    on_progress: &(dyn Fn(BackupProgress) + Send + Sync),
) -> Result<()> {
    let mut flush = Flush::new(restore.data_dir.clone());
    let n_originals = files.len().saturating_sub(1);
    for (n_copied, file) in files.iter().enumerate() {
        ctx.check()?;
        let (backup, to) = (restore.backup.clone(), place(&restore.data_dir, &file.path));
        let file = file.clone();
        let copy = move || copy_one(&mut flush, &backup, &to, &file).map(|()| flush);
        flush = background::run(copy).await??;
        on_progress(BackupProgress { n_copied, n_originals });
    }
    background::run(move || flush.finish()).await?
}

/// Where a file of a backup belongs.
fn place(data_dir: &Path, path: &str) -> PathBuf {
    match path.strip_prefix(ORIGINALS) {
        Some(original) => data_dir.join(format!("{BLOBS_FOLDER}{original}")),
        None => data_dir.join(STORE_FILE),
    }
}

fn copy_one(flush: &mut Flush, backup: &Path, to: &Path, file: &BackedUpFile) -> Result<()> {
    let from = backup.join(&file.path);
    let mut content = fs::File::open(&from).map_err(|error| about(&from, error))?;
    let (size_bytes, sha256) = flush.write(to, &mut content)?;
    if size_bytes == file.size_bytes && sha256.to_string() == file.sha256 {
        return Ok(());
    }
    Err(damaged(backup, &file.path, "changed while it was read"))
}

/// Checks the store where it is now, and begins its new life.
async fn revive(restore: &Restore, manifest: &Manifest) -> Result<Lineage> {
    let store = SqliteFile::at(restore.data_dir.join(STORE_FILE));
    let found = store.check().await?;
    if found.counts != manifest.counts || found.lineage != manifest.lineage {
        return Err(damaged(&restore.backup, STORE, "holds something else than the manifest says"));
    }
    store.begin_new_life().await
}

fn conclude(data_dir: &Path) -> Result<()> {
    Flush::new(data_dir.to_owned()).finish()?;
    let path = data_dir.join(FILE);
    fs::remove_file(&path).map_err(|error| about(&path, error))?;
    Flush::new(data_dir.to_owned()).finish()
}

fn not_empty(data_dir: &Path) -> Error {
    let message = format!(
        "The data directory {} is not empty. Restore into another one, or have what is there set aside (on the command line: --force).",
        data_dir.display()
    );
    Error::new(ErrorKind::AlreadyExists, message)
}

fn newer(backup: &Path, schema_version: u32) -> Error {
    let message = format!(
        "The backup {} was made by a newer release. Restore it with that release or a later one.",
        backup.display()
    );
    Error::new(ErrorKind::Storage, message)
        .with_reason(Reason::NewerSchema)
        .with_context("schema_version", schema_version)
}
