//! What becomes of versions once another one answers: how they differ, how many can answer again, and the way back.
//!
//! A replaced version keeps its chunks, and with them their vectors, and its original, for as long as it is among the
//! last few; so going back to it is one small transaction, in which nothing is read or embedded again.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::accept::{folded, set_newest};
use super::document_rows::{Target, by_id, target};
use super::edits::{discard, end_work};
use super::publish::{merged, write_change};
use super::sql::{Columns as _, sql, to_json};
use super::{Lane, SqliteStore, embeddings, parts};
use crate::context::ReadSet;
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Document, DocumentId, DocumentStatus, Timestamp, VersionChanges, VersionId};

/// How a version that is about to be published differs from the one that answers: counted before the write that needs
/// it, which drops it where another one answers by then.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    from: VersionId,
    changes: VersionChanges,
}

/// Looks in a snapshot, so that publishing stays one small transaction. `None` where no version answers yet.
pub(super) async fn difference(
    store: &SqliteStore,
    version: VersionId,
) -> Result<Option<Difference>> {
    let mut tx = store.snapshot().await?;
    let row = sql("SELECT l.id, l.number FROM versions v JOIN documents d ON d.id = v.document
         JOIN versions l ON l.id = d.live WHERE v.id = ?")
    .bind(version)
    .maybe(&mut tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let from: VersionId = row.col("id")?;
    let n = sql("SELECT (SELECT count(*) FROM chunks WHERE version = ?1) AS n_new,
            (SELECT count(*) FROM chunks WHERE version = ?1
                AND hash IN (SELECT hash FROM chunks WHERE version = ?2)) AS n_kept,
            (SELECT count(*) FROM chunks WHERE version = ?2
                AND hash NOT IN (SELECT hash FROM chunks WHERE version = ?1)) AS n_removed")
    .bind(version)
    .bind(from)
    .one(&mut tx)
    .await?;
    let kept: u32 = n.col("n_kept")?;
    let changes = VersionChanges {
        since_version: row.col("number")?,
        kept,
        added: n.col::<u32>("n_new")?.saturating_sub(kept),
        removed: n.col("n_removed")?,
    };
    Ok(Some(Difference { from, changes }))
}

/// Keeps how the version differs from the one that it `replaced`.
pub(super) async fn note_difference(
    conn: &mut SqliteConnection,
    version: VersionId,
    (difference, replaced): (Option<Difference>, Option<VersionId>),
) -> Result<()> {
    let Some(Difference { changes, .. }) = difference.filter(|d| Some(d.from) == replaced) else {
        return Ok(());
    };
    sql("UPDATE versions SET compared_to = ?, n_kept = ?, n_added = ?, n_removed = ? WHERE id = ?")
        .bind(changes.since_version)
        .bind(changes.kept)
        .bind(changes.added)
        .bind(changes.removed)
        .bind(version)
        .run(conn)
        .await
        .map(|_| ())
}

/// How the version of a row differs from the one before it.
pub(super) fn changes_of(row: &SqliteRow) -> Result<Option<VersionChanges>> {
    let Some(since_version) = row.col("compared_to")? else { return Ok(None) };
    Ok(Some(VersionChanges {
        since_version,
        kept: row.col("n_kept")?,
        added: row.col("n_added")?,
        removed: row.col("n_removed")?,
    }))
}

/// See [`DocumentStore::keep_versions`](crate::traits::DocumentStore::keep_versions).
pub(super) async fn keep(store: &SqliteStore, n: u32) -> Result<()> {
    let keep = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            if kept(conn).await? == n {
                return Ok(());
            }
            sql("INSERT OR REPLACE INTO meta (name, value) VALUES ('keep_versions', ?)")
                .bind(n)
                .run(conn)
                .await?;
            // One entry for each document that has more: the sweep looks at all versions of it.
            sql("INSERT INTO garbage (kind, id) SELECT 'version', min(v.id)
                 FROM versions v JOIN documents d ON d.id = v.document AND d.deleted_at IS NULL
                 WHERE v.published_seq IS NOT NULL AND v.swept_at IS NULL AND v.id IS NOT d.live
                 GROUP BY v.document HAVING count(*) > ?")
            .bind(n)
            .run(conn)
            .await
            .map(|_| ())
        })
    });
    keep.await
}

async fn kept(conn: &mut SqliteConnection) -> Result<u32> {
    let row = sql("SELECT value FROM meta WHERE name = 'keep_versions'").maybe(conn).await?;
    row.map_or(Ok(0), |row| row.col("value"))
}

