//! Removing what can never be read again, in steps that nobody notices.
//!
//! Whoever deletes or replaces something writes it into `garbage` in the same transaction; here it is taken apart from
//! the oldest on. A version that answers, or that somebody works on again, is left alone: the entry is void then. A
//! version that has answered keeps its text, because messages quote bytes of it: of such a one, `swept_at` says that its
//! chunks and its original are gone, as they are once too many others have answered since. Its text goes with the
//! document.
//! Originals that no version refers to any more are named until whoever swept comes back, which says that it has deleted
//! them; a process that dies in between is told again.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::history::one_too_many;
use super::messages::Details;
use super::scrub::note_removed;
use super::sql::{Columns as _, sql, to_json};
use super::staging::{Cleared, clear_chunks, clear_some};
use super::{Lane, SqliteStore, embeddings, parts, purge};
use crate::context::Context;
use crate::crash;
use crate::error::Result;
use crate::traits::Swept;
use crate::types::{BlobHash, DocumentId, SessionId, Timestamp, VersionId, redact_sources};

/// How long an idempotency key is remembered: a day, as providers of such keys promise.
const KEY_LIFE_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// Keys, and messages, that one step removes or changes.
const ROWS_PER_STEP: u32 = 100;
/// Originals named at once.
const MAX_ORPHANS: u32 = 100;
/// Unused pages from which on the file is cut, and how many are cut at once: 16 MiB and 1 MiB at 4 KiB.
const SPARE_PAGES: i64 = 4096;

/// See [`DocumentStore::sweep`](crate::traits::DocumentStore::sweep).
pub(super) async fn sweep(store: &SqliteStore, ctx: &Context, limit: u32) -> Result<Swept> {
    forget_reported(store).await?;
    let mut swept = Swept::default();
    let now = store.now();
    if !has_work(store, now).await? {
        return Ok(swept);
    }
    while swept.n_rows < u64::from(limit) {
        ctx.check()?;
        let step = store.writer.write(Lane::Bulk, move |conn| Box::pin(step(conn, now)));
        match step.await? {
            Some(n_rows) => {
                crash::point("sweep/step");
                swept.n_rows += n_rows;
            }
            None => return name_orphans(store, swept, now).await,
        }
    }
    Ok(swept)
}

/// See [`DocumentStore::note_unreferenced`](crate::traits::DocumentStore::note_unreferenced).
pub(super) async fn note_unreferenced(
    store: &SqliteStore,
    ctx: &Context,
    originals: Vec<BlobHash>,
) -> Result<()> {
    // Hardly ever is there one: who writes is not asked.
    let loose = ctx.run(unreferenced(store, &originals)).await?;
    if loose.is_empty() {
        return Ok(());
    }
    let now = store.now();
    let note = store.writer.write(Lane::Bulk, move |conn| {
        Box::pin(async move {
            for blob in loose {
                note_orphan(conn, blob, now).await?;
            }
            Ok(())
        })
    });
    note.await
}

