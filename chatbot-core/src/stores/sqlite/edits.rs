//! Changing, stopping and deleting documents.

use sqlx::sqlite::SqliteConnection;

use super::accept::{file_name, folded, touch};
use super::document_rows::{Target, by_id, target};
use super::publish::write_change;
use super::sql::{Columns as _, hex_list, sql, to_json};
use super::{Lane, SqliteStore, embeddings, parts};
use crate::context::ReadSet;
use crate::error::{Error, ErrorKind, Result};
use crate::types::{
    CollectionId, Document, DocumentFailure, DocumentId, DocumentPatch, DocumentStatus, Metadata,
    Timestamp, VersionId,
};

/// See [`DocumentStore::update_document`](crate::traits::DocumentStore::update_document).
pub(super) async fn update(
    store: &SqliteStore,
    read_set: &ReadSet,
    id: DocumentId,
    patch: DocumentPatch,
) -> Result<Document> {
    let (read_set, now) = (read_set.clone(), store.now());
    let update = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            let target = target(conn, &read_set, id).await?;
            if let Some(metadata) = &patch.metadata {
                set_metadata(conn, id, metadata, now).await?;
            }
            if let Some(source) = &patch.source {
                set_source(conn, &target, source, now).await?;
            }
            if let Some(title) = &patch.title {
                set_title(conn, &target, title, now).await?;
            }
            touch(conn, id, now).await?;
            by_id(conn, id).await
        })
    });
    update.await
}

async fn set_metadata(
    conn: &mut SqliteConnection,
    id: DocumentId,
    metadata: &Metadata,
    now: Timestamp,
) -> Result<()> {
    let row = sql("SELECT host_metadata FROM documents WHERE id = ?").bind(id).one(conn).await?;
    parts::share_metadata(conn, id, (&row.json("host_metadata")?, metadata), now).await?;
    sql("UPDATE documents SET host_metadata = ?1, metadata = ?1 WHERE id = ?2")
        .bind(to_json(metadata)?)
        .bind(id)
        .run(conn)
        .await
        .map(|_| ())
}

/// A title that the host gives stays, also over new versions.
async fn set_title(
    conn: &mut SqliteConnection,
    target: &Target,
    title: &str,
    now: Timestamp,
) -> Result<()> {
    let named = named(conn, target.id).await?;
    sql("UPDATE documents SET title_host = ? WHERE id = ?")
        .bind(title)
        .bind(target.id)
        .run(conn)
        .await?;
    rename(conn, target, &named, (title, &named.source), now).await
}

/// A title that was the name of the file follows; any other stays. What was made under the old name keeps its vectors.
async fn set_source(
    conn: &mut SqliteConnection,
    target: &Target,
    source: &str,
    now: Timestamp,
) -> Result<()> {
    if target.parent.is_some() {
        return Err(Error::new(
            ErrorKind::Conflict,
            "This document came out of another one, and lies where that one does.",
        ));
    }
    let named = named(conn, target.id).await?;
    sql("UPDATE versions SET source = ? WHERE id = ? OR id = ?")
        .bind(source)
        .bind(target.newest)
        .bind(target.live)
        .run(conn)
        .await?;
    let follows = !named.by_host && named.title == file_name(&named.source);
    let title = if follows { file_name(source) } else { named.title.as_str() };
    rename(conn, target, &named, (title, source), now).await
}

/// How a document is called, and whether the host said so.
struct Named {
    title: String,
    source: String,
    by_host: bool,
}

async fn named(conn: &mut SqliteConnection, id: DocumentId) -> Result<Named> {
    let row =
        sql("SELECT title, title_host IS NOT NULL AS by_host, source FROM documents WHERE id = ?")
            .bind(id)
            .one(conn)
            .await?;
    Ok(Named { title: row.col("title")?, source: row.col("source")?, by_host: row.col("by_host")? })
}

/// The title is searched: a new one is a change of the version that answers.
async fn rename(
    conn: &mut SqliteConnection,
    target: &Target,
    before: &Named,
    (title, source): (&str, &str),
    now: Timestamp,
) -> Result<()> {
    sql("UPDATE documents SET title = ?, source = ?, folded = ? WHERE id = ?")
        .bind(title)
        .bind(source)
        .bind(folded(title, source))
        .bind(target.id)
        .run(conn)
        .await?;
    if let Some(live) = target.live.filter(|_| before.title != title) {
        write_change(conn, (target.id, live), now).await?;
    }
    Ok(())
}

/// See [`DocumentStore::cancel_document`](crate::traits::DocumentStore::cancel_document).
pub(super) async fn cancel(
    store: &SqliteStore,
    read_set: &ReadSet,
    id: DocumentId,
) -> Result<Document> {
    let (read_set, now) = (read_set.clone(), store.now());
    let cancel = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            let target = target(conn, &read_set, id).await?;
            if target.is_worked_on() {
                end_work(conn, &target, DocumentStatus::Cancelled, now).await?;
            } else if !stop_embedding(conn, &target).await? {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "Nothing is being done to this document.",
                ));
            }
            touch(conn, id, now).await?;
            by_id(conn, id).await
        })
    });
    cancel.await
}

/// Leaves a document that answers without the vectors that it lacks. Returns whether it lacked some.
async fn stop_embedding(conn: &mut SqliteConnection, target: &Target) -> Result<bool> {
    let waited = embeddings::void_document(conn, target.id).await?;
    if waited {
        let stopped = DocumentFailure {
            code: ErrorKind::Cancelled,
            reason: None,
            message: "Its meaning was not learned to the end. Index it again to go on.".to_owned(),
        };
        sql("UPDATE versions SET dense_failure = ? WHERE id = ?")
            .bind(to_json(&stopped)?)
            .bind(target.live)
            .run(conn)
            .await?;
    }
    Ok(waited)
}

