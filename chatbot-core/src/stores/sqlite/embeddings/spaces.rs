//! Which space is in use. Vectors of others are never read for it: every read names the space.

use sqlx::sqlite::SqliteConnection;

use crate::error::{Error, ErrorKind, Result};
use crate::stores::sqlite::sql::{Columns as _, sql};
use crate::traits::EmbedderInfo;
use crate::types::{Timestamp, VersionId};

/// How long the vectors of the space before stay: whoever tries another model knows within a month.
const KEEP_BEFORE_MILLIS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The space in use.
pub(super) async fn current(conn: &mut SqliteConnection) -> Result<Option<i64>> {
    let row = sql("SELECT value FROM meta WHERE name = 'embedder'").maybe(conn).await?;
    row.map(|row| row.col("value")).transpose()
}

/// The last version that was looked at for the space in use; `None` once all were.
pub(super) async fn seen(conn: &mut SqliteConnection) -> Result<Option<Vec<u8>>> {
    let row = sql("SELECT value FROM meta WHERE name = 'embedder_seen'").maybe(conn).await?;
    row.map(|row| row.col("value")).transpose()
}

/// Notes how far versions were looked at; `None`: all of them.
pub(super) async fn set_seen(conn: &mut SqliteConnection, last: Option<VersionId>) -> Result<()> {
    let Some(last) = last else {
        sql("DELETE FROM meta WHERE name = 'embedder_seen'").run(conn).await?;
        return Ok(());
    };
    sql("UPDATE meta SET value = ? WHERE name = 'embedder_seen'")
        .bind(last)
        .run(conn)
        .await
        .map(|_| ())
}

/// See [`EmbeddingStore::use_embedder`](crate::traits::EmbeddingStore::use_embedder).
pub(super) async fn change(
    conn: &mut SqliteConnection,
    embedder: Option<EmbedderInfo>,
    now: Timestamp,
) -> Result<()> {
    let wanted = match &embedder {
        Some(info) => Some(id_of(conn, info, now).await?),
        None => None,
    };
    if wanted == current(conn).await? {
        return retry_refused(conn, now).await;
    }
    note_before(conn, now).await?;
    for statement in [
        "DELETE FROM meta WHERE name IN ('embedder', 'embedder_seen')",
        "DELETE FROM embedding_jobs",
        "UPDATE versions SET dense_failure = NULL WHERE dense_failure IS NOT NULL",
    ] {
        sql(statement).run(conn).await?;
    }
    let Some(id) = wanted else {
        sql("UPDATE versions SET dense = 1 WHERE dense < 1").run(conn).await?;
        return Ok(());
    };
    sql("INSERT INTO meta (name, value) VALUES ('embedder', ?1), ('embedder_seen', x'')")
        .bind(id)
        .run(conn)
        .await?;
    sql("UPDATE versions SET dense = 0 WHERE chunk_count > 0 AND id IN
            (SELECT live FROM documents WHERE live IS NOT NULL)")
    .run(conn)
    .await
    .map(|_| ())
}

/// Remembers the space that was in use, so that the way back to it costs nothing for a while.
async fn note_before(conn: &mut SqliteConnection, now: Timestamp) -> Result<()> {
    let Some(before) = current(conn).await? else { return Ok(()) };
    sql("INSERT OR REPLACE INTO meta (name, value) VALUES ('embedder_before', ?), ('embedder_changed_at', ?)")
        .bind(before)
        .bind(now)
        .run(conn)
        .await
        .map(|_| ())
}

/// The space that was in use before this one, while its vectors are kept.
pub(super) async fn kept_before(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Option<i64>> {
    let row = sql("SELECT value FROM meta WHERE name = 'embedder_before'
           AND (SELECT value FROM meta WHERE name = 'embedder_changed_at') > ?")
    .bind(now.plus_millis(-KEEP_BEFORE_MILLIS))
    .maybe(conn)
    .await?;
    row.map(|row| row.col("value")).transpose()
}

/// Whether the space in use lacks nothing that it can have.
pub(super) async fn is_whole(conn: &mut SqliteConnection) -> Result<bool> {
    let row = sql("SELECT EXISTS (SELECT 1 FROM embedding_jobs) AS found").one(conn).await?;
    Ok(!row.col::<bool>("found")? && seen(conn).await?.is_none())
}

async fn id_of(conn: &mut SqliteConnection, info: &EmbedderInfo, now: Timestamp) -> Result<i64> {
    sql("INSERT OR IGNORE INTO embedders (fingerprint, dimensions, created_at) VALUES (?, ?, ?)")
        .bind(info.fingerprint.as_str())
        .bind(info.dimensions)
        .bind(now)
        .run(conn)
        .await?;
    let row = sql("SELECT id, dimensions FROM embedders WHERE fingerprint = ?")
        .bind(info.fingerprint.as_str())
        .one(conn)
        .await?;
    if row.col::<usize>("dimensions")? != info.dimensions {
        return Err(Error::new(
            ErrorKind::DimensionMismatch,
            "The embedder's vectors have another number of components than those that are stored. \
             Another model needs another fingerprint.",
        ));
    }
    row.col("id")
}

/// Queues once more what the embedder refused; what a person stopped stays stopped.
async fn retry_refused(conn: &mut SqliteConnection, now: Timestamp) -> Result<()> {
    sql("INSERT OR IGNORE INTO embedding_jobs (version, document, id, place, due_at, n_done)
         SELECT v.id, v.document, randomblob(16),
            (SELECT coalesce(max(place), 0) + 1 FROM embedding_jobs), ?,
            CAST(v.dense * v.chunk_count AS INTEGER)
         FROM versions v JOIN documents d ON d.live = v.id
         WHERE v.dense_failure IS NOT NULL AND v.dense_failure ->> '$.code' <> 'cancelled'")
    .bind(now)
    .run(conn)
    .await?;
    sql("UPDATE versions SET dense_failure = NULL WHERE id IN
            (SELECT version FROM embedding_jobs) AND dense_failure IS NOT NULL")
    .run(conn)
    .await
    .map(|_| ())
}
