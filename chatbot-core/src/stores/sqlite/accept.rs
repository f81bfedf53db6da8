//! Taking documents in: the row, its version and its job in one step.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::document_rows::{Target, by_id, target};
use super::edits::end_work;
use super::fold::fold;
use super::idempotency::Once;
use super::sql::{Columns as _, sql, to_json};
use super::{Lane, SqliteStore, collections};
use crate::context::{Context, ReadSet};
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{AcceptDocument, AcceptVersion, Accepted};
use crate::types::{
    BlobHash, DocumentId, DocumentStatus, JobId, MediaType, PrincipalId, Timestamp, VersionId,
};

/// See [`DocumentStore::accept_document`](crate::traits::DocumentStore::accept_document).
pub(super) async fn document(
    store: &SqliteStore,
    ctx: &Context,
    mut new: AcceptDocument,
) -> Result<Accepted> {
    let principal = ctx.principal()?.clone();
    let once = Once { principal, operation: "accept_document", key: new.idempotency.take() };
    let now = store.now();
    let accept = store
        .writer
        .write(Lane::Interactive, move |conn| Box::pin(accept_once(conn, once, new, now)));
    accept.await
}

/// See [`DocumentStore::accept_version`](crate::traits::DocumentStore::accept_version).
pub(super) async fn version(
    store: &SqliteStore,
    _ctx: &Context,
    read_set: &ReadSet,
    new: AcceptVersion,
) -> Result<Accepted> {
    let (read_set, now) = (read_set.clone(), store.now());
    let accept = store
        .writer
        .write(Lane::Interactive, move |conn| Box::pin(new_version(conn, read_set, new, now)));
    accept.await
}

/// See [`DocumentStore::reindex_document`](crate::traits::DocumentStore::reindex_document).
pub(super) async fn again(
    store: &SqliteStore,
    read_set: &ReadSet,
    id: DocumentId,
) -> Result<Accepted> {
    let (read_set, now) = (read_set.clone(), store.now());
    let accept = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            let target = target(conn, &read_set, id).await?;
            let job = if target.is_worked_on() {
                job_of(conn, target.newest).await?
            } else if target.live == Some(target.newest) {
                Some(copy_version(conn, &target, now).await?)
            } else {
                Some(requeue(conn, id, target.newest, now).await?)
            };
            Ok(Accepted { document: by_id(conn, id).await?, job })
        })
    });
    accept.await
}

async fn accept_once(
    conn: &mut SqliteConnection,
    once: Once,
    new: AcceptDocument,
    now: Timestamp,
) -> Result<Accepted> {
    if let Some(id) = once.replay(conn).await? {
        let id = id.try_into().map(DocumentId::from_bytes);
        let id = id.map_err(|_| Error::not_found("document"))?;
        let document = by_id(conn, id).await?;
        return Ok(Accepted { document, job: None });
    }
    collections::require(conn, new.collection).await?;
    let accepted = match same_document(conn, &new).await? {
        Some(row) => duplicate(conn, &row, now).await?,
        None => insert(conn, &once.principal, &new, now).await?,
    };
    once.remember(conn, accepted.document.id.as_bytes().to_vec(), now).await?;
    Ok(accepted)
}

