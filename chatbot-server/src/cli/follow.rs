//! `ingest --watch`: documents that follow the files of folders, until somebody says stop.
//!
//! What is true on the disk wins. At the start, and whenever it cannot be known what happened, the whole folder is compared
//! with what the store has of it; in between, the system's events say where to look again. So a run that was killed, or was
//! not there, catches up, and nothing is taken in twice. Documents are waited for until they answer by their words; their
//! meaning is learned behind that.

mod folder;
mod presence;
mod register;
mod round;
mod tally;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatbot_core::types::CollectionId;
use chatbot_core::{Error, Result};
use tokio::sync::Notify;

use super::args::Ingest;
use super::client::Client;
use super::files::{self, Folder};
use super::output::Output;
use super::{Outcome, ingest, usage};
use folder::Followed;
use tally::Tally;

/// How long events are gathered before somebody looks: they come in swarms.
const GATHER: Duration = Duration::from_millis(100);
/// How long to wait after a failure that is not about one file; doubled each time.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest of these pauses.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// So often a pause is doubled: then it is longer than the longest.
const MAX_DOUBLINGS: u32 = 8;

/// What following needs to know.
#[derive(Debug, Clone, Copy)]
struct Going<'a> {
    client: &'a Client,
    output: &'a Output,
    collection: Option<CollectionId>,
    keeps_deleted: bool,
}

/// Follows the folders until `stop` ends.
///
/// # Errors
/// `not_found` for a path, `invalid_input` for one that is no folder; whatever the server says before everything was compared
/// once. Later, it is said, and tried again.
pub(super) async fn follow(
    client: &Client,
    ingest: &Ingest,
    (own_files, output): (Option<PathBuf>, &Output),
    stop: impl Future<Output = ()>,
) -> Result<Outcome> {
    let mut tally = Tally::default();
    let work = async {
        let choice = ingest::choice(ingest, own_files);
        let woken = Arc::new(Notify::new());
        let mut folders = Vec::new();
        for path in &ingest.paths {
            let root = files::absolute(path)?;
            if !files::look(&root)?.is_dir() {
                let shown = root.display();
                return Err(usage(format!("{shown} is a file. Only folders can be followed.")));
            }
            folders.push(Followed::new(Folder::new(root, &choice)?, Arc::clone(&woken)));
        }
        let collection = ingest::collection(client, ingest, output).await?;
        let keeps_deleted = ingest.following.keep_deleted;
        let going = Going { client, output, collection, keeps_deleted };
        run(going, folders, &woken, &mut tally).await
    };
    let ended = tokio::select! { ended = work => ended, () = stop => Ok(()) };
    output.clear_progress();
    tally.show(output);
    output.document(&tally);
    ended.map(|()| Outcome::Done)
}

async fn run(
    going: Going<'_>,
    mut folders: Vec<Followed>,
    woken: &Notify,
    tally: &mut Tally,
) -> Result<()> {
    for folder in &mut folders {
        folder.round(going, tally).await?;
        folder.greet(going.output);
    }
    let mut n_troubles = 0;
    loop {
        wait(&folders, woken).await;
        for folder in &mut folders {
            match folder.round(going, tally).await {
                Ok(()) => n_troubles = 0,
                Err(error) => {
                    let pause = MAX_PAUSE.min(PAUSE * 2_u32.pow(n_troubles));
                    n_troubles = (n_troubles + 1).min(MAX_DOUBLINGS);
                    said(&error, pause, going.output);
                    folder.start_over(Instant::now() + pause);
                }
            }
        }
    }
}

fn said(error: &Error, pause: Duration, output: &Output) {
    let seconds = pause.as_secs();
    output.note(&format!("{} Trying again in {seconds} s.", error.message()));
}

/// Waits until something happened, or it is time to look again.
async fn wait(folders: &[Followed], woken: &Notify) {
    let due = folders.iter().map(Followed::due).min();
    let due = due.unwrap_or_else(|| Instant::now() + MAX_PAUSE);
    tokio::select! {
        () = woken.notified() => tokio::time::sleep(GATHER).await,
        () = tokio::time::sleep_until(due.into()) => {}
    }
}
