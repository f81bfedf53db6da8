//! What a backup says about itself: when it was made, from what, and what each file holds.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{about, write_durably};
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::StoreCopy;
use crate::types::{BlobHash, Lineage, StoreCounts, Timestamp};

/// The copy of the store.
pub(crate) const STORE: &str = "store.db";
/// The folder of the originals, which are in it as they are in the data directory.
pub(crate) const ORIGINALS: &str = "originals";
/// The manifest, and its own hash in the form that `sha256sum --check` reads.
const MANIFEST: &str = "manifest.json";
const MANIFEST_HASH: &str = "manifest.json.sha256";
/// The version of all this. A reader refuses a greater one.
const FORMAT: u32 = 1;
/// Bytes read at a time.
const PIECE_BYTES: usize = 256 << 10;
/// The largest manifest that is read: about three million files.
const MAX_MANIFEST_BYTES: u64 = 512 << 20;

/// What a backup is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    pub(crate) created_at: Timestamp,
    /// The program that made it, for people.
    pub(crate) application: String,
    pub(crate) lineage: Lineage,
    pub(crate) schema_version: u32,
    pub(crate) counts: StoreCounts,
    pub(crate) files: Vec<BackedUpFile>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BackedUpFile {
    /// Relative to the backup, with `/` between the steps.
    pub(crate) path: String,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: String,
}

/// What is read of a manifest before anything else.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl BackedUpFile {
    /// An original under its hash.
    pub(crate) fn original(hash: BlobHash, n_bytes: usize) -> Self {
        let sha256 = hash.to_string();
        let path = format!("{ORIGINALS}/{}/{sha256}", sha256.get(..2).unwrap_or_default());
        Self { path, size_bytes: u64::try_from(n_bytes).unwrap_or(u64::MAX), sha256 }
    }

    /// Whether the path is one of those that a backup has; a manifest must not lead anywhere else.
    fn is_known(&self) -> bool {
        let steps: Vec<&str> = self.path.split('/').collect();
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match steps.as_slice() {
            [STORE] => true,
            [ORIGINALS, folder, name] => {
                *name == self.sha256 && name.len() == 64 && name.starts_with(folder) && is_hex(name)
            }
            _ => false,
        }
    }
}

impl Manifest {
    pub(crate) fn new(created_at: Timestamp, store: &StoreCopy, files: Vec<BackedUpFile>) -> Self {
        Self {
            format: FORMAT,
            created_at,
            application: concat!("chatbot-core ", env!("CARGO_PKG_VERSION")).to_owned(),
            lineage: store.lineage,
            schema_version: store.schema_version,
            counts: store.counts,
            files,
        }
    }

    /// Bytes of all files.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }

