//! Bringing the file to the schema that this release knows.
//!
//! Each migration is one transaction, so that a process that dies half-way leaves the schema before it. Its text is
//! recorded by its hash: a file that was migrated by other text, or by a release that knows more, is refused rather than
//! guessed at.

use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteConnection;

use super::error::fault;
use super::sql::{Columns as _, sql};
use crate::crash;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::types::Timestamp;

struct Migration {
    version: i64,
    script: &'static str,
}

/// Every migration, in order. What was released is never changed: add the next one.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, script: include_str!("migrations/0001_begin.sql") },
    Migration { version: 2, script: include_str!("migrations/0002_embedded.sql") },
];

/// Runs what the file lacks.
///
/// # Errors
/// `storage` with `newer_schema` where another release wrote the file.
pub(super) async fn migrate(conn: &mut SqliteConnection, now: Timestamp) -> Result<()> {
    sql("CREATE TABLE IF NOT EXISTS core_migrations (
            version INTEGER PRIMARY KEY, hash BLOB NOT NULL, applied_at INTEGER NOT NULL) STRICT")
    .run(conn)
    .await?;
    check(conn, MIGRATIONS).await?;
    for migration in MIGRATIONS {
        apply(conn, migration, now).await?;
    }
    Ok(())
}

async fn check(conn: &mut SqliteConnection, known: &[Migration]) -> Result<()> {
    for row in sql("SELECT version, hash FROM core_migrations").all(conn).await? {
        let (version, hash): (i64, Vec<u8>) = (row.col("version")?, row.col("hash")?);
        let same = known.iter().any(|m| m.version == version && hash_of(m.script) == hash);
        if !same {
            return Err(newer_schema(version));
        }
    }
    Ok(())
}

async fn apply(conn: &mut SqliteConnection, migration: &Migration, now: Timestamp) -> Result<()> {
    if is_applied(conn, migration).await? {
        return Ok(());
    }
    crash::point("migration/before");
    sql("BEGIN IMMEDIATE").run(conn).await?;
    let outcome = apply_in_transaction(conn, migration, now).await;
    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    crash::point("migration/before_commit");
    let ended = sql(end).run(conn).await;
    crash::point("migration/after_commit");
    outcome.and(ended.map(|_| ()))
}

async fn apply_in_transaction(
    conn: &mut SqliteConnection,
    migration: &Migration,
    now: Timestamp,
) -> Result<()> {
    // Another process may have been quicker between the look and the lock.
    if is_applied(conn, migration).await? {
        return Ok(());
    }
    sqlx::raw_sql(migration.script).execute(&mut *conn).await.map_err(fault)?;
    crash::point("migration/script_run");
    sql("INSERT INTO core_migrations (version, hash, applied_at) VALUES (?, ?, ?)")
        .bind(migration.version)
        .bind(hash_of(migration.script))
        .bind(now)
        .run(conn)
        .await
        .map(|_| ())
}

async fn is_applied(conn: &mut SqliteConnection, migration: &Migration) -> Result<bool> {
    let row = sql("SELECT 1 AS found FROM core_migrations WHERE version = ?")
        .bind(migration.version)
        .maybe(conn)
        .await?;
    Ok(row.is_some())
}

fn hash_of(script: &str) -> Vec<u8> {
    Sha256::digest(script.as_bytes()).to_vec()
}

fn newer_schema(version: i64) -> Error {
    Error::new(
        ErrorKind::Storage,
        "The data was written by another, newer release. Start that release, or restore a backup of this one.",
    )
    .with_reason(Reason::NewerSchema)
    .with_context("schema_version", version)
}
