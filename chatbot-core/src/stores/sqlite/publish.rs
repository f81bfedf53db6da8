//! Making a version answer: one small transaction, whatever the size of the document.

use sqlx::sqlite::SqliteConnection;

use super::accept::folded;
use super::edits::discard;
use super::embeddings::{self, Known};
use super::error::lease_lost;
use super::history::{Difference, note_difference};
use super::jobs::{Held, held};
use super::parts;
use super::sql::{Columns as _, sql, to_json};
use crate::error::Result;
use crate::traits::PublishVersion;
use crate::types::{DocumentId, Language, Lease, Metadata, Timestamp, VersionId};

/// Flips the document to the staged version and writes the change. Publishing again changes nothing.
pub(super) async fn publish(
    conn: &mut SqliteConnection,
    lease: Lease,
    (publish, known, difference): (PublishVersion, Option<Known>, Option<Difference>),
    now: Timestamp,
) -> Result<u64> {
    let held = held(conn, &lease).await?;
    if held.version != publish.version {
        return Err(lease_lost());
    }
    if let Some(seq) = held.published_seq {
        return Ok(seq);
    }
    let row =
        sql("SELECT title_host, host_metadata FROM documents WHERE id = ? AND deleted_at IS NULL")
            .bind(held.document)
            .maybe(conn)
            .await?
            .ok_or_else(lease_lost)?;
    let seq = write_change(conn, (held.document, held.version), now).await?;
    write_version(conn, &held, &publish, (seq, now)).await?;
    let replaced = live(conn, held.document).await?;
    note_difference(conn, held.version, (difference, replaced)).await?;
    let title = row.col::<Option<String>>("title_host")?.unwrap_or_else(|| publish.title.clone());
    let metadata = merged(publish.metadata, row.json("host_metadata")?);
    write_document(conn, &held, (&title, &metadata), now).await?;
    parts::settle(conn, (held.document, held.version), now).await?;
    embeddings::publish(conn, (held.version, replaced), known, now).await?;
    if let Some(replaced) = replaced {
        discard(conn, replaced).await?;
    }
    Ok(seq)
}

/// The format's facts, under those that the host set.
pub(super) fn merged(mut format: Metadata, host: Metadata) -> Metadata {
    format.extend(host);
    format
}

async fn live(conn: &mut SqliteConnection, document: DocumentId) -> Result<Option<VersionId>> {
    sql("SELECT live FROM documents WHERE id = ?").bind(document).one(conn).await?.col("live")
}

/// Says that the version takes the place of the one that answers.
pub(super) async fn write_change(
    conn: &mut SqliteConnection,
    (document, version): (DocumentId, VersionId),
    now: Timestamp,
) -> Result<u64> {
    sql("INSERT INTO changes (kind, collection, document, version, replaced, created_at)
         SELECT 'published', collection, id, ?, live, ? FROM documents WHERE id = ? RETURNING seq")
    .bind(version)
    .bind(now)
    .bind(document)
    .one(conn)
    .await?
    .col("seq")
}

async fn write_version(
    conn: &mut SqliteConnection,
    held: &Held,
    publish: &PublishVersion,
    (seq, now): (u64, Timestamp),
) -> Result<()> {
    sql("UPDATE versions SET media_type = ?, language = ?, chunk_count = ?, page_count = ?, warnings = ?,
            published_at = ?, published_seq = ?, failure = NULL, title = ?, metadata = ?,
            stage = 'publishing', progress = 0 WHERE id = ?")
    .bind(publish.media_type.as_str())
    .bind(publish.language.as_ref().map(Language::as_str))
    .bind(publish.chunk_count)
    .bind(publish.page_count)
    .bind(to_json(&publish.warnings)?)
    .bind(now)
    .bind(seq)
    .bind(publish.title.as_str())
    .bind(to_json(&publish.metadata)?)
    .bind(held.version)
    .run(conn)
    .await
    .map(|_| ())
}

async fn write_document(
    conn: &mut SqliteConnection,
    held: &Held,
    (title, metadata): (&str, &Metadata),
    now: Timestamp,
) -> Result<()> {
    let row = sql("SELECT source FROM versions WHERE id = ?").bind(held.version).one(conn).await?;
    let source: String = row.col("source")?;
    sql("UPDATE documents SET live = ?, title = ?, folded = ?, source = ?, metadata = ?, updated_at = ?
         WHERE id = ?")
    .bind(held.version)
    .bind(title)
    .bind(folded(title, &source))
    .bind(source)
    .bind(to_json(metadata)?)
    .bind(now)
    .bind(held.document)
    .run(conn)
    .await
    .map(|_| ())
}
