//! Documents as they are read. A document's status is derived: it is ready from its first answer on, whatever happens to
//! later versions; until then it stands where its newest version stands.

use std::collections::HashSet;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::cursor;
use super::error::fault;
use super::fold::fold;
use super::history::changes_of;
use super::sql::{Columns as _, Sql, sql};
use crate::context::ReadSet;
use crate::error::{Error, ErrorKind, Result};
use crate::types::{
    Coverage, Document, DocumentId, DocumentStatus, DocumentVersion, Filter, ListDocuments,
    MediaType, Metadata, Page, PageRequest, PrincipalId, Stage, VersionId,
};

/// Up to how many collections are asked one by one for a page of the list.
const MAX_LISTED_IDS: usize = 64;

macro_rules! select_documents {
    ($($tail:literal),+) => {
        concat!(
            "SELECT d.seq, d.id, d.collection, d.title, d.source, d.metadata, d.ready_at, d.created_by,
                    d.created_at, d.updated_at, d.parent,
                    (SELECT count(*) FROM documents p WHERE p.parent = d.id AND p.deleted_at IS NULL) AS part_count,
                    s.number, s.media_type, s.size_bytes, s.blob, s.warnings, s.chunk_count, s.page_count,
                    s.language, s.dense, s.dense_failure, n.state, n.stage, n.progress, n.failure
             FROM documents d
             JOIN versions s ON s.id = coalesce(d.live, d.newest)
             JOIN versions n ON n.id = d.newest
             WHERE d.deleted_at IS NULL AND ",
            $($tail),+
        )
    };
}

macro_rules! list_documents {
    ($where:literal) => {
        select_documents!(
            $where,
            " AND d.seq < ?1
              AND (?2 IS NULL OR CASE WHEN d.ready_at IS NULL THEN n.state ELSE 'ready' END = ?2)
              AND (?3 IS NULL OR instr(d.folded, ?3) > 0)
              ORDER BY d.seq DESC LIMIT ?4"
        )
    };
}

/// The error for a document that is not there for this caller.
pub(super) fn no_document() -> Error {
    Error::not_found("document")
}

/// A document that is not deleted, whoever may read it.
pub(super) async fn by_id(conn: &mut SqliteConnection, id: DocumentId) -> Result<Document> {
    let row = sql(select_documents!("d.id = ?")).bind(id).maybe(conn).await?;
    document_of(&row.ok_or_else(no_document)?)
}

