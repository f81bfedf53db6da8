//! `ingest`: files, folders and documents on the web, taken in and waited for.
//!
//! What the store has already is compared first: the document of a file is the one that has the file's path as its source. One
//! with the same bytes is left alone, so that a run that was cut short goes on where it was; one with other bytes gets a
//! new version. Every file is taken in until it answers by its words; then, where that is asked for, all are waited for until
//! they answer by meaning. A file that cannot be read does not stop the others; it is named with its reason at the end. The verb
//! fails where nothing at all could be taken in. What lies inside a file counts as a document of its own.

pub(super) mod api;
pub(super) mod compare;
mod known;
mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chatbot_core::types::{CollectionId, Document, DocumentFailure};
use chatbot_core::{Error, ErrorKind, Result};
use futures_util::{StreamExt as _, stream};

use super::args::{Ingest, Wait};
use super::client::Client;
use super::files::{self, Choice, Folder, Scope};
use super::multipart::Fields;
use super::output::Output;
use super::progress::Progress;
use super::{Outcome, follow, interrupted, learning, multipart, usage};
use crate::config::Config;
use api::Taken;
pub(super) use known::Known;
pub(super) use report::{Failures, How, Report};

/// Files sent at the same time: enough to keep the workers busy.
pub(super) const N_CONCURRENT: usize = 8;

/// Something to take in.
#[derive(Debug, Clone)]
pub(super) enum Place {
    File {
        path: PathBuf,
        /// The folder that it is a part of.
        folder: Option<Arc<str>>,
    },
    /// On the web.
    Address(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, .. } => path.display().fmt(f),
            Self::Address(address) => f.write_str(address),
        }
    }
}

/// What is to be done about a place.
enum Task {
    Add(Place),
    /// The document that it was taken in as has other bytes.
    Change(Place, Box<Document>),
    /// The document says what the file says.
    Same(Box<Document>),
    /// It cannot be looked at.
    Fail(String, DocumentFailure),
}

/// Where documents go, and what to wait for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    pub(super) collection: Option<CollectionId>,
    pub(super) wait: Wait,
}

pub(super) async fn ingest(ingest: Ingest, config: Config, output: &Output) -> Result<Outcome> {
    let output = &output.quiet(ingest.quiet);
    let mut stop = Box::pin(interrupted());
    let client = tokio::select! {
        client = Client::connect(&config) => client?,
        () = &mut stop => return Ok(Outcome::Interrupted),
    };
    let outcome = if ingest.following.watch {
        follow::follow(&client, &ingest, (own_files(&config), output), stop).await
    } else {
        once(&client, &ingest, (own_files(&config), output), stop).await
    };
    tokio::select! {
        closed = client.close() => closed?,
        // Asked once more, it does not wait for what it began.
        () = interrupted() => return Ok(Outcome::Interrupted),
    }
    outcome
}

/// Takes everything in once.
async fn once(
    client: &Client,
    ingest: &Ingest,
    (own_files, output): (Option<PathBuf>, &Output),
    stop: impl Future<Output = ()>,
) -> Result<Outcome> {
    let mut report = Report::default();
    let work = async {
        let mut places = places(&ingest.paths, &choice(ingest, own_files), &mut report.failures)?;
        places.extend(ingest.addresses.iter().cloned().map(Place::Address));
        let collection = collection(client, ingest, output).await?;
        let goal = Goal { collection, wait: ingest.wait };
        take_in(client, (places, goal), output, &mut report).await
    };
    let ended = tokio::select! { ended = work => Some(ended), () = stop => None };
    output.clear_progress();
    if !report.is_empty() || matches!(ended, Some(Ok(()))) {
        report.show(output);
    }
    let outcome = match ended {
        Some(Err(error)) => return Err(error),
        Some(Ok(())) if report.is_useless() => Outcome::Failed,
        Some(Ok(())) => Outcome::Done,
        None => {
            output.note("Stopped. The same command goes on where it was.");
            Outcome::Interrupted
        }
    };
    output.document(&report);
    Ok(outcome)
}

/// Which files of folders count.
pub(super) fn choice(ingest: &Ingest, own_files: Option<PathBuf>) -> Choice {
    Choice {
        include: ingest.include.clone(),
        exclude: ingest.exclude.clone(),
        no_ignore: ingest.no_ignore,
        own_files,
    }
}

fn own_files(config: &Config) -> Option<PathBuf> {
    config.engine.data_dir.clone()
}

/// The collection that was asked for.
pub(super) async fn collection(
    client: &Client,
    ingest: &Ingest,
    output: &Output,
) -> Result<Option<CollectionId>> {
    match &ingest.collection {
        Some(name) => api::find_or_make(client, name, output).await.map(Some),
        None => Ok(None),
    }
}

/// Every file under the paths. What cannot be looked at is noted as a failure.
///
/// # Errors
/// `not_found` for a path; `invalid_input` where there is no file at all.
pub(super) fn places(
    paths: &[PathBuf],
    choice: &Choice,
    failures: &mut Failures,
) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for path in paths {
        let path = files::absolute(path)?;
        if !files::look(&path)?.is_dir() {
            places.push(Place::File { path, folder: None });
            continue;
        }
        let folder: Arc<str> = multipart::source(&path).into();
        let walked = Folder::new(path, choice)?.walk(&Scope::All);
        places.extend(
            walked
                .files
                .into_iter()
                .map(|(path, _)| Place::File { path, folder: Some(Arc::clone(&folder)) }),
        );
        for (place, error) in walked.unreadable {
            failures.add(&place.display().to_string(), (&error).into());
        }
    }
    if places.is_empty() && failures.is_empty() && !paths.is_empty() {
        return Err(usage("There are no files under these paths."));
    }
    Ok(places)
}