/// The document with these bytes and this title; without a title, from this source. What came out of another document is
/// never the one: it goes with that.
async fn same_document(
    conn: &mut SqliteConnection,
    new: &AcceptDocument,
) -> Result<Option<SqliteRow>> {
    sql("SELECT d.id, d.newest, n.state FROM documents d JOIN versions n ON n.id = d.newest
         WHERE d.blob = ?1 AND d.collection = ?2 AND d.deleted_at IS NULL AND d.parent IS NULL
           AND d.title_given IS ?3 AND (?3 IS NOT NULL OR n.source = ?4)
         ORDER BY d.seq LIMIT 1")
    .bind(new.blob)
    .bind(new.collection)
    .bind(new.title.as_deref())
    .bind(new.source.as_str())
    .maybe(conn)
    .await
}

async fn duplicate(
    conn: &mut SqliteConnection,
    row: &SqliteRow,
    now: Timestamp,
) -> Result<Accepted> {
    let id: DocumentId = row.col("id")?;
    let state = row.named("state", DocumentStatus::from_name)?;
    let gave_up = matches!(state, DocumentStatus::Failed | DocumentStatus::Cancelled);
    let job = if gave_up { Some(requeue(conn, id, row.col("newest")?, now).await?) } else { None };
    let mut document = by_id(conn, id).await?;
    document.duplicate = true;
    Ok(Accepted { document, job })
}

async fn insert(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
    new: &AcceptDocument,
    now: Timestamp,
) -> Result<Accepted> {
    let (id, version) = (DocumentId::new(), VersionId::new());
    let title = new.title.clone().unwrap_or_else(|| file_name(&new.source).to_owned());
    sql("INSERT INTO documents (id, collection, title_given, title_host, title, source, folded,
            host_metadata, metadata, newest, blob, created_by, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11, ?11)")
    .bind(id)
    .bind(new.collection)
    .bind(new.title.as_deref())
    .bind(title.as_str())
    .bind(new.source.as_str())
    .bind(folded(&title, &new.source))
    .bind(to_json(&new.metadata)?)
    .bind(version)
    .bind(new.blob)
    .bind(principal.as_str())
    .bind(now)
    .run(conn)
    .await?;
    sql("UPDATE collections SET document_count = document_count + 1 WHERE id = ?")
        .bind(new.collection)
        .run(conn)
        .await?;
    let original = Original {
        source: &new.source,
        declared: new.declared.as_ref(),
        blob: new.blob,
        size_bytes: new.size_bytes,
    };
    let job = insert_version(conn, (id, version), &original, now).await?;
    Ok(Accepted { document: by_id(conn, id).await?, job: Some(job) })
}

/// What a version is made from.
pub(super) struct Original<'a> {
    pub(super) source: &'a str,
    pub(super) declared: Option<&'a MediaType>,
    pub(super) blob: BlobHash,
    pub(super) size_bytes: u64,
}

async fn insert_version(
    conn: &mut SqliteConnection,
    (document, version): (DocumentId, VersionId),
    original: &Original<'_>,
    now: Timestamp,
) -> Result<JobId> {
    let declared = original.declared.map(MediaType::as_str);
    sql("INSERT INTO versions (id, document, number, source, declared, media_type, blob, size_bytes, state,
            created_at)
         SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3, ?4, ?5, ?6, ?7, 'queued', ?8
         FROM versions WHERE document = ?2")
    .bind(version)
    .bind(document)
    .bind(original.source)
    .bind(declared)
    .bind(declared.unwrap_or(MediaType::UNKNOWN.as_str()))
    .bind(original.blob)
    .bind(original.size_bytes)
    .bind(now)
    .run(conn)
    .await?;
    queue(conn, document, version, now).await
}

async fn queue(
    conn: &mut SqliteConnection,
    document: DocumentId,
    version: VersionId,
    now: Timestamp,
) -> Result<JobId> {
    let job = JobId::new();
    sql("INSERT INTO jobs (id, document, version, due_at) VALUES (?, ?, ?, ?)")
        .bind(job)
        .bind(document)
        .bind(version)
        .bind(now)
        .run(conn)
        .await?;
    Ok(job)
}

/// Queues a version that was given up once more.
async fn requeue(
    conn: &mut SqliteConnection,
    document: DocumentId,
    version: VersionId,
    now: Timestamp,
) -> Result<JobId> {
    sql("UPDATE versions SET state = 'queued', stage = NULL, progress = 0, failure = NULL WHERE id = ?")
        .bind(version)
        .run(conn)
        .await?;
    touch(conn, document, now).await?;
    queue(conn, document, version, now).await
}

async fn new_version(
    conn: &mut SqliteConnection,
    read_set: ReadSet,
    new: AcceptVersion,
    now: Timestamp,
) -> Result<Accepted> {
    let target = target(conn, &read_set, new.document).await?;
    if target.parent.is_some() {
        return Err(Error::new(
            ErrorKind::Conflict,
            "This document came out of another one. Replace that one.",
        ));
    }
    let newest =
        sql("SELECT blob, source FROM versions WHERE id = ?").bind(target.newest).one(conn).await?;
    if newest.col::<BlobHash>("blob")? == new.blob && !is_given_up(&target) {
        return unchanged(conn, new.document, target.newest).await;
    }
    let source = new.source.map_or_else(|| newest.col("source"), Ok)?;
    let original = Original {
        source: &source,
        declared: new.declared.as_ref(),
        blob: new.blob,
        size_bytes: new.size_bytes,
    };
    replace(conn, &target, &original, now).await
}

