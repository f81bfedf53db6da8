//! One round: look, compare with what is known, and have the documents follow.
//!
//! Files are read before documents are deleted, so that a file that was moved is found at its new place while its document
//! is still there.

use std::path::Path;
use std::time::Instant;

use chatbot_core::types::{BlobHash, Document, DocumentFailure};
use chatbot_core::{Error, ErrorKind, Result};
use futures_util::{StreamExt as _, stream};

use super::Going;
use super::folder::{Followed, Look};
use super::register::{Kept, Movers, Ready};
use super::tally::{Tally, What};
use crate::cli::ingest::api::{self, Taken};
use crate::cli::ingest::{N_CONCURRENT, compare};
use crate::cli::multipart::Fields;
use crate::cli::progress::Progress;

/// What is to be done about a file.
#[derive(Debug)]
enum Step {
    Add,
    Change(Kept),
    /// It is the document of this file that is gone.
    Move(String, Kept),
    Same,
    /// It cannot be read, or is gone already.
    Fail(Error),
}

/// What was done about a file.
#[derive(Debug)]
struct Done {
    ready: Ready,
    what: What,
    /// Where it was before.
    from: Option<String>,
    /// Its document, also one that has failed.
    document: Option<Document>,
    failure: Option<DocumentFailure>,
}

impl Followed {
    /// Has the documents follow what happened since the last round.
    ///
    /// # Errors
    /// Whatever is about more than one file.
    pub(super) async fn round(&mut self, going: Going<'_>, tally: &mut Tally) -> Result<()> {
        let now = Instant::now();
        if self.is_paused(now) {
            return Ok(());
        }
        self.known(going).await?;
        let Some(look) = self.look(now, going.output).await? else { return Ok(()) };
        tally.begin_round(look.is_first);
        self.note_unreadable(&look, tally);
        let ready = self.note(&look, now, going).await?;
        let ended = match self.follow(ready, going, tally).await {
            Ok(()) => self.delete(now, going, tally).await,
            Err(error) => Err(error),
        };
        going.output.clear_progress();
        tally.tell(going.output);
        ended
    }

    /// Enters what the look has shown, and gives what is to be read.
    async fn note(&mut self, look: &Look, now: Instant, going: Going<'_>) -> Result<Vec<Ready>> {
        let register = self.known(going).await?;
        let ready = register.look(&look.walked, now, look.is_first);
        let unseen = register.unseen(&look.walked, &look.scope);
        let (gone, there) = self.gone(unseen).await?;
        let register = self.known(going).await?;
        there.iter().for_each(|source| register.keep(source));
        register.miss(gone, now);
        Ok(ready)
    }

    /// What cannot be looked at is said once, until it can.
    fn note_unreadable(&mut self, look: &Look, tally: &mut Tally) {
        let unreadable = &look.walked.unreadable;
        let now = unreadable.iter().map(|(path, error)| (path.display().to_string(), error));
        let before = std::mem::take(&mut self.unreadable);
        for (place, error) in now {
            if !before.contains(&place) {
                tally.fail(&place, error.into());
            }
            self.unreadable.insert(place);
        }
        for place in before.difference(&self.unreadable.clone()) {
            if look.scope.covers(Path::new(place)) {
                tally.forget(place);
            } else {
                self.unreadable.insert(place.clone());
            }
        }
    }

    /// Reads the files, and has their documents follow.
    async fn follow(
        &mut self,
        ready: Vec<Ready>,
        going: Going<'_>,
        tally: &mut Tally,
    ) -> Result<()> {
        let movers = self.known(going).await?.movers();
        let steps = steps(ready, movers, going).await;
        let n_steps = steps.iter().filter(|(_, step)| !matches!(step, Step::Same)).count();
        let mut progress = Progress::new(going.output, n_steps);
        let mark = self.mark.clone();
        let mut all = stream::iter(steps)
            .map(|(ready, step)| carry_out(going, &mark, ready, step))
            .buffer_unordered(N_CONCURRENT);
        let mut around = Vec::new();
        while let Some(done) = all.next().await {
            let done = done?;
            if done.document.is_some() || done.failure.is_some() {
                let document = done.document.as_ref().filter(|_| done.failure.is_none());
                progress.done(document.map(|document| document.chunk_count));
            }
            let made = done.document.iter().filter(|document| document.part_count > 0);
            around.extend(made.filter(|_| done.what != What::Same).cloned());
            self.enter(done, going, tally).await?;
        }
        drop(all);
        drop(progress);
        for (source, _, taken) in api::inside(going.client, &around).await? {
            if let Err(failure) = taken {
                tally.fail(&source, failure);
            }
        }
        Ok(())
    }