/// Takes in whatever is at these places.
///
/// # Errors
/// Whatever is about more than one of them.
pub(super) async fn take_in(
    client: &Client,
    (places, goal): (Vec<Place>, Goal),
    output: &Output,
    report: &mut Report,
) -> Result<()> {
    let known = known(client, &places, goal.collection).await?;
    let tasks = compared(known, places, output).await;
    let mut progress = Progress::new(output, tasks.len());
    let mut outcomes = stream::iter(tasks)
        .map(|task| carry_out(client, task, goal.collection))
        .buffered(N_CONCURRENT);
    while let Some(outcome) = outcomes.next().await {
        let (place, how, taken) = outcome?;
        progress.done(taken.as_ref().ok().map(|document| document.chunk_count));
        report.add(&place, how, taken);
    }
    drop(progress);
    for (source, how, taken) in api::inside(client, report.documents()).await? {
        report.add(&source, how, taken);
    }
    if goal.wait == Wait::Complete {
        learning::finish(client, report.documents_mut(), output).await?;
    }
    output.clear_progress();
    Ok(())
}

/// The documents that may be those of the files.
async fn known(
    client: &Client,
    places: &[Place],
    collection: Option<CollectionId>,
) -> Result<Known> {
    let mut paths = places.iter().filter_map(|place| match place {
        Place::File { path, .. } => Some(path.as_path()),
        Place::Address(_) => None,
    });
    let Some(first) = paths.next() else { return Ok(Known::default()) };
    Known::below(client, collection, paths.fold(first, common)).await
}

/// What both paths lie in, or are.
fn common<'a>(one: &'a Path, other: &Path) -> &'a Path {
    one.ancestors().find(|above| other.starts_with(above)).unwrap_or(one)
}

/// What is to be done about each place.
async fn compared(known: Known, places: Vec<Place>, output: &Output) -> Vec<Task> {
    let (n_places, mut n_done) = (places.len(), 0);
    let mut known = known;
    let with_documents: Vec<_> = places
        .into_iter()
        .map(|place| {
            let document = match &place {
                Place::File { path, .. } => known.take(path),
                Place::Address(_) => None,
            };
            (place, document)
        })
        .collect();
    let mut compared = stream::iter(with_documents)
        .map(|(place, document)| compare_one(place, document))
        .buffered(N_CONCURRENT);
    let mut tasks = Vec::with_capacity(n_places);
    while let Some(task) = compared.next().await {
        n_done += 1;
        output.progress(&format!("{n_done} of {n_places} files compared"));
        tasks.push(task);
    }
    tasks
}

async fn compare_one(place: Place, document: Option<Document>) -> Task {
    let (Place::File { path, .. }, Some(document)) = (&place, document) else {
        return Task::Add(place);
    };
    let document = Box::new(document);
    match compare::same_bytes(path, &document).await {
        // What failed is tried again: what was in its way may be gone.
        Ok(true) if compare::gave_up(&document) => Task::Add(place),
        Ok(true) => Task::Same(document),
        Ok(false) => Task::Change(place, document),
        Err(error) => Task::Fail(place.to_string(), (&error).into()),
    }
}

/// Does what is to be done about one place. What is not about this place is an error.
async fn carry_out(
    client: &Client,
    task: Task,
    collection: Option<CollectionId>,
) -> Result<(String, How, Taken)> {
    match task {
        Task::Add(place) => {
            let taken = add(client, &place, collection).await?;
            Ok((place.to_string(), How::Added, taken))
        }
        Task::Change(place, document) => change(client, place, &document, collection).await,
        Task::Same(document) => {
            let place = document.source.clone();
            let document = Document { duplicate: true, ..*document };
            let document = match api::answering(client, document.clone()).await {
                // It was deleted a moment ago.
                Err(error) if error.kind() == ErrorKind::NotFound => document,
                other => other?,
            };
            Ok((place, How::Same, api::settled(document)))
        }
        Task::Fail(place, failure) => Ok((place, How::Added, Err(failure))),
    }
}

async fn add(client: &Client, place: &Place, collection: Option<CollectionId>) -> Result<Taken> {
    let added = match place {
        Place::File { path, folder } => {
            api::add(client, path, Fields { collection, folder: folder.as_deref() }).await?
        }
        Place::Address(address) => api::fetch(client, address, collection).await?,
    };
    match added {
        Ok(document) => api::answering(client, document).await.map(api::settled),
        Err(failure) => Ok(Err(failure)),
    }
}

async fn change(
    client: &Client,
    place: Place,
    document: &Document,
    collection: Option<CollectionId>,
) -> Result<(String, How, Taken)> {
    let name = place.to_string();
    let Place::File { path, .. } = &place else {
        return Err(Error::internal("A page on the web has no file."));
    };
    match api::replace(client, document.id, path).await? {
        Some(Ok(replaced)) => {
            let replaced = api::answering(client, replaced).await?;
            Ok((name, How::Changed, api::settled_after(document.sha256, replaced)))
        }
        Some(Err(failure)) => Ok((name, How::Changed, Err(failure))),
        // It was deleted meanwhile, and the file is there.
        None => Ok((name, How::Added, add(client, &place, collection).await?)),
    }
}
