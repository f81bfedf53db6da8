//! A folder that is followed: whether it is there, what is known of it, and when to look again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatbot_core::{Error, Result};
use tokio::sync::Notify;

use super::presence::Identity;
use super::register::Register;
use super::watch::{Hints, Watch};
use super::{Going, presence};
use crate::cli::files::{Folder, Scope, Walked};
use crate::cli::ingest::Known;
use crate::cli::multipart;
use crate::cli::output::Output;

/// How often everything is looked at although the system says what happens: some file systems do not say all of it.
const LOOK_EVERY: Duration = Duration::from_secs(300);
/// How often everything is looked at where the system says nothing.
const POLL_EVERY: Duration = Duration::from_secs(10);
/// How often to look whether a folder is back.
const AWAY_EVERY: Duration = Duration::from_secs(2);

/// A folder that is followed.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) folder: Folder,
    /// What documents of this folder have in their metadata.
    pub(super) mark: String,
    /// `None` until the store was asked.
    pub(super) register: Option<Register>,
    /// What could not be looked at.
    pub(super) unreadable: BTreeSet<String>,
    hints: Arc<Hints>,
    watch: Option<Watch>,
    /// The folder that is watched.
    watched: Option<Identity>,
    /// The folder that files were seen in.
    believed: Option<Identity>,
    is_away: bool,
    looked_at_all: bool,
    /// When to look at everything.
    next_look: Instant,
    /// Nothing is done before.
    paused_until: Option<Instant>,
}

/// What a look has shown.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) scope: Scope,
    pub(super) walked: Walked,
    /// Whether everything was looked at for the first time.
    pub(super) is_first: bool,
}

impl Followed {
    pub(super) fn new(folder: Folder, woken: Arc<Notify>) -> Self {
        Self {
            hints: Hints::new(folder.root(), woken),
            mark: multipart::source(folder.root()),
            folder,
            register: None,
            unreadable: BTreeSet::new(),
            watch: None,
            watched: None,
            believed: None,
            is_away: false,
            looked_at_all: false,
            next_look: Instant::now(),
            paused_until: None,
        }
    }

    /// Asks the store again and looks at everything, but not before this time.
    pub(super) fn start_over(&mut self, at: Instant) {
        self.register = None;
        self.paused_until = Some(at);
        self.next_look = at;
    }

    /// Whether nothing is to be done yet.
    pub(super) fn is_paused(&mut self, now: Instant) -> bool {
        self.paused_until = self.paused_until.filter(|until| now < *until);
        self.paused_until.is_some()
    }

    /// When to look again.
    pub(super) fn due(&self) -> Instant {
        let soon = self.register.as_ref().and_then(Register::due);
        match self.paused_until {
            Some(until) => until,
            None if self.is_away => self.next_look,
            None => soon.map_or(self.next_look, |soon| soon.min(self.next_look)),
        }
    }

    pub(super) fn greet(&self, output: &Output) {
        let shown = self.folder.root().display();
        if !self.is_away {
            output.event(&format!("Following {shown}. Ctrl-C ends it."));
        }
    }

    /// What is known of the folder; the store is asked where nothing is.
    pub(super) async fn known(&mut self, going: Going<'_>) -> Result<&mut Register> {
        let register = match self.register.take() {
            Some(register) => register,
            None => {
                let root = self.folder.root();
                let known = Known::below(going.client, going.collection, root).await?;
                Register::of(known.into_documents(), &self.mark)
            }
        };
        Ok(self.register.insert(register))
    }

    /// Looks wherever something may have happened, at this time; `None` where there is nothing to look at, or to be believed.
    pub(super) async fn look(&mut self, now: Instant, output: &Output) -> Result<Option<Look>> {
        let root = self.folder.root().to_owned();
        let Some(identity) = blocking(move || Identity::of(&root)).await? else {
            (self.watch, self.watched) = (None, None);
            self.away("is not there", now, output);
            return Ok(None);
        };
        self.attend(identity, now, output).await?;
        let scope = self.scope(now);
        if scope.is_empty() {
            return Ok(None);
        }
        let (folder, within) = (self.folder.clone(), scope.clone());
        let walked = blocking(move || folder.walk(&within)).await?;
        if !self.believes(identity, &walked) {
            self.away("has no files", now, output);
            return Ok(None);
        }
        self.back(output);
        let is_first = scope == Scope::All && !self.looked_at_all;
        self.looked_at_all |= scope == Scope::All;
        Ok(Some(Look { scope, walked, is_first }))
    }

    /// A folder without a file is believed where it had some. Where nothing is known of it, there is nothing to lose.
    fn believes(&mut self, identity: Identity, walked: &Walked) -> bool {
        if !walked.files.is_empty() {
            self.believed = Some(identity);
        }
        let knows_nothing = self.register.as_ref().is_none_or(|register| register.len() == 0);
        self.believed == Some(identity) || knows_nothing
    }

    /// Watches the folder, where it is not the one that is watched.
    async fn attend(&mut self, identity: Identity, now: Instant, output: &Output) -> Result<()> {
        if self.watched == Some(identity) {
            return Ok(());
        }
        self.watched = Some(identity);
        self.next_look = now;
        let hints = Arc::clone(&self.hints);
        match blocking(move || Watch::start(hints)).await? {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => {
                self.watch = None;
                let (shown, seconds) = (self.folder.root().display(), POLL_EVERY.as_secs());
                output.note(&format!(
                    "The system does not say what happens in {shown} ({error}). It is looked at every {seconds} s."
                ));
            }
        }
        Ok(())
    }

    /// Where to look now.
    fn scope(&mut self, now: Instant) -> Scope {
        let mut scope = self.hints.take();
        if now >= self.next_look {
            scope = Scope::All;
        }
        if scope == Scope::All {
            self.next_look = now + if self.watch.is_some() { LOOK_EVERY } else { POLL_EVERY };
            return scope;
        }
        for path in self.register.iter().flat_map(|register| register.due_paths(now)) {
            scope.add(path, usize::MAX);
        }
        scope
    }

    /// Nothing is done while the folder is away: its disk may be.
    fn away(&mut self, why: &str, now: Instant, output: &Output) {
        if !self.is_away {
            let shown = self.folder.root().display();
            let n_files = self.register.as_ref().map_or(0, Register::len);
            output.note(&format!(
                "{shown} {why}. Its {n_files} documents are kept, in case its disk is away. Waiting."
            ));
        }
        self.is_away = true;
        self.next_look = now + AWAY_EVERY;
    }

    fn back(&mut self, output: &Output) {
        if self.is_away {
            self.is_away = false;
            output.note(&format!("{} is back.", self.folder.root().display()));
        }
    }

    /// Of what was not come across, what is gone.
    pub(super) async fn gone(
        &self,
        unseen: Vec<super::register::Unseen>,
    ) -> Result<(Vec<String>, Vec<String>)> {
        blocking(move || {
            let (gone, there): (Vec<_>, Vec<_>) = unseen.into_iter().partition(presence::is_gone);
            let source = |file: super::register::Unseen| file.source;
            (gone.into_iter().map(source).collect(), there.into_iter().map(source).collect())
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::internal("Looking at a folder failed.").with_source(error))
}