async fn unreferenced(store: &SqliteStore, originals: &[BlobHash]) -> Result<Vec<BlobHash>> {
    let rows = sql("SELECT unhex(o.value) AS blob FROM json_each(?) o
         WHERE NOT EXISTS (SELECT 1 FROM versions WHERE blob = unhex(o.value) AND swept_at IS NULL)
           AND NOT EXISTS (SELECT 1 FROM parts WHERE blob = unhex(o.value))")
    .bind(to_json(originals)?)
    .all(&mut *store.snapshot().await?)
    .await?;
    rows.iter().map(|row| row.col("blob")).collect()
}

async fn name_orphans(store: &SqliteStore, mut swept: Swept, now: Timestamp) -> Result<Swept> {
    let find = store.writer.write(Lane::Bulk, move |conn| Box::pin(finish(conn, now)));
    let (n_rows, orphans) = find.await?;
    swept.n_rows += n_rows;
    swept.orphans = orphans;
    if let Ok(mut reported) = store.reported.lock() {
        reported.extend(swept.orphans.iter().copied());
    }
    Ok(swept)
}

async fn forget_reported(store: &SqliteStore) -> Result<()> {
    let reported: Vec<BlobHash> =
        store.reported.lock().map(|mut set| set.drain().collect()).unwrap_or_default();
    if reported.is_empty() {
        return Ok(());
    }
    let forget = store.writer.write(Lane::Bulk, move |conn| {
        Box::pin(async move {
            for blob in reported {
                sql("DELETE FROM orphans WHERE blob = ?").bind(blob).run(conn).await?;
            }
            Ok(())
        })
    });
    forget.await
}

async fn has_work(store: &SqliteStore, now: Timestamp) -> Result<bool> {
    sql("SELECT EXISTS (SELECT 1 FROM garbage) OR EXISTS (SELECT 1 FROM orphans)
            OR EXISTS (SELECT 1 FROM idempotency WHERE created_at < ?) AS found")
    .bind(now.plus_millis(-KEY_LIFE_MILLIS))
    .one(&mut *store.snapshot().await?)
    .await?
    .col("found")
}

/// Removes a little of the oldest garbage. `None` where there is none.
async fn step(conn: &mut SqliteConnection, now: Timestamp) -> Result<Option<u64>> {
    let row = sql("SELECT seq, kind, id FROM garbage ORDER BY seq LIMIT 1").maybe(conn).await?;
    let Some(row) = row else { return Ok(None) };
    let (n_rows, done) = match row.col::<String>("kind")?.as_str() {
        "version" => version_step(conn, row.col("id")?, now).await?,
        "document" => document_step(conn, row.col("id")?, now).await?,
        "purge" => purge::step(conn, row.col("id")?, now).await?,
        "session" => session_step(conn, row.col("id")?, now).await?,
        _ => collection_step(conn, &row).await?,
    };
    if done {
        let seq: i64 = row.col("seq")?;
        sql("DELETE FROM garbage WHERE seq = ?").bind(seq).run(conn).await?;
    }
    Ok(Some(n_rows + u64::from(done)))
}

/// What a step did: rows removed, and whether the entry is dealt with.
type Step = (u64, bool);

async fn version_step(
    conn: &mut SqliteConnection,
    version: VersionId,
    now: Timestamp,
) -> Result<Step> {
    let row = sql("SELECT v.blob, v.document, d.newest IS v.id AS newest,
            d.id IS NOT NULL AND v.published_seq IS NOT NULL AS quotable,
            EXISTS (SELECT 1 FROM jobs j WHERE j.version = v.id) AS worked_on
         FROM versions v LEFT JOIN documents d ON d.id = v.document AND d.deleted_at IS NULL WHERE v.id = ?")
    .bind(version)
    .maybe(conn)
    .await?;
    let Some(row) = row else { return Ok((0, true)) };
    if row.col("quotable")? {
        return replaced_step(conn, row.col("document")?, now).await;
    }
    if row.col("worked_on")? {
        return Ok((0, true));
    }
    let Cleared { n_rows, all } = clear_some(conn, version, now).await?;
    if n_rows > 0 {
        embeddings::note_loose(conn).await?;
    }
    if !all {
        return Ok((n_rows, false));
    }
    // The newest version keeps its original: it can be tried again from it.
    let swept_at = if row.col("newest")? { None } else { Some(now) };
    sql("UPDATE versions SET text_bytes = 0, swept_at = ? WHERE id = ?")
        .bind(swept_at)
        .bind(version)
        .run(conn)
        .await?;
    if swept_at.is_some() {
        note_orphan(conn, row.col("blob")?, now).await?;
    }
    Ok((n_rows, true))
}

/// Takes chunks and original of those versions of a document that are too many, and leaves their texts.
async fn replaced_step(
    conn: &mut SqliteConnection,
    document: DocumentId,
    now: Timestamp,
) -> Result<Step> {
    let Some(row) = one_too_many(conn, document).await? else { return Ok((0, true)) };
    let version: VersionId = row.col("id")?;
    let chunks = clear_chunks(conn, version).await?;
    let inside = parts::clear_some(conn, version, now).await?;
    let (n_rows, all) = (chunks.n_rows + inside.n_rows, chunks.all && inside.all);
    if chunks.n_rows > 0 {
        embeddings::note_loose(conn).await?;
    }
    if all {
        sql("UPDATE versions SET swept_at = ? WHERE id = ?")
            .bind(now)
            .bind(version)
            .run(conn)
            .await?;
        note_orphan(conn, row.col("blob")?, now).await?;
    }
    Ok((n_rows, false))
}

/// Names an original that nobody refers to: no version, and no list of what lies inside one.
pub(super) async fn note_orphan(
    conn: &mut SqliteConnection,
    blob: BlobHash,
    now: Timestamp,
) -> Result<()> {
    sql("INSERT OR IGNORE INTO orphans (blob, noted_at) SELECT ?1, ?2
         WHERE NOT EXISTS (SELECT 1 FROM versions WHERE blob = ?1 AND swept_at IS NULL)
           AND NOT EXISTS (SELECT 1 FROM parts WHERE blob = ?1)")
    .bind(blob)
    .bind(now)
    .run(conn)
    .await
    .map(|_| ())
}

async fn document_step(
    conn: &mut SqliteConnection,
    document: DocumentId,
    now: Timestamp,
) -> Result<Step> {
    let version = sql("SELECT id, blob FROM versions WHERE document = ? LIMIT 1")
        .bind(document)
        .maybe(conn)
        .await?;
    if let Some(version) = version {
        let id: VersionId = version.col("id")?;
        let Cleared { n_rows, all } = clear_some(conn, id, now).await?;
        if n_rows > 0 {
            embeddings::note_loose(conn).await?;
        }
        if !all {
            return Ok((n_rows, false));
        }
        sql("DELETE FROM versions WHERE id = ?").bind(id).run(conn).await?;
        note_orphan(conn, version.col("blob")?, now).await?;
        return Ok((n_rows + 1, false));
    }
    let n_rows = redact_some(conn, document).await?;
    if n_rows > 0 {
        return Ok((n_rows, false));
    }
    let n_rows = sql("DELETE FROM documents WHERE id = ?").bind(document).run(conn).await?;
    note_removed(conn, now).await?;
    Ok((n_rows, true))
}

/// Takes a deleted document's text out of messages for good, and what they say out of the search.
async fn redact_some(conn: &mut SqliteConnection, document: DocumentId) -> Result<u64> {
    let rows =
        sql("SELECT m.seq, m.details FROM message_documents t JOIN messages m ON m.seq = t.message
         WHERE t.document = ? LIMIT ?")
        .bind(document)
        .bind(ROWS_PER_STEP)
        .all(conn)
        .await?;
    for row in &rows {
        let (seq, mut details): (i64, Details) = (row.col("seq")?, row.json("details")?);
        redact_sources(&mut details.sources, &mut details.citations, |id| id == document);
        sql("UPDATE messages SET details = ? WHERE seq = ?")
            .bind(to_json(&details)?)
            .bind(seq)
            .run(conn)
            .await?;
        sql("DELETE FROM message_search WHERE message = ?").bind(seq).run(conn).await?;
        sql("DELETE FROM message_documents WHERE document = ? AND message = ?")
            .bind(document)
            .bind(seq)
            .run(conn)
            .await?;
    }
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}

async fn session_step(
    conn: &mut SqliteConnection,
    session: SessionId,
    now: Timestamp,
) -> Result<Step> {
    let rows = sql("SELECT seq FROM messages WHERE session = ? LIMIT ?")
        .bind(session)
        .bind(ROWS_PER_STEP)
        .all(conn)
        .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.col("seq")).collect::<Result<_>>()?;
    if ids.is_empty() {
        let n_rows = sql("DELETE FROM sessions WHERE id = ?").bind(session).run(conn).await?;
        note_removed(conn, now).await?;
        return Ok((n_rows, true));
    }
    let list = to_json(&ids)?;
    for statement in [
        "DELETE FROM message_search WHERE message IN (SELECT value FROM json_each(?))",
        "DELETE FROM message_documents WHERE message IN (SELECT value FROM json_each(?))",
        "DELETE FROM feedback WHERE message IN (SELECT value FROM json_each(?))",
        "DELETE FROM messages WHERE seq IN (SELECT value FROM json_each(?))",
    ] {
        sql(statement).bind(list.as_str()).run(conn).await?;
    }
    Ok((u64::try_from(ids.len()).unwrap_or(u64::MAX), false))
}

/// Its documents stand before it in the garbage.
async fn collection_step(conn: &mut SqliteConnection, row: &SqliteRow) -> Result<Step> {
    let id: Vec<u8> = row.col("id")?;
    let n_rows = sql("DELETE FROM collections WHERE id = ?").bind(id).run(conn).await?;
    Ok((n_rows, true))
}

async fn finish(conn: &mut SqliteConnection, now: Timestamp) -> Result<(u64, Vec<BlobHash>)> {
    let n_rows = sql("DELETE FROM idempotency WHERE rowid IN
            (SELECT rowid FROM idempotency WHERE created_at < ? LIMIT ?)")
    .bind(now.plus_millis(-KEY_LIFE_MILLIS))
    .bind(ROWS_PER_STEP)
    .run(conn)
    .await?;
    // The same bytes may have come back since.
    sql("DELETE FROM orphans WHERE blob IN (SELECT v.blob FROM versions v WHERE v.swept_at IS NULL
            AND v.blob = orphans.blob) OR blob IN (SELECT p.blob FROM parts p WHERE p.blob = orphans.blob)")
    .run(conn)
    .await?;
    let rows = sql("SELECT blob FROM orphans LIMIT ?").bind(MAX_ORPHANS).all(conn).await?;
    let spare = sql("PRAGMA freelist_count").one(conn).await?;
    if spare.col::<i64>("freelist_count")? > SPARE_PAGES {
        sql("PRAGMA incremental_vacuum(256)").all(conn).await?;
    }
    Ok((n_rows, rows.iter().map(|row| row.col("blob")).collect::<Result<_>>()?))
}