/// The version of the document that answered longest ago and is one too many; `None` where none is.
pub(super) async fn one_too_many(
    conn: &mut SqliteConnection,
    document: DocumentId,
) -> Result<Option<SqliteRow>> {
    let kept = kept(conn).await?;
    sql("SELECT v.id, v.blob FROM versions v JOIN documents d ON d.id = v.document
         WHERE v.document = ?1 AND v.published_seq IS NOT NULL AND v.swept_at IS NULL AND v.id IS NOT d.live
           AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.version = v.id)
         ORDER BY v.published_seq DESC LIMIT 1 OFFSET ?2")
    .bind(document)
    .bind(kept)
    .maybe(conn)
    .await
}

/// See [`DocumentStore::restore_version`](crate::traits::DocumentStore::restore_version).
pub(super) async fn restore(
    store: &SqliteStore,
    read_set: &ReadSet,
    id: DocumentId,
    number: u32,
) -> Result<Document> {
    let wanted = sql("SELECT id FROM versions WHERE document = ? AND number = ?")
        .bind(id)
        .bind(number)
        .maybe(&mut *store.snapshot().await?)
        .await?;
    let known = match wanted {
        Some(row) => embeddings::known(store, row.col("id")?).await?,
        None => None,
    };
    let (read_set, now) = (read_set.clone(), store.now());
    let restore = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            let target = target(conn, &read_set, id).await?;
            let version = restorable(conn, &target, number).await?;
            end_work(conn, &target, DocumentStatus::Cancelled, now).await?;
            if target.live == Some(version) {
                // What was to replace it is given up: it is the newest again.
                point_to(conn, &target, version, now).await?;
            } else {
                flip(conn, &target, version, now).await?;
                embeddings::publish(conn, (version, target.live), known, now).await?;
            }
            by_id(conn, id).await
        })
    });
    restore.await
}

/// The version with this number, which must have answered and have all its passages.
async fn restorable(
    conn: &mut SqliteConnection,
    target: &Target,
    number: u32,
) -> Result<VersionId> {
    let row = sql("SELECT v.id, v.swept_at IS NULL
                AND v.chunk_count = (SELECT count(*) FROM chunks c WHERE c.version = v.id) AS whole
         FROM versions v WHERE v.document = ? AND v.number = ? AND v.published_seq IS NOT NULL")
    .bind(target.id)
    .bind(number)
    .maybe(conn)
    .await?
    .ok_or_else(|| Error::not_found("document version"))?;
    if !row.col::<bool>("whole")? {
        return Err(Error::new(
            ErrorKind::Conflict,
            "The passages of this version are gone: only the last few that were replaced are kept. Upload it again.",
        ));
    }
    row.col("id")
}

/// Makes the version live, as a new change.
async fn flip(
    conn: &mut SqliteConnection,
    target: &Target,
    version: VersionId,
    now: Timestamp,
) -> Result<()> {
    let seq = write_change(conn, (target.id, version), now).await?;
    sql("UPDATE versions SET published_seq = ?, state = 'ready' WHERE id = ?")
        .bind(seq)
        .bind(version)
        .run(conn)
        .await?;
    point_to(conn, target, version, now).await?;
    let row = sql("SELECT v.source, v.metadata, d.host_metadata, d.metadata AS shown,
            coalesce(d.title_host, v.title, d.title) AS title
         FROM versions v JOIN documents d ON d.id = v.document WHERE v.id = ?")
    .bind(version)
    .one(conn)
    .await?;
    let (title, source): (String, String) = (row.col("title")?, row.col("source")?);
    let metadata = match row.maybe_json("metadata")? {
        Some(format) => merged(format, row.json("host_metadata")?),
        None => row.json("shown")?,
    };
    sql("UPDATE documents SET live = ?, title = ?, folded = ?, source = ?, metadata = ? WHERE id = ?")
        .bind(version)
        .bind(title.as_str())
        .bind(folded(&title, &source))
        .bind(source.as_str())
        .bind(to_json(&metadata)?)
        .bind(target.id)
        .run(conn)
        .await?;
    parts::settle(conn, (target.id, version), now).await?;
    match target.live {
        Some(replaced) => discard(conn, replaced).await,
        None => Ok(()),
    }
}

async fn point_to(
    conn: &mut SqliteConnection,
    target: &Target,
    version: VersionId,
    now: Timestamp,
) -> Result<()> {
    let row = sql("SELECT blob FROM versions WHERE id = ?").bind(version).one(conn).await?;
    set_newest(conn, target.id, (version, row.col("blob")?), now).await
}
