//! `ingest`: files, folders and documents on the web, taken in and waited for.
//!
//! Every file is taken in until it answers by its words; then, where that is asked for, all are waited for until they answer
//! by meaning. A file that cannot be read does not stop the others; it is named with its reason at the end. The verb fails where
//! nothing at all could be taken in. What lies inside a file counts as a document of its own.

use std::path::PathBuf;

use chatbot_core::types::{
    Collection, CollectionId, Document, DocumentFailure, DocumentId, DocumentStatus, NewCollection,
    Page, Visibility,
};
use chatbot_core::{Error, ErrorKind, Reason, Result};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Serialize;

use super::args::{Ingest, Wait};
use super::client::Client;
use super::output::Output;
use super::{Outcome, learning, multipart, usage};
use crate::config::Config;

/// Files sent at the same time: enough to keep the workers busy.
const N_CONCURRENT: usize = 8;

/// What became of the files.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    documents: Vec<Document>,
    failed: Vec<Failed>,
}

/// Something to take in.
#[derive(Debug)]
pub(super) enum Place {
    File(PathBuf),
    /// On the web.
    Address(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Address(address) => f.write_str(address),
        }
    }
}

#[derive(Debug, Serialize)]
struct Failed {
    path: String,
    #[serde(flatten)]
    failure: DocumentFailure,
}

pub(super) async fn ingest(ingest: Ingest, config: Config, output: &Output) -> Result<Outcome> {
    let client = Client::connect(&config).await?;
    let collection = match &ingest.collection {
        Some(name) => Some(find_or_make(&client, name, output).await?),
        None => None,
    };
    let mut places = if ingest.paths.is_empty() { Vec::new() } else { files(&ingest.paths)? };
    places.extend(ingest.addresses.into_iter().map(Place::Address));
    let report = take_in(&client, places, (collection, ingest.wait), output).await?;
    report.show(output);
    output.document(&report);
    client.close().await?;
    Ok(if report.is_useless() { Outcome::Failed } else { Outcome::Done })
}

/// Every file under the paths.
///
/// # Errors
/// `not_found` for a path; `invalid_input` where there is no file at all.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<Place>> {
    let mut all = Vec::new();
    for path in paths {
        all.extend(super::files::under(path)?.into_iter().map(Place::File));
    }
    if all.is_empty() {
        return Err(usage("There are no files under these paths."));
    }
    Ok(all)
}

/// Takes in whatever is at these places.
///
/// # Errors
/// Whatever is about more than one of them.
pub(super) async fn take_in(
    client: &Client,
    places: Vec<Place>,
    (collection, wait): (Option<CollectionId>, Wait),
    output: &Output,
) -> Result<Report> {
    let n_files = places.len();
    let mut outcomes = stream::iter(places)
        .map(|place| async move {
            let outcome = one(client, &place, collection).await;
            (place, outcome)
        })
        .buffered(N_CONCURRENT);
    let mut report = Report::default();
    while let Some((place, outcome)) = outcomes.next().await {
        report.add(&place.to_string(), outcome?);
        output.progress(&format!("{} of {n_files} files", report.n_files()));
    }
    inside(client, &mut report).await?;
    if wait == Wait::Complete {
        learning::finish(client, &mut report.documents, output).await?;
    }
    output.clear_progress();
    Ok(report)
}

/// One place: a document, or why it is none. What is not about this place is an error.
async fn one(
    client: &Client,
    place: &Place,
    collection: Option<CollectionId>,
) -> Result<Result<Document, DocumentFailure>> {
    match add(client, place, collection).await {
        Ok(document) => Ok(settled(document)),
        Err(error) if is_about_the_place(&error, place) => Ok(Err((&error).into())),
        Err(error) => Err(error),
    }
}

async fn add(client: &Client, place: &Place, collection: Option<CollectionId>) -> Result<Document> {
    let added: Document = match place {
        Place::File(path) => {
            let (content_type, form) = multipart::form(path, collection).await?;
            client.post_form("/api/v1/documents", &content_type, form).await?
        }
        Place::Address(address) => {
            let body = serde_json::json!({"url": address, "collection_id": collection});
            client.post("/api/v1/documents/url", &body).await?
        }
    };
    answering(client, added).await
}

/// What came out of the documents: files of archives, attachments of messages.
async fn inside(client: &Client, report: &mut Report) -> Result<()> {
    let mut around: Vec<DocumentId> = with_parts(&report.documents).collect();
    while let Some(id) = around.pop() {
        for part in parts(client, id).await? {
            let part = answering(client, part).await?;
            around.extend(with_parts(std::slice::from_ref(&part)));
            let source = part.source.clone();
            report.add(&source, settled(part));
        }
    }
    Ok(())
}

