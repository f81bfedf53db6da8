//! Documents over the API: taken in, given new bytes, moved, deleted, and waited for.

use std::path::Path;

use axum::http::Method;
use chatbot_core::types::{
    BlobHash, Collection, CollectionId, Document, DocumentFailure, DocumentId, DocumentStatus,
    NewCollection, Page, Stage, Visibility,
};
use chatbot_core::{Error, ErrorKind, Reason, Result};
use futures_util::{Stream, StreamExt as _};
use serde_json::json;

use super::How;
use crate::cli::client::Client;
use crate::cli::multipart::{self, Fields};
use crate::cli::output::Output;

/// A document, or why something is none.
pub(in crate::cli) type Taken = Result<Document, DocumentFailure>;

/// What the server says about one file only, so that the others go on.
const ABOUT_A_FILE: &[ErrorKind] =
    &[ErrorKind::InvalidInput, ErrorKind::NotFound, ErrorKind::TooLarge];
/// What the server says about one address only.
const ABOUT_AN_ADDRESS: &[ErrorKind] = &[
    ErrorKind::InvalidInput,
    ErrorKind::NotFound,
    ErrorKind::TooLarge,
    ErrorKind::BadResponse,
    ErrorKind::Timeout,
    ErrorKind::Unsupported,
];

/// Takes a file in. What is not about this file is an error.
pub(in crate::cli) async fn add(client: &Client, path: &Path, fields: Fields<'_>) -> Result<Taken> {
    match multipart::form(path, fields).await {
        Ok(form) => {
            let route = (Method::POST, "/api/v1/documents");
            only_about(ABOUT_A_FILE, client.form(route, form).await)
        }
        Err(error) => Ok(Err((&error).into())),
    }
}

/// Takes in what is at an address. What is not about this address is an error.
pub(in crate::cli) async fn fetch(
    client: &Client,
    address: &str,
    collection: Option<CollectionId>,
) -> Result<Taken> {
    let body = json!({"url": address, "collection_id": collection});
    only_about(ABOUT_AN_ADDRESS, client.post("/api/v1/documents/url", &body).await)
}

/// Gives a document the bytes of a file; `None` where there is no such document any more. What is not about this file is an
/// error.
pub(in crate::cli) async fn replace(
    client: &Client,
    id: DocumentId,
    path: &Path,
) -> Result<Option<Taken>> {
    let form = match multipart::form(path, Fields::default()).await {
        Ok(form) => form,
        Err(error) => return Ok(Some(Err((&error).into()))),
    };
    let route = format!("/api/v1/documents/{id}/content");
    match client.form((Method::PUT, &route), form).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        replaced => only_about(ABOUT_A_FILE, replaced).map(Some),
    }
}

/// Says that a document lies somewhere else now; `None` where there is no such document any more.
pub(in crate::cli) async fn move_to(
    client: &Client,
    id: DocumentId,
    path: &Path,
) -> Result<Option<Document>> {
    let patch = json!({"source": multipart::source(path)});
    match client.patch(&format!("/api/v1/documents/{id}"), &patch).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        moved => moved.map(Some),
    }
}

/// Deletes a document, where it is still there.
pub(in crate::cli) async fn delete(client: &Client, id: DocumentId) -> Result<()> {
    match client.delete(&format!("/api/v1/documents/{id}")).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        deleted => deleted,
    }
}

fn only_about(kinds: &[ErrorKind], result: Result<Document>) -> Result<Taken> {
    match result {
        Ok(document) => Ok(Ok(document)),
        Err(error) if kinds.contains(&error.kind()) || is_closed(&error) => {
            Ok(Err((&error).into()))
        }
        Err(error) => Err(error),
    }
}

fn is_closed(error: &Error) -> bool {
    error.reason() == Some(Reason::ReadOnly)
}

