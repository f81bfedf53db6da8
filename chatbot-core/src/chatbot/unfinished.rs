//! A data directory in which a backup is being restored says so, in a file that is there before anything else is touched
//! and goes when everything is in its place.
#![cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "only a store can be restored"))]

use std::fs;
use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::backup::{about, write_durably};
use crate::error::{Error, ErrorKind, Reason, Result};

/// The file's name.
pub(super) const FILE: &str = "restore-unfinished";

/// How far a restore has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unfinished {
    /// What is restored.
    pub(super) backup: PathBuf,
    /// The folder in the data directory for what was there before.
    pub(super) set_aside: Option<String>,
    /// Whether all of that is in there: then nothing else in the data directory is worth anything.
    pub(super) is_set_aside: bool,
}

impl Unfinished {
    pub(super) fn read(data_dir: &Path) -> Result<Option<Self>> {
        let path = data_dir.join(FILE);
        match fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json).map(Some).map_err(|error| {
                let message =
                    format!("{} cannot be read. Restore into another folder.", path.display());
                Error::new(ErrorKind::Storage, message)
                    .with_reason(Reason::Corrupt)
                    .with_source(error)
            }),
            Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => Ok(None),
            Err(error) => Err(about(&path, error)),
        }
    }

    pub(super) fn write(&self, data_dir: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(|error| {
            Error::internal("The state of a restore cannot be written.").with_source(error)
        })?;
        write_durably(&data_dir.join(FILE), &json)
    }
}

/// Fails where a backup was being restored when the process ended.
///
/// # Errors
/// `storage` with `restore_unfinished`.
pub(crate) fn refuse_unfinished(data_dir: &Path) -> Result<()> {
    let Some(Unfinished { backup, set_aside, .. }) = Unfinished::read(data_dir)? else {
        return Ok(());
    };
    let before = match set_aside {
        Some(folder) => {
            format!(" What was there before is in {}.", data_dir.join(folder).display())
        }
        None => String::new(),
    };
    let message = format!(
        "Restoring {} into {} was not finished. Restore it again.{before}",
        backup.display(),
        data_dir.display()
    );
    Err(Error::new(ErrorKind::Storage, message).with_reason(Reason::RestoreUnfinished))
}
