//! `backup`: a copy of everything, whether or not a server runs.
//!
//! The data directory is read beside its owner, which goes on writing; so there is nothing to ask a server for, and no
//! request that makes one write files.

use chatbot_core::types::BackupProgress;
use chatbot_core::{Context, Result};

use super::Outcome;
use super::args::Backup;
use super::output::Output;
use crate::config::Config;

pub(super) async fn backup(backup: Backup, config: &Config, output: &Output) -> Result<Outcome> {
    let data_dir = config.engine.data_dir.clone().unwrap_or_default();
    let show = |progress| show(progress, output);
    let report = chatbot_core::backup(&Context::local(), data_dir, backup.target, &show).await?;
    output.clear_progress();
    output.line(&format!(
        "Backed up {} documents and {} messages to {}: {} originals, {} bytes, all of it read back.",
        report.counts.documents,
        report.counts.messages,
        report.path.display(),
        report.originals,
        report.size_bytes
    ));
    output.document(&report);
    Ok(Outcome::Done)
}

pub(super) fn show(progress: BackupProgress, output: &Output) {
    let BackupProgress { n_copied, n_originals } = progress;
    output.progress(&format!("{n_copied} of {n_originals} originals"));
}