/// The document once its newest version answers, or nothing more happens to it.
pub(in crate::cli) async fn answering(client: &Client, document: Document) -> Result<Document> {
    let mut states = Box::pin(states(client, document.id).await?);
    let mut last = document;
    while let Some(next) = states.next().await {
        last = Document { duplicate: last.duplicate, ..next? };
        let is_made =
            matches!(last.stage, Some(Stage::Parsing | Stage::Chunking | Stage::Publishing));
        if last.status == DocumentStatus::Ready && !is_made {
            break;
        }
    }
    Ok(last)
}

/// A document now and at every change, until nothing more happens to it.
pub(in crate::cli) async fn states(
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

/// A document that answers, or why it does not.
pub(in crate::cli) fn settled(document: Document) -> Taken {
    match (document.status, &document.error) {
        (DocumentStatus::Ready, _) => Ok(document),
        (_, Some(failure)) => Err(failure.clone()),
        _ => {
            Err((&Error::new(ErrorKind::Cancelled, "The work on this document was stopped."))
                .into())
        }
    }
}

/// A document that was given new bytes and answers by them, or why it does not: the version before answers on where the
/// new one cannot be read.
pub(in crate::cli) fn settled_after(before: BlobHash, document: Document) -> Taken {
    match &document.error {
        Some(failure) if document.sha256 == before => Err(failure.clone()),
        _ => settled(document),
    }
}

/// What came out of the documents: files of archives, attachments of messages.
pub(in crate::cli) async fn inside(
    client: &Client,
    documents: &[Document],
) -> Result<Vec<(String, How, Taken)>> {
    let mut around: Vec<_> = with_parts(documents).collect();
    let mut found = Vec::new();
    while let Some((id, duplicate)) = around.pop() {
        for part in parts(client, id).await? {
            let part = Document { duplicate, ..answering(client, part).await? };
            around.extend(with_parts(std::slice::from_ref(&part)));
            found.push((part.source.clone(), How::Added, settled(part)));
        }
    }
    Ok(found)
}

fn with_parts(documents: &[Document]) -> impl Iterator<Item = (DocumentId, bool)> {
    let around = documents.iter().filter(|document| document.part_count > 0);
    around.map(|document| (document.id, document.duplicate))
}

/// The documents directly inside another, the oldest first.
async fn parts(client: &Client, id: DocumentId) -> Result<Vec<Document>> {
    let mut found = all(client, &format!("/api/v1/documents?limit=200&parent_id={id}")).await?;
    found.reverse();
    Ok(found)
}

/// Every item of a list.
pub(in crate::cli) async fn all<T: serde::de::DeserializeOwned>(
    client: &Client,
    list: &str,
) -> Result<Vec<T>> {
    let (mut found, mut path) = (Vec::new(), list.to_owned());
    loop {
        let page: Page<T> = client.get(&path).await?;
        found.extend(page.items);
        match page.next_cursor {
            Some(cursor) => path = format!("{list}&cursor={cursor}"),
            None => return Ok(found),
        }
    }
}

const COLLECTIONS: &str = "/api/v1/collections?limit=200";

/// The collection of this name or id; made where there is none.
pub(in crate::cli) async fn find_or_make(
    client: &Client,
    name: &str,
    output: &Output,
) -> Result<CollectionId> {
    let collections: Vec<Collection> = all(client, COLLECTIONS).await?;
    let found = collections.iter().find(|c| c.name == name || c.id.to_string() == name);
    if let Some(collection) = found {
        return Ok(collection.id);
    }
    let (name, description) = (name.to_owned(), String::new());
    let new = NewCollection { name, description, visibility: Visibility::Private };
    let made: Collection = client.post("/api/v1/collections", &new).await?;
    output.note(&format!("Made the collection {}.", made.name));
    Ok(made.id)
}

/// The collection that documents go to where none is named.
pub(in crate::cli) async fn default_collection(client: &Client) -> Result<Option<CollectionId>> {
    let collections: Vec<Collection> = all(client, COLLECTIONS).await?;
    Ok(collections.into_iter().find(|c| c.is_default).map(|c| c.id))
}