    /// Writes it into the backup's folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(|error| {
            Error::internal("The manifest cannot be written.").with_source(error)
        })?;
        let hash = format!("{}  {MANIFEST}\n", BlobHash::of(&json));
        write_durably(&folder.join(MANIFEST), &json)?;
        write_durably(&folder.join(MANIFEST_HASH), hash.as_bytes())
    }

    /// Reads the manifest of the backup in `folder` and compares every file with it; `look` is asked between files.
    ///
    /// # Errors
    /// `not_found` where there is no backup; `storage`: `newer_schema` where a later release made it, `corrupt` with the
    /// name of the first file that is not as it was; whatever `look` says.
    pub(crate) fn verify(folder: &Path, look: &mut dyn FnMut() -> Result<()>) -> Result<Self> {
        let manifest = Self::read(folder)?;
        for file in &manifest.files {
            look()?;
            let damaged = |what: &str| damaged(folder, &file.path, what);
            if !file.is_known() {
                return Err(damaged("does not belong into a backup"));
            }
            match hashed(&folder.join(&file.path), file.path.clone()) {
                Ok(found) if found == *file => {}
                Ok(_) => return Err(damaged("is not as it was when the backup was made")),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(damaged("is missing").with_source(error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(manifest)
    }

    fn read(folder: &Path) -> Result<Self> {
        let (path, hash) = (folder.join(MANIFEST), folder.join(MANIFEST_HASH));
        let size = fs::metadata(&path).map_err(|error| no_backup(folder, error))?.len();
        let damaged = |what: &str| damaged(folder, MANIFEST, what);
        if size > MAX_MANIFEST_BYTES {
            return Err(damaged("is too large"));
        }
        let json = fs::read(&path).map_err(|error| about(&path, error))?;
        let hash = fs::read_to_string(&hash)
            .map_err(|error| damaged("cannot be compared with its hash").with_source(error))?;
        if hash.split_whitespace().next() != Some(BlobHash::of(&json).to_string().as_str()) {
            return Err(damaged("is not as it was when the backup was made"));
        }
        let unreadable = |error: serde_json::Error| damaged("cannot be read").with_source(error);
        let Format { format } = serde_json::from_slice(&json).map_err(unreadable)?;
        if format > FORMAT {
            return Err(newer(folder));
        }
        serde_json::from_slice(&json).map_err(unreadable)
    }
}

/// How many bytes something has, and their SHA-256.
pub(crate) type Digest = (u64, BlobHash);

/// What the file at `path` holds.
pub(crate) fn hashed(path: &Path, name: String) -> Result<BackedUpFile> {
    let hash = || digest(&mut File::open(path)?, &mut |_| Ok(()));
    let (size_bytes, sha256) = hash().map_err(|error| about(path, error))?;
    Ok(BackedUpFile { path: name, size_bytes, sha256: sha256.to_string() })
}

/// Reads to the end, and hands each piece on.
pub(crate) fn digest(
    content: &mut dyn Read,
    each: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<Digest> {
    let (mut hasher, mut size_bytes) = (Sha256::new(), 0_u64);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let n = content.read(&mut piece)?;
        let Some(read) = piece.get(..n).filter(|read| !read.is_empty()) else { break };
        hasher.update(read);
        each(read)?;
        size_bytes += u64::try_from(n).unwrap_or_default();
    }
    Ok((size_bytes, BlobHash::from_bytes(hasher.finalize().into())))
}

/// An error about a file of a backup.
pub(crate) fn damaged(folder: &Path, file: &str, what: &str) -> Error {
    let message =
        format!("The backup {} is damaged: {file} {what}. Use another one.", folder.display());
    Error::new(ErrorKind::Storage, message).with_reason(Reason::Corrupt)
}

fn newer(folder: &Path) -> Error {
    let message = format!(
        "The backup {} was made by a newer release. Restore it with that release or a later one.",
        folder.display()
    );
    Error::new(ErrorKind::Storage, message).with_reason(Reason::NewerSchema)
}

fn no_backup(folder: &Path, error: std::io::Error) -> Error {
    let message = format!("There is no backup in {}: it has no {MANIFEST}.", folder.display());
    Error::new(ErrorKind::NotFound, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn backup(folder: &Path) -> Manifest {
        let hash = BlobHash::of(b"original");
        let file = BackedUpFile::original(hash, 8);
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "original").unwrap();
        fs::write(folder.join(STORE), "rows").unwrap();
        let files = vec![hashed(&folder.join(STORE), STORE.to_owned()).unwrap(), file];
        let store = StoreCopy {
            lineage: Lineage(Uuid::nil()),
            schema_version: 2,
            counts: StoreCounts::default(),
            originals: Vec::new(),
        };
        let manifest = Manifest::new(Timestamp::from_millis(0), &store, files);
        manifest.write(folder).unwrap();
        manifest
    }

    fn verify(folder: &Path) -> Result<Manifest> {
        Manifest::verify(folder, &mut || Ok(()))
    }

    #[test]
    fn each_byte_counts_and_the_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let manifest = backup(folder);
        assert_eq!(verify(folder).unwrap(), manifest);
        let original = manifest.files.last().unwrap().path.clone();
        for name in [STORE, &original, MANIFEST] {
            let path = folder.join(name);
            let good = fs::read(&path).unwrap();
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 1;
                fs::write(&path, bad).unwrap();
                let error = verify(folder).unwrap_err();
                assert_eq!(error.reason(), Some(Reason::Corrupt));
                assert!(error.message().contains(name), "{error}");
            }
            fs::write(&path, &good[..good.len() - 1]).unwrap();
            assert!(verify(folder).unwrap_err().message().contains(name));
            fs::remove_file(&path).unwrap();
            assert!(verify(folder).unwrap_err().message().contains(name));
            fs::write(&path, good).unwrap();
        }
        verify(folder).unwrap();
    }

    #[test]
    fn a_manifest_leads_nowhere_else_and_a_newer_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let good = backup(folder);
        for path in ["../store.db", "/etc/passwd", "originals/../../x", "originals/ab/c", ""] {
            let mut bad = good.clone();
            bad.files[0].path = path.to_owned();
            bad.write(folder).unwrap();
            assert_eq!(verify(folder).unwrap_err().reason(), Some(Reason::Corrupt), "{path}");
        }
        Manifest { format: FORMAT + 1, ..good }.write(folder).unwrap();
        assert_eq!(verify(folder).unwrap_err().reason(), Some(Reason::NewerSchema));
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(verify(empty.path()).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
