//! Documents inside documents: staged with the version that they lie in, and settled in the transaction that makes it
//! answer.
//!
//! A part is a document like any other, with a job of its own, and knows the document that it came out of. Its name in
//! there is what it is known by: under the same name, the same bytes are left alone, other bytes are a new version, and
//! what is there no more is deleted.

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnection;

use super::accept::{Original, file_name, folded, replace};
use super::document_rows::{Target, media_type, target};
use super::edits::delete_with_parts;
use super::jobs::Held;
use super::sql::{Columns as _, hex_list, sql, to_json};
use super::staging::{Cleared, unpublished};
use super::sweep::note_orphan;
use super::{Lane, SqliteStore};
use crate::context::{Context, ReadSet};
use crate::error::Result;
use crate::traits::StagedPart;
use crate::types::{
    BlobHash, DocumentId, DocumentStatus, JobId, Lease, MediaType, Metadata, Timestamp, VersionId,
};

/// Parts in one request: about a millisecond.
const PARTS_PER_REQUEST: usize = 200;
/// Rows that one request removes.
const PARTS_PER_REMOVAL: u32 = 200;
/// What a part's row and its index entries take in the log beside its name.
const ROW_BYTES: usize = 200;

/// See [`JobStore::stage_parts`](crate::traits::JobStore::stage_parts).
pub(super) async fn stage(
    store: &SqliteStore,
    ctx: &Context,
    lease: &Lease,
    parts: Vec<StagedPart>,
) -> Result<()> {
    for some in parts.chunks(PARTS_PER_REQUEST) {
        ctx.check()?;
        let rows = some.iter().map(row).collect::<Vec<_>>();
        let n_bytes: usize = some.iter().map(|part| part.name.len() + ROW_BYTES).sum();
        store.writer.note_bytes(u64::try_from(n_bytes).unwrap_or_default());
        let lease = lease.clone();
        let write = store.writer.write(Lane::Bulk, move |conn| {
            Box::pin(async move {
                let held = unpublished(conn, &lease).await?;
                insert(conn, &held, &to_json(&rows)?).await
            })
        });
        write.await?;
    }
    Ok(())
}

fn row(part: &StagedPart) -> Value {
    let declared = part.declared.as_ref().map(MediaType::as_str);
    json!([part.name, declared, part.blob.to_string(), part.size_bytes])
}