fn document_of(row: &SqliteRow) -> Result<Document> {
    let made = row.named("state", DocumentStatus::from_name)?;
    let ready = row.col::<Option<i64>>("ready_at")?.is_some();
    let status = if ready { DocumentStatus::Ready } else { made };
    let failure = row.maybe_json("failure")?.filter(|_| made == DocumentStatus::Failed);
    let coverage = coverage(ready, row.col("dense")?);
    let refused = row.maybe_json("dense_failure")?.filter(|_| ready);
    let learning = ready && made.is_final() && coverage.dense < 1.0 && refused.is_none();
    let said = row.col::<Option<String>>("stage")?;
    Ok(Document {
        id: row.col("id")?,
        collection_id: row.col("collection")?,
        title: row.col("title")?,
        source: row.col("source")?,
        media_type: media_type(row.col("media_type")?),
        size_bytes: row.col("size_bytes")?,
        sha256: row.col("blob")?,
        status,
        stage: if learning { Some(Stage::Embedding) } else { stage(said.as_deref(), made, ready) },
        progress: if learning { coverage.dense } else { row.col("progress")? },
        coverage,
        error: failure.or(refused),
        warnings: row.json("warnings")?,
        version: row.col("number")?,
        chunk_count: row.col("chunk_count")?,
        page_count: row.col("page_count")?,
        language: row.col("language")?,
        metadata: row.json("metadata")?,
        duplicate: false,
        parent_id: row.col("parent")?,
        part_count: row.col("part_count")?,
        created_by: PrincipalId::new(row.col::<String>("created_by")?),
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

/// What is being done. A version that was begun is read first, and so will be one that waits to replace an answering one.
fn stage(said: Option<&str>, made: DocumentStatus, ready: bool) -> Option<Stage> {
    let begun = match made {
        DocumentStatus::Processing => true,
        DocumentStatus::Queued => ready,
        DocumentStatus::Ready
        | DocumentStatus::Failed
        | DocumentStatus::Cancelled
        | DocumentStatus::Deleting => false,
    };
    said.and_then(Stage::from_name).or(begun.then_some(Stage::Parsing))
}

/// What is ready answers by all its words; how far it answers by meaning is the version's share of vectors.
fn coverage(ready: bool, dense: f32) -> Coverage {
    if ready { Coverage { lexical: 1.0, dense } } else { Coverage::default() }
}

/// A media type that was stored.
pub(super) fn media_type(name: String) -> MediaType {
    MediaType::parse(&name).unwrap_or(MediaType::UNKNOWN)
}

/// A page of the list, newest first.
pub(super) async fn list_page(
    conn: &mut SqliteConnection,
    read_set: &ReadSet,
    list: &ListDocuments,
    page: &PageRequest,
) -> Result<Page<Document>> {
    let wanted = match list.collection_id {
        Some(collection) => read_set.narrowed(&[collection]),
        None => read_set.clone(),
    };
    let limit = cursor::limit(page);
    let mut before = cursor::numbers::<1>(page)?.map_or(i64::MAX, |[seq]| seq);
    let mut items: Vec<(i64, Document)> = Vec::new();
    while !wanted.is_empty() && items.len() <= limit {
        let rows = list_rows(conn, &wanted, list, (before, limit + 1)).await?;
        for row in &rows {
            before = row.col("seq")?;
            if wanted.contains(row.col("collection")?) {
                items.push((before, document_of(row)?));
            }
        }
        if rows.len() <= limit {
            break;
        }
    }
    let page = cursor::page_of(items, page, |(seq, _)| cursor::of_numbers(&[*seq]));
    Ok(page.map(|(_, document)| document))
}

/// The next rows of the list. Of many collections the whole list is walked, and the caller leaves out what is of others;
/// of few, each gives its next rows, of which the newest are taken.
async fn list_rows(
    conn: &mut SqliteConnection,
    wanted: &ReadSet,
    list: &ListDocuments,
    (before, limit): (i64, usize),
) -> Result<Vec<SqliteRow>> {
    if let Some(parent) = list.parent_id {
        let some = bound(sql(list_documents!("d.parent = ?5")), list, (before, limit));
        return some.bind(parent).all(conn).await;
    }
    if wanted.collections().len() > MAX_LISTED_IDS {
        return bound(sql(list_documents!("?5 IS NULL")), list, (before, limit))
            .bind(None::<i64>)
            .all(conn)
            .await;
    }
    let mut rows = Vec::new();
    for collection in wanted.collections() {
        let some = bound(sql(list_documents!("d.collection = ?5")), list, (before, limit));
        for row in some.bind(collection).all(conn).await? {
            rows.push((row.col::<i64>("seq")?, row));
        }
    }
    rows.sort_unstable_by_key(|(seq, _)| std::cmp::Reverse(*seq));
    rows.truncate(limit);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

fn bound(statement: Sql, list: &ListDocuments, (before, limit): (i64, usize)) -> Sql {
    statement
        .bind(before)
        .bind(list.status.map(DocumentStatus::as_str))
        .bind(list.q.as_deref().map(fold))
        .bind(limit)
}

/// The readable documents that answer and meet the filter.
pub(super) async fn matching(
    conn: &mut SqliteConnection,
    read_set: &ReadSet,
    filter: &Filter,
) -> Result<HashSet<DocumentId>> {
    let mut found = HashSet::new();
    let mut rows = sqlx::query(
        "SELECT id, collection, metadata FROM documents WHERE live IS NOT NULL AND deleted_at IS NULL",
    )
    .fetch(conn);
    while let Some(row) = rows.try_next().await.map_err(fault)? {
        let readable = read_set.contains(row.col("collection")?);
        if readable && filter.matches(&row.json::<Metadata>("metadata")?) {
            found.insert(row.col("id")?);
        }
    }
    Ok(found)
}

/// Where a document stands, for whoever is about to change it.
pub(super) struct Target {
    pub(super) id: DocumentId,
    pub(super) live: Option<VersionId>,
    pub(super) newest: VersionId,
    /// Where the newest version stands.
    pub(super) state: DocumentStatus,
    /// The document that it came out of.
    pub(super) parent: Option<DocumentId>,
}

impl Target {
    /// Whether something is being done to the document.
    pub(super) fn is_worked_on(&self) -> bool {
        matches!(self.state, DocumentStatus::Queued | DocumentStatus::Processing)
    }
}

/// The document, where the caller may read it.
pub(super) async fn target(
    conn: &mut SqliteConnection,
    read_set: &ReadSet,
    id: DocumentId,
) -> Result<Target> {
    let row = sql("SELECT d.collection, d.live, d.newest, d.parent, n.state FROM documents d
         JOIN versions n ON n.id = d.newest WHERE d.id = ? AND d.deleted_at IS NULL")
    .bind(id)
    .maybe(conn)
    .await?
    .ok_or_else(no_document)?;
    if !read_set.contains(row.col("collection")?) {
        return Err(no_document());
    }
    Ok(Target {
        id,
        live: row.col("live")?,
        newest: row.col("newest")?,
        state: row.named("state", DocumentStatus::from_name)?,
        parent: row.col("parent")?,
    })
}

/// The version that answers and the length of its text. Only that one can be read: a replaced one is about to be
/// removed, and one that is being made may be half there.
pub(super) async fn live_version(
    conn: &mut SqliteConnection,
    read_set: &ReadSet,
    id: DocumentId,
    number: Option<u32>,
) -> Result<(VersionId, usize)> {
    let row = sql("SELECT d.collection, v.id, v.number, v.text_bytes FROM documents d
         JOIN versions v ON v.id = d.live WHERE d.id = ? AND d.deleted_at IS NULL")
    .bind(id)
    .maybe(conn)
    .await?
    .ok_or_else(no_document)?;
    let readable = read_set.contains(row.col("collection")?);
    let same = number.is_none_or(|number| row.col::<u32>("number").is_ok_and(|n| n == number));
    if !readable {
        return Err(no_document());
    }
    if !same {
        return Err(Error::new(
            ErrorKind::NotFound,
            "Only the version that answers has passages; of one that has answered, the text is kept.",
        ));
    }
    Ok((row.col("id")?, row.col("text_bytes")?))
}

/// The version with this number that answers or has answered, and the length of its text; the live one where none is
/// named.
pub(super) async fn quotable_version(
    conn: &mut SqliteConnection,
    read_set: &ReadSet,
    id: DocumentId,
    number: Option<u32>,
) -> Result<(VersionId, usize)> {
    let Some(number) = number else { return live_version(conn, read_set, id, None).await };
    target(conn, read_set, id).await?;
    let row = sql("SELECT id, text_bytes FROM versions
         WHERE document = ? AND number = ? AND published_seq IS NOT NULL")
    .bind(id)
    .bind(number)
    .maybe(conn)
    .await?
    .ok_or_else(|| Error::not_found("document version"))?;
    Ok((row.col("id")?, row.col("text_bytes")?))
}

/// A document's versions, newest first.
pub(super) async fn versions_of(
    conn: &mut SqliteConnection,
    read_set: &ReadSet,
    id: DocumentId,
) -> Result<Vec<DocumentVersion>> {
    let target = target(conn, read_set, id).await?;
    let rows = sql(
        "SELECT id, number, media_type, size_bytes, blob, chunk_count, created_at, published_at,
            published_seq IS NOT NULL AND swept_at IS NULL AS whole, compared_to, n_kept, n_added, n_removed
         FROM versions WHERE document = ? ORDER BY number DESC",
    )
    .bind(id)
    .all(conn)
    .await?;
    rows.iter().map(|row| version_of(row, target.live)).collect()
}

fn version_of(row: &SqliteRow, live: Option<VersionId>) -> Result<DocumentVersion> {
    let id: VersionId = row.col("id")?;
    Ok(DocumentVersion {
        id: Some(id),
        version: row.col("number")?,
        live: live == Some(id),
        media_type: media_type(row.col("media_type")?),
        size_bytes: row.col("size_bytes")?,
        sha256: row.col("blob")?,
        chunk_count: row.col("chunk_count")?,
        created_at: row.col("created_at")?,
        published_at: row.col("published_at")?,
        restorable: live != Some(id) && row.col("whole")?,
        changes: changes_of(row)?,
    })
}
