//! `restore`: from a backup back to a data directory that nobody has open.

use chatbot_core::{Context, Restore, Result};

use super::Outcome;
use super::args;
use super::backup::show;
use super::output::Output;
use crate::config::Config;
use crate::lock::DataLock;

pub(super) async fn restore(
    verb: args::Restore,
    config: &Config,
    output: &Output,
) -> Result<Outcome> {
    let data_dir = config.engine.data_dir.clone().unwrap_or_default();
    let _lock = DataLock::acquire(&data_dir)?;
    let restore = Restore { backup: verb.backup, data_dir, set_aside: verb.force };
    let report =
        chatbot_core::restore(&Context::local(), restore, &|progress| show(progress, output))
            .await?;
    output.clear_progress();
    output.line(&format!(
        "Restored {} documents and {} messages to {}, as of {}. Its indexes are built when it is opened.",
        report.counts.documents,
        report.counts.messages,
        report.path.display(),
        report.created_at
    ));
    if let Some(folder) = &report.set_aside {
        output.line(&format!("What was there before is in {}.", folder.display()));
    }
    output.document(&report);
    Ok(Outcome::Done)
}