async fn insert(conn: &mut SqliteConnection, held: &Held, rows: &str) -> Result<()> {
    sql("INSERT INTO parts (version, ordinal, name, declared, blob, size_bytes)
         SELECT ?1, j.key + (SELECT count(*) FROM parts WHERE version = ?1), j.value ->> 0, j.value ->> 1,
            unhex(j.value ->> 2), j.value ->> 3
         FROM json_each(?2) j")
    .bind(held.version)
    .bind(rows)
    .run(conn)
    .await
    .map(|_| ())
}

/// Removes some of what was staged for a version, or lay in it, and names the originals that nobody needs then.
pub(super) async fn clear_some(
    conn: &mut SqliteConnection,
    version: VersionId,
    now: Timestamp,
) -> Result<Cleared> {
    let rows = sql("DELETE FROM parts WHERE version = ?1 AND ordinal IN
            (SELECT ordinal FROM parts WHERE version = ?1 LIMIT ?2) RETURNING blob")
    .bind(version)
    .bind(PARTS_PER_REMOVAL)
    .all(conn)
    .await?;
    for row in &rows {
        note_orphan(conn, row.col("blob")?, now).await?;
    }
    let n_rows = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    Ok(Cleared { n_rows: u64::from(n_rows), all: n_rows < PARTS_PER_REMOVAL })
}

/// Makes the documents inside `document` those that lie in `version`.
pub(super) async fn settle(
    conn: &mut SqliteConnection,
    (document, version): (DocumentId, VersionId),
    now: Timestamp,
) -> Result<()> {
    let any = sql("SELECT EXISTS (SELECT 1 FROM parts WHERE version = ?1) OR EXISTS
            (SELECT 1 FROM documents WHERE parent = ?2 AND deleted_at IS NULL) AS found")
    .bind(version)
    .bind(document)
    .one(conn)
    .await?;
    if !any.col::<bool>("found")? {
        return Ok(());
    }
    drop_gone(conn, (document, version), now).await?;
    let row = sql("SELECT source FROM documents WHERE id = ?").bind(document).one(conn).await?;
    let around: String = row.col("source")?;
    renew_changed(conn, (document, version), &around, now).await?;
    add_new(conn, (document, version), &around, now).await
}

async fn drop_gone(
    conn: &mut SqliteConnection,
    (document, version): (DocumentId, VersionId),
    now: Timestamp,
) -> Result<()> {
    let rows = sql("SELECT id FROM documents WHERE parent = ? AND deleted_at IS NULL
           AND part_name NOT IN (SELECT name FROM parts WHERE version = ?)")
    .bind(document)
    .bind(version)
    .all(conn)
    .await?;
    let gone: Vec<DocumentId> = rows.iter().map(|row| row.col("id")).collect::<Result<_>>()?;
    delete_with_parts(conn, &gone, now).await
}

async fn renew_changed(
    conn: &mut SqliteConnection,
    (document, version): (DocumentId, VersionId),
    around: &str,
    now: Timestamp,
) -> Result<()> {
    let rows = sql("SELECT d.id, d.live, d.newest, n.state, p.name, p.declared, p.blob, p.size_bytes
         FROM parts p JOIN documents d ON d.parent = ?1 AND d.part_name = p.name AND d.deleted_at IS NULL
         JOIN versions n ON n.id = d.newest
         WHERE p.version = ?2 AND d.blob <> p.blob ORDER BY p.ordinal")
    .bind(document)
    .bind(version)
    .all(conn)
    .await?;
    for row in rows {
        let target = Target {
            id: row.col("id")?,
            live: row.col("live")?,
            newest: row.col("newest")?,
            state: row.named("state", DocumentStatus::from_name)?,
            parent: Some(document),
        };
        let declared = row.col::<Option<String>>("declared")?.map(media_type);
        let original = Original {
            source: &source(around, &row.col::<String>("name")?),
            declared: declared.as_ref(),
            blob: row.col("blob")?,
            size_bytes: row.col("size_bytes")?,
        };
        replace(conn, &target, &original, now).await?;
    }
    Ok(())
}

/// Three statements, however many there are: publishing is to stay a small transaction.
async fn add_new(
    conn: &mut SqliteConnection,
    (document, version): (DocumentId, VersionId),
    around: &str,
    now: Timestamp,
) -> Result<()> {
    let rows = sql("SELECT ordinal, name FROM parts WHERE version = ? AND name NOT IN
            (SELECT part_name FROM documents WHERE parent = ? AND deleted_at IS NULL) ORDER BY ordinal")
    .bind(version)
    .bind(document)
    .all(conn)
    .await?;
    if rows.is_empty() {
        return Ok(());
    }
    let fresh = rows.iter().map(|row| {
        let source = source(around, &row.col::<String>("name")?);
        let title = file_name(&source);
        let (id, version, job) = (DocumentId::new(), VersionId::new(), JobId::new());
        let ids =
            [id.to_string(), version.to_string(), job.to_string()].map(|id| id.replace('-', ""));
        let ordinal: i64 = row.col("ordinal")?;
        Ok(json!([ordinal, ids[0], ids[1], ids[2], title, folded(title, &source), source]))
    });
    let fresh = to_json(&fresh.collect::<Result<Vec<Value>>>()?)?;
    for statement in INSERT_NEW {
        sql(statement)
            .bind(fresh.as_str())
            .bind(version)
            .bind(document)
            .bind(now)
            .run(conn)
            .await?;
    }
    Ok(())
}

/// ?1 has a row for each: ordinal, the ids of document, version and job, title, what a list compares, source.
const INSERT_NEW: [&str; 4] = [
    "INSERT INTO documents (id, collection, title, source, folded, host_metadata, metadata, newest, blob, created_by,
        created_at, updated_at, parent, root, part_name, depth)
     SELECT unhex(j.value ->> 1), d.collection, j.value ->> 4, j.value ->> 6, j.value ->> 5, d.host_metadata,
        d.host_metadata, unhex(j.value ->> 2), p.blob, d.created_by, ?4, ?4, d.id, coalesce(d.root, d.id), p.name,
        d.depth + 1
     FROM json_each(?1) j CROSS JOIN parts p ON p.version = ?2 AND p.ordinal = j.value ->> 0
     CROSS JOIN documents d ON d.id = ?3 ORDER BY j.key",
    "INSERT INTO versions (id, document, number, source, declared, media_type, blob, size_bytes, state, created_at)
     SELECT unhex(j.value ->> 2), unhex(j.value ->> 1), 1, j.value ->> 6, p.declared,
        coalesce(p.declared, 'application/octet-stream'), p.blob, p.size_bytes, 'queued', ?4
     FROM json_each(?1) j CROSS JOIN parts p ON p.version = ?2 AND p.ordinal = j.value ->> 0 WHERE ?3 IS NOT NULL",
    "INSERT INTO jobs (id, document, version, due_at)
     SELECT unhex(j.value ->> 3), unhex(j.value ->> 1), unhex(j.value ->> 2), ?4
     FROM json_each(?1) j WHERE ?2 IS NOT NULL AND ?3 IS NOT NULL ORDER BY j.key",
    "UPDATE collections SET document_count = document_count + (SELECT count(*) FROM json_each(?1))
     WHERE ?2 IS NOT NULL AND ?4 IS NOT NULL AND id = (SELECT collection FROM documents WHERE id = ?3)",
];

/// What a part is called that lies in something called `around`.
fn source(around: &str, name: &str) -> String {
    format!("{around}/{name}")
}

/// The documents and everything inside them, at whatever depth.
pub(super) async fn with_parts(
    conn: &mut SqliteConnection,
    documents: &[DocumentId],
) -> Result<Vec<DocumentId>> {
    let rows = sql("WITH RECURSIVE inside (id) AS (
            SELECT unhex(value) FROM json_each(?)
            UNION SELECT d.id FROM inside JOIN documents d ON d.parent = inside.id AND d.deleted_at IS NULL)
         SELECT id FROM inside")
    .bind(hex_list(documents.iter().map(DocumentId::as_bytes)))
    .all(conn)
    .await?;
    rows.iter().map(|row| row.col("id")).collect()
}

/// See [`DocumentStore::parts_of`](crate::traits::DocumentStore::parts_of).
pub(super) async fn inside(
    conn: &mut SqliteConnection,
    read_set: &ReadSet,
    id: DocumentId,
) -> Result<Vec<DocumentId>> {
    target(conn, read_set, id).await?;
    let mut found = with_parts(conn, &[id]).await?;
    found.retain(|part| *part != id);
    Ok(found)
}

/// See [`JobStore::n_parts_around`](crate::traits::JobStore::n_parts_around).
pub(super) async fn n_around(conn: &mut SqliteConnection, document: DocumentId) -> Result<u32> {
    sql("SELECT count(*) AS n FROM documents d
         WHERE d.root = (SELECT coalesce(root, id) FROM documents WHERE id = ?1) AND d.deleted_at IS NULL
           AND d.parent <> ?1")
    .bind(document)
    .one(conn)
    .await?
    .col("n")
}

/// Takes a part that is deleted alone off the lists of what lies around it, so that its original goes as well, and a
/// version that answers again does not bring it back.
pub(super) async fn forget(
    conn: &mut SqliteConnection,
    part: DocumentId,
    now: Timestamp,
) -> Result<()> {
    let rows =
        sql("DELETE FROM parts WHERE (version, name) IN (SELECT v.id, d.part_name FROM documents d
            JOIN versions v ON v.document = d.parent WHERE d.id = ?) RETURNING blob")
        .bind(part)
        .all(conn)
        .await?;
    for row in rows {
        note_orphan(conn, row.col::<BlobHash>("blob")?, now).await?;
    }
    Ok(())
}

/// Gives what lies inside a document the same facts of the host's, where it had the same before.
pub(super) async fn share_metadata(
    conn: &mut SqliteConnection,
    document: DocumentId,
    (before, after): (&Metadata, &Metadata),
    now: Timestamp,
) -> Result<()> {
    let mut inside = with_parts(conn, &[document]).await?;
    inside.retain(|part| *part != document);
    if inside.is_empty() {
        return Ok(());
    }
    sql("UPDATE documents SET host_metadata = ?1, metadata = ?1, updated_at = ?2
         WHERE host_metadata = ?3 AND id IN (SELECT unhex(value) FROM json_each(?4))")
    .bind(to_json(after)?)
    .bind(now)
    .bind(to_json(before)?)
    .bind(hex_list(inside.iter().map(DocumentId::as_bytes)))
    .run(conn)
    .await
    .map(|_| ())
}