/// Takes in other bytes than those of the newest version.
pub(super) async fn replace(
    conn: &mut SqliteConnection,
    target: &Target,
    original: &Original<'_>,
    now: Timestamp,
) -> Result<Accepted> {
    let live_blob = live_blob(conn, target).await?;
    end_work(conn, target, DocumentStatus::Cancelled, now).await?;
    if live_blob == Some(original.blob) {
        let live = target.live.unwrap_or(target.newest);
        set_newest(conn, target.id, (live, original.blob), now).await?;
        return unchanged(conn, target.id, live).await;
    }
    let job = follow_up(conn, target, original, now).await?;
    Ok(Accepted { document: by_id(conn, target.id).await?, job: Some(job) })
}

fn is_given_up(target: &Target) -> bool {
    matches!(target.state, DocumentStatus::Failed | DocumentStatus::Cancelled)
}

async fn unchanged(
    conn: &mut SqliteConnection,
    id: DocumentId,
    newest: VersionId,
) -> Result<Accepted> {
    let mut document = by_id(conn, id).await?;
    document.duplicate = true;
    Ok(Accepted { document, job: job_of(conn, newest).await? })
}

async fn live_blob(conn: &mut SqliteConnection, target: &Target) -> Result<Option<BlobHash>> {
    let Some(live) = target.live else { return Ok(None) };
    sql("SELECT blob FROM versions WHERE id = ?").bind(live).one(conn).await?.col("blob").map(Some)
}

/// The live version again, from its original, as the next version.
async fn copy_version(
    conn: &mut SqliteConnection,
    target: &Target,
    now: Timestamp,
) -> Result<JobId> {
    let row = sql("SELECT source, declared, blob, size_bytes FROM versions WHERE id = ?")
        .bind(target.newest)
        .one(conn)
        .await?;
    let declared = row.col::<Option<String>>("declared")?.map(super::document_rows::media_type);
    let original = Original {
        source: &row.col::<String>("source")?,
        declared: declared.as_ref(),
        blob: row.col("blob")?,
        size_bytes: row.col("size_bytes")?,
    };
    follow_up(conn, target, &original, now).await
}

async fn follow_up(
    conn: &mut SqliteConnection,
    target: &Target,
    original: &Original<'_>,
    now: Timestamp,
) -> Result<JobId> {
    let version = VersionId::new();
    set_newest(conn, target.id, (version, original.blob), now).await?;
    insert_version(conn, (target.id, version), original, now).await
}

pub(super) async fn set_newest(
    conn: &mut SqliteConnection,
    document: DocumentId,
    (version, blob): (VersionId, BlobHash),
    now: Timestamp,
) -> Result<()> {
    sql("UPDATE documents SET newest = ?, blob = ?, updated_at = ? WHERE id = ?")
        .bind(version)
        .bind(blob)
        .bind(now)
        .bind(document)
        .run(conn)
        .await
        .map(|_| ())
}

/// Notes that a document changed.
pub(super) async fn touch(
    conn: &mut SqliteConnection,
    document: DocumentId,
    now: Timestamp,
) -> Result<()> {
    sql("UPDATE documents SET updated_at = ? WHERE id = ?")
        .bind(now)
        .bind(document)
        .run(conn)
        .await
        .map(|_| ())
}

async fn job_of(conn: &mut SqliteConnection, version: VersionId) -> Result<Option<JobId>> {
    let row = sql("SELECT id FROM jobs WHERE version = ?").bind(version).maybe(conn).await?;
    row.map(|row| row.col("id")).transpose()
}

/// What a list's `q` is compared with.
pub(super) fn folded(title: &str, source: &str) -> String {
    fold(&format!("{title}\n{source}"))
}

/// The last step of a path.
pub(super) fn file_name(source: &str) -> &str {
    let trimmed = source.trim_end_matches(['/', '\\']);
    trimmed.rsplit(['/', '\\']).next().filter(|name| !name.is_empty()).unwrap_or(source)
}