/// Ends whatever is being done to a document. A version that was published goes on answering and counts as done; one
/// that was not is swept, and keeps its original while it is the newest.
pub(super) async fn end_work(
    conn: &mut SqliteConnection,
    target: &Target,
    outcome: DocumentStatus,
    now: Timestamp,
) -> Result<()> {
    sql("DELETE FROM jobs WHERE document = ?").bind(target.id).run(conn).await?;
    if target.live == Some(target.newest) {
        return mark_ready(conn, target.id, target.newest, now).await;
    }
    if target.is_worked_on() {
        sql("UPDATE versions SET state = ?, stage = NULL, progress = 0 WHERE id = ?")
            .bind(outcome.as_str())
            .bind(target.newest)
            .run(conn)
            .await?;
    }
    discard(conn, target.newest).await
}

/// Notes that a version answers.
pub(super) async fn mark_ready(
    conn: &mut SqliteConnection,
    document: DocumentId,
    version: VersionId,
    now: Timestamp,
) -> Result<()> {
    sql("UPDATE versions SET state = 'ready', stage = NULL, progress = 1, failure = NULL WHERE id = ?")
        .bind(version)
        .run(conn)
        .await?;
    sql("UPDATE documents SET ready_at = coalesce(ready_at, ?1), updated_at = ?1 WHERE id = ?2")
        .bind(now)
        .bind(document)
        .run(conn)
        .await
        .map(|_| ())
}

/// Leaves a version to the sweep.
pub(super) async fn discard(conn: &mut SqliteConnection, version: VersionId) -> Result<()> {
    sql("INSERT INTO garbage (kind, id) VALUES ('version', ?)").bind(version).run(conn).await?;
    Ok(())
}

/// See [`DocumentStore::delete_document`](crate::traits::DocumentStore::delete_document).
pub(super) async fn delete(store: &SqliteStore, read_set: &ReadSet, id: DocumentId) -> Result<()> {
    let (read_set, now) = (read_set.clone(), store.now());
    let delete = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            let target = target(conn, &read_set, id).await?;
            delete_one(conn, &target, now).await
        })
    });
    delete.await
}

/// Deletes a document for a person: one that came out of another is no longer wanted from there.
pub(super) async fn delete_one(
    conn: &mut SqliteConnection,
    target: &Target,
    now: Timestamp,
) -> Result<()> {
    if target.parent.is_some() {
        parts::forget(conn, target.id, now).await?;
    }
    delete_with_parts(conn, &[target.id], now).await
}

/// Stops documents of one collection answering, and whatever lies inside them, with a change for each.
pub(super) async fn delete_with_parts(
    conn: &mut SqliteConnection,
    documents: &[DocumentId],
    now: Timestamp,
) -> Result<()> {
    let doomed = parts::with_parts(conn, documents).await?;
    let list = hex_list(doomed.iter().map(DocumentId::as_bytes));
    for statement in DELETE {
        sql(statement).bind(list.as_str()).bind(now).run(conn).await?;
    }
    Ok(())
}

/// ?1 are the documents, ?2 is the time.
const DELETE: [&str; 6] = [
    "INSERT INTO changes (kind, collection, document, version, created_at)
     SELECT 'deleted', collection, id, live, ?2 FROM documents
     WHERE id IN (SELECT unhex(value) FROM json_each(?1)) AND live IS NOT NULL ORDER BY seq",
    "DELETE FROM jobs WHERE document IN (SELECT unhex(value) FROM json_each(?1)) AND ?2 IS NOT NULL",
    "DELETE FROM embedding_jobs WHERE document IN (SELECT unhex(value) FROM json_each(?1)) AND ?2 IS NOT NULL",
    "UPDATE collections SET document_count = document_count - (SELECT count(*) FROM json_each(?1))
     WHERE ?2 IS NOT NULL AND id IN
        (SELECT collection FROM documents WHERE id IN (SELECT unhex(value) FROM json_each(?1)))",
    "UPDATE documents SET deleted_at = ?2, updated_at = ?2, live = NULL
     WHERE id IN (SELECT unhex(value) FROM json_each(?1))",
    "INSERT INTO garbage (kind, id) SELECT 'document', unhex(value) FROM json_each(?1) WHERE ?2 IS NOT NULL",
];

/// Stops every document of a collection answering, with a change for each.
pub(super) async fn delete_all_documents(
    conn: &mut SqliteConnection,
    collection: CollectionId,
    now: Timestamp,
) -> Result<()> {
    sql("INSERT INTO changes (kind, collection, document, version, created_at)
         SELECT 'deleted', collection, id, live, ?1 FROM documents
         WHERE collection = ?2 AND deleted_at IS NULL AND live IS NOT NULL ORDER BY seq")
    .bind(now)
    .bind(collection)
    .run(conn)
    .await?;
    for statement in [
        "DELETE FROM jobs WHERE document IN
            (SELECT id FROM documents WHERE collection = ? AND deleted_at IS NULL)",
        "DELETE FROM embedding_jobs WHERE document IN
            (SELECT id FROM documents WHERE collection = ? AND deleted_at IS NULL)",
    ] {
        sql(statement).bind(collection).run(conn).await?;
    }
    sql("INSERT INTO garbage (kind, id)
         SELECT 'document', id FROM documents WHERE collection = ? AND deleted_at IS NULL")
    .bind(collection)
    .run(conn)
    .await?;
    sql("UPDATE documents SET deleted_at = ?1, updated_at = ?1, live = NULL
         WHERE collection = ?2 AND deleted_at IS NULL")
    .bind(now)
    .bind(collection)
    .run(conn)
    .await
    .map(|_| ())
}
