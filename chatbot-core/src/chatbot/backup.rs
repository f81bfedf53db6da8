//! Backups, of an engine that runs and of a data directory whoever has it open.

use std::path::Path;

use super::Chatbot;
use crate::context::Context;
use crate::error::Result;
use crate::types::BackupReport;

impl Chatbot {
    /// Backs everything up to the folder `target`, which is made, while questions are answered and documents taken in.
    /// It holds what everybody may read: asking for it is for whoever runs the engine.
    ///
    /// # Errors
    /// `already_exists` where there is something at `target`; `invalid_input` where it is in the data directory;
    /// `not_found` where the folder it is to be in is not there; `storage` (`disk_full`, `read_only`; `corrupt` where the
    /// data are damaged).
    ///
    /// # Cancellation
    /// Nothing is left behind.
    pub async fn backup(&self, ctx: &Context, target: impl AsRef<Path>) -> Result<BackupReport> {
        self.engine.back_up(ctx, target.as_ref()).await
    }
}

/// Backs a data directory up to the folder `target`, which is made, whether or not an engine has it open, in this process
/// or another.
///
/// # Errors
/// As [`Chatbot::backup`]; `not_found` where there are no data in `data_dir`; `storage` (`newer_schema`) where a later
/// release wrote them, and (`restore_unfinished`) where they were being restored.
///
/// # Cancellation
/// Nothing is left behind.
///
/// # Example
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use chatbot_core::{Chatbot, Context, Restore};
///
/// let folder = tempfile::tempdir()?;
/// let (data, safe) = (folder.path().join("data"), folder.path().join("backup"));
/// let chatbot = Chatbot::builder().data_dir(&data).build().await?;
/// let report = chatbot_core::backup(&Context::local(), &data, &safe, &|_| ()).await?;
/// assert_eq!(report.originals, 0);
/// # chatbot.close().await?;
///
/// let again = Restore { backup: safe, data_dir: folder.path().join("new"), set_aside: false };
/// chatbot_core::restore(&Context::local(), again, &|_| ()).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "sqlite")]
pub async fn backup(
    ctx: &Context,
    data_dir: impl AsRef<Path>,
    target: impl AsRef<Path>,
    on_progress: &(dyn Fn(crate::types::BackupProgress) + Send + Sync),
) -> Result<BackupReport> {
    use crate::blobs::FolderBlobs;
    use crate::builder::{BLOBS_FOLDER, STORE_FILE};
    use crate::engine::backup::{Source, back_up};
    use crate::error::{Error, ErrorKind};
    use crate::stores::SqliteFile;
    use crate::traits::{Clock as _, SystemClock};

    let data_dir = data_dir.as_ref();
    super::refuse_unfinished(data_dir)?;
    let store = data_dir.join(STORE_FILE);
    if !tokio::fs::try_exists(&store).await? {
        let message = format!("There is nothing to back up in {}.", data_dir.display());
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    let source = Source {
        store: &SqliteFile::at(store),
        blobs: &FolderBlobs::beside(data_dir.join(BLOBS_FOLDER)),
        data_dir: Some(data_dir),
        now: SystemClock.now(),
    };
    back_up(ctx, source, target.as_ref(), on_progress).await
}
