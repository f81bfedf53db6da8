//! Connections, and what each is tuned for.

use std::path::Path;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};
use uuid::Uuid;

use super::checkpoint::LONG_LOG_PAGES;
use super::error::{damaged, fault};
use super::sql::{Columns as _, sql};
use crate::error::Result;
use crate::types::Lineage;

/// Memory for pages, in KiB. The writer keeps the inner pages of its tables at hand; readers rely on the system's
/// own cache, which costs a copy of 4 KiB and no memory of ours. In all 4 + 4 × ½ MiB.
const WRITER_CACHE_KIB: u32 = 4096;
const READER_CACHE_KIB: u32 = 512;
/// Readers at the same time. A read takes well below a millisecond, so that few serve many; more only cost memory.
const MAX_READERS: u32 = 4;
/// How long to wait for another process that writes, such as a backup.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a read waits for its turn.
const READ_WAIT: Duration = Duration::from_secs(10);
/// Readers that nobody needed for this long are closed.
const READER_IDLE: Duration = Duration::from_secs(60);
/// What the log's file is cut to when it starts anew: the length to which it grows under load. A shorter file would have
/// to grow again, and a flush of a file that grows waits for the file system's journal, which cost a person who writes
/// at such a time half as much again.
const LOG_LIMIT_BYTES: i64 = LONG_LOG_PAGES * PAGE_BYTES;
/// SQLite's own choice.
const PAGE_BYTES: i64 = 4096;

/// The connection that writes.
pub(super) async fn writer(path: &Path) -> Result<SqliteConnection> {
    let options = options(path, WRITER_CACHE_KIB)
        .create_if_missing(true)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", "0")
        .pragma("journal_size_limit", LOG_LIMIT_BYTES.to_string())
        // What was deleted is overwritten in the transaction that deletes it, whole pages too: ten times the log of a
        // removal, and a tenth more of its time. Copies that moving rows left behind are `scrub`'s.
        .pragma("secure_delete", "ON");
    SqliteConnection::connect_with(&options).await.map_err(fault)
}

/// The connection that copies the log into the database.
pub(super) async fn copier(path: &Path) -> Result<SqliteConnection> {
    let options =
        options(path, 64).synchronous(SqliteSynchronous::Full).pragma("wal_autocheckpoint", "0");
    SqliteConnection::connect_with(&options).await.map_err(fault)
}

/// The connections that read.
pub(super) async fn readers(path: &Path) -> Result<SqlitePool> {
    SqlitePoolOptions::new()
        .max_connections(MAX_READERS)
        .min_connections(1)
        .acquire_timeout(READ_WAIT)
        .idle_timeout(READER_IDLE)
        .test_before_acquire(false)
        .connect_with(options(path, READER_CACHE_KIB).read_only(true))
        .await
        .map_err(fault)
}

/// A connection that only reads, beside whoever has the file open, and knows nothing of them.
pub(super) async fn alone(path: &Path) -> Result<SqliteConnection> {
    let options = options(path, READER_CACHE_KIB).read_only(true);
    SqliteConnection::connect_with(&options).await.map_err(fault)
}

fn options(path: &Path, cache_kib: u32) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", format!("-{cache_kib}"))
        .pragma("temp_store", "MEMORY")
        .pragma("mmap_size", "0")
        .thread_name(|id| format!("chatbot-sqlite-{id}"))
}

/// Which life of the store this is, and the epoch of what may be read; made where the file is new.
pub(super) async fn facts(conn: &mut SqliteConnection) -> Result<(Lineage, u64)> {
    let fresh = Uuid::now_v7();
    sql(
        "INSERT INTO meta (name, value) VALUES ('lineage', ?), ('epoch', 1) ON CONFLICT DO NOTHING",
    )
    .bind(fresh.as_bytes().as_slice())
    .run(conn)
    .await?;
    let lineage = lineage(conn).await?;
    let epoch = sql("SELECT value FROM meta WHERE name = 'epoch'").one(conn).await?;
    Ok((lineage, epoch.col("value")?))
}

/// Which life of the store this is.
pub(super) async fn lineage(conn: &mut SqliteConnection) -> Result<Lineage> {
    let row = sql("SELECT value FROM meta WHERE name = 'lineage'").one(conn).await?;
    let lineage = Uuid::from_slice(&row.col::<Vec<u8>>("value")?);
    lineage.map(Lineage).map_err(|_| damaged("the lineage"))
}