fn with_parts(documents: &[Document]) -> impl Iterator<Item = DocumentId> {
    documents.iter().filter(|document| document.part_count > 0).map(|document| document.id)
}

/// The documents directly inside another, the oldest first.
async fn parts(client: &Client, id: DocumentId) -> Result<Vec<Document>> {
    let first = format!("/api/v1/documents?limit=200&parent_id={id}");
    let (mut found, mut path) = (Vec::new(), first.clone());
    loop {
        let page: Page<Document> = client.get(&path).await?;
        found.extend(page.items);
        match page.next_cursor {
            Some(cursor) => path = format!("{first}&cursor={cursor}"),
            None => break,
        }
    }
    found.reverse();
    Ok(found)
}

/// The document once it answers, or nothing more happens to it.
async fn answering(client: &Client, document: Document) -> Result<Document> {
    let mut states = Box::pin(states(client, document.id).await?);
    let mut last = document;
    while let Some(next) = states.next().await {
        last = Document { duplicate: last.duplicate, ..next? };
        if last.status == DocumentStatus::Ready {
            break;
        }
    }
    Ok(last)
}

/// A document now and at every change, until nothing more happens to it.
pub(super) async fn states(
    client: &Client,
    id: DocumentId,
) -> Result<impl Stream<Item = Result<Document>>> {
    let events = client.get_events(&format!("/api/v1/documents/{id}/events")).await?;
    Ok(events.map(|event| {
        serde_json::from_str(&event?.data).map_err(|error| {
            Error::new(ErrorKind::BadResponse, "The server's answer cannot be read.")
                .with_source(error)
        })
    }))
}

fn settled(document: Document) -> Result<Document, DocumentFailure> {
    match (document.status, &document.error) {
        (DocumentStatus::Ready, _) => Ok(document),
        (_, Some(failure)) => Err(failure.clone()),
        _ => {
            Err((&Error::new(ErrorKind::Cancelled, "The work on this document was stopped."))
                .into())
        }
    }
}

fn is_about_the_place(error: &Error, place: &Place) -> bool {
    let kinds = [ErrorKind::InvalidInput, ErrorKind::NotFound, ErrorKind::TooLarge];
    let of_origins = [ErrorKind::BadResponse, ErrorKind::Timeout, ErrorKind::Unsupported];
    kinds.contains(&error.kind())
        || match place {
            Place::File(_) => error.reason() == Some(Reason::ReadOnly),
            Place::Address(_) => of_origins.contains(&error.kind()),
        }
}

async fn find_or_make(client: &Client, name: &str, output: &Output) -> Result<CollectionId> {
    let mut path = "/api/v1/collections?limit=200".to_owned();
    loop {
        let page: Page<Collection> = client.get(&path).await?;
        let found = page.items.iter().find(|c| c.name == name || c.id.to_string() == name);
        if let Some(collection) = found {
            return Ok(collection.id);
        }
        match page.next_cursor {
            Some(cursor) => path = format!("/api/v1/collections?limit=200&cursor={cursor}"),
            None => break,
        }
    }
    let (name, description) = (name.to_owned(), String::new());
    let new = NewCollection { name, description, visibility: Visibility::Private };
    let made: Collection = client.post("/api/v1/collections", &new).await?;
    output.note(&format!("Made the collection {}.", made.name));
    Ok(made.id)
}

impl Report {
    /// Nothing could be taken in.
    pub(super) const fn is_useless(&self) -> bool {
        self.documents.is_empty()
    }

    const fn n_files(&self) -> usize {
        self.documents.len() + self.failed.len()
    }

    fn add(&mut self, path: &str, outcome: Result<Document, DocumentFailure>) {
        match outcome {
            Ok(document) => self.documents.push(document),
            Err(failure) => self.failed.push(Failed { path: path.to_owned(), failure }),
        }
    }

    fn show(&self, output: &Output) {
        let n_known = self.documents.iter().filter(|document| document.duplicate).count();
        let n_new = self.documents.len() - n_known;
        let n_failed = self.failed.len();
        output.line(&format!(
            "{n_new} documents added, {n_known} were there before, {n_failed} failed."
        ));
        self.show_failures(output);
    }

    /// What failed, and why.
    pub(super) fn show_failures(&self, output: &Output) {
        for Failed { path, failure } in &self.failed {
            output.note(&format!("{path}: {}", failure.message));
        }
    }
}