    /// Enters what was done about a file.
    async fn enter(&mut self, done: Done, going: Going<'_>, tally: &mut Tally) -> Result<()> {
        let Done { ready, what, from, document, failure } = done;
        let kept = document.map(|document| Kept::of(&document, &self.mark)).or(ready.kept);
        let register = self.known(going).await?;
        let place = ready.path.display().to_string();
        if let Some(from) = from {
            register.forget(&from);
            tally.forget(&from);
        }
        match failure {
            // It was gone before it could be read. Whether it stays so shows the next look.
            Some(failure) if failure.code == ErrorKind::NotFound && !ready.path.exists() => {
                return Ok(());
            }
            Some(failure) => tally.fail(&place, failure),
            None => tally.count(&place, what),
        }
        register.read(&ready.path, ready.stamp, kept);
        Ok(())
    }

    /// Deletes the documents of files that have been gone for long enough.
    async fn delete(&mut self, now: Instant, going: Going<'_>, tally: &mut Tally) -> Result<()> {
        for (source, kept) in self.known(going).await?.overdue(now) {
            if let Some(kept) = kept.filter(|kept| kept.ours && !going.keeps_deleted) {
                api::delete(going.client, kept.id).await?;
                tally.count(&source, What::Deleted);
            } else if kept.is_some() {
                going.output.event(&format!("{source} is gone. Its document stays."));
            }
            tally.forget(&source);
            self.known(going).await?.forget(&source);
        }
        Ok(())
    }
}

/// What is to be done about each file.
async fn steps(ready: Vec<Ready>, mut movers: Movers, going: Going<'_>) -> Vec<(Ready, Step)> {
    let n_files = ready.len();
    let to_hash: Vec<_> = ready
        .into_iter()
        .map(|ready| {
            let may_be_known = match &ready.kept {
                Some(kept) => kept.size == ready.stamp.size,
                None => movers.may_hold(ready.stamp.size),
            };
            (ready, may_be_known)
        })
        .collect();
    let mut hashed = stream::iter(to_hash)
        .map(|(ready, may_be_known)| async move {
            let hash = if may_be_known { Some(compare::hash(&ready.path).await) } else { None };
            (ready, hash.transpose())
        })
        .buffered(N_CONCURRENT);
    let mut steps = Vec::with_capacity(n_files);
    while let Some((ready, hash)) = hashed.next().await {
        let step = match hash {
            Ok(hash) => step(&ready, hash, &mut movers),
            Err(error) => Step::Fail(error),
        };
        steps.push((ready, step));
        going.output.progress(&format!("{} of {n_files} files compared", steps.len()));
    }
    steps
}

fn step(ready: &Ready, hash: Option<BlobHash>, movers: &mut Movers) -> Step {
    match (ready.kept, hash) {
        (Some(kept), Some(hash)) if hash == kept.hash && !kept.gave_up => Step::Same,
        // What failed is tried again: what was in its way may be gone.
        (Some(kept), Some(hash)) if hash == kept.hash => Step::Add,
        (Some(kept), _) => Step::Change(kept),
        (None, Some(hash)) => match movers.take(hash, &ready.path) {
            Some((from, kept)) => Step::Move(from, kept),
            None => Step::Add,
        },
        (None, None) => Step::Add,
    }
}

/// Does what is to be done about one file. What is not about this file is an error.
async fn carry_out(going: Going<'_>, mark: &str, ready: Ready, step: Step) -> Result<Done> {
    let mut done = Done { ready, what: What::Same, from: None, document: None, failure: None };
    let path = done.ready.path.clone();
    match step {
        Step::Same => {}
        Step::Fail(error) => done.failure = Some((&error).into()),
        Step::Add => add(going, mark, &path, &mut done).await?,
        Step::Change(kept) => match api::replace(going.client, kept.id, &path).await? {
            Some(taken) => {
                finish(going, taken, (What::Changed, Some(kept.hash)), &mut done).await?
            }
            // It was deleted meanwhile, and the file is there.
            None => add(going, mark, &path, &mut done).await?,
        },
        Step::Move(from, kept) => {
            match api::move_to(going.client, kept.id, &path).await? {
                Some(document) => (done.what, done.document) = (What::Moved, Some(document)),
                None => add(going, mark, &path, &mut done).await?,
            }
            done.from = Some(from);
        }
    }
    Ok(done)
}

async fn add(going: Going<'_>, mark: &str, path: &Path, done: &mut Done) -> Result<()> {
    let fields = Fields { collection: going.collection, folder: Some(mark) };
    let taken = api::add(going.client, path, fields).await?;
    finish(going, taken, (What::Added, None), done).await
}

/// Waits until the document answers, or has failed.
async fn finish(
    going: Going<'_>,
    taken: Taken,
    (what, before): (What, Option<BlobHash>),
    done: &mut Done,
) -> Result<()> {
    let accepted = match taken {
        Ok(accepted) => accepted,
        Err(failure) => {
            done.failure = Some(failure);
            return Ok(());
        }
    };
    let document = api::answering(going.client, accepted).await?;
    done.what = if document.duplicate { What::Same } else { what };
    done.failure = match before {
        Some(before) => api::settled_after(before, document.clone()),
        None => api::settled(document.clone()),
    }
    .err();
    done.document = Some(document);
    Ok(())
}
