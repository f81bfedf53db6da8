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
    version: u32,
    script: &'static str,
}

/// Every migration, in order. What was released is never changed: add the next one.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, script: include_str!("migrations/0001_begin.sql") },
    Migration { version: 2, script: include_str!("migrations/0002_embedded.sql") },
    Migration { version: 3, script: include_str!("migrations/0003_history.sql") },
    Migration { version: 4, script: include_str!("migrations/0004_parts.sql") },
    Migration { version: 5, script: include_str!("migrations/0005_page_starts.sql") },
    Migration { version: 6, script: include_str!("migrations/0006_calls.sql") },
    Migration { version: 7, script: include_str!("migrations/0007_summaries.sql") },
];

/// The schema that this release writes.
pub(super) const fn newest() -> u32 {
    match MIGRATIONS.last() {
        Some(migration) => migration.version,
        None => 0,
    }
}

/// The schema of a file that this release can read, which may be an older one.
///
/// # Errors
/// `storage` with `newer_schema` where a later release wrote the file.
pub(super) async fn version(conn: &mut SqliteConnection) -> Result<u32> {
    check(conn, MIGRATIONS).await?;
    sql("SELECT max(version) AS version FROM core_migrations").one(conn).await?.col("version")
}

/// Runs what the file lacks.
///
/// # Errors
/// `storage` with `newer_schema` where another release wrote the file.
pub(super) async fn migrate(conn: &mut SqliteConnection, now: Timestamp) -> Result<()> {
    migrate_with(conn, MIGRATIONS, now).await
}

async fn migrate_with(
    conn: &mut SqliteConnection,
    known: &[Migration],
    now: Timestamp,
) -> Result<()> {
    sql("CREATE TABLE IF NOT EXISTS core_migrations (
            version INTEGER PRIMARY KEY, hash BLOB NOT NULL, applied_at INTEGER NOT NULL) STRICT")
    .run(conn)
    .await?;
    check(conn, known).await?;
    for migration in known {
        apply(conn, migration, now).await?;
    }
    Ok(())
}

async fn check(conn: &mut SqliteConnection, known: &[Migration]) -> Result<()> {
    for row in sql("SELECT version, hash FROM core_migrations").all(conn).await? {
        let (version, hash): (u32, Vec<u8>) = (row.col("version")?, row.col("hash")?);
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

pub(super) fn newer_schema(version: u32) -> Error {
    Error::new(
        ErrorKind::Storage,
        "The data was written by another, newer release. Start that release, or restore a backup of this one.",
    )
    .with_reason(Reason::NewerSchema)
    .with_context("schema_version", version)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::stores::sqlite::connect;

    /// The statements of a script, one by one. Those inside a trigger are part of it.
    fn statements(script: &'static str) -> Vec<String> {
        let lines = script.lines().filter(|line| !line.trim_start().starts_with("--"));
        let code = lines.collect::<Vec<_>>().join("\n");
        let mut all: Vec<String> = Vec::new();
        for piece in code.split(';').map(str::trim).filter(|piece| !piece.is_empty()) {
            let is_open = |s: &&mut String| s.starts_with("CREATE TRIGGER") && !s.ends_with("END");
            match all.last_mut().filter(is_open) {
                Some(trigger) => *trigger = format!("{trigger}; {piece}"),
                None => all.push(piece.to_owned()),
            }
        }
        all
    }

    async fn schema(conn: &mut SqliteConnection) -> String {
        let rows = sql("SELECT coalesce(sql, name) AS text FROM sqlite_schema ORDER BY name");
        let rows = rows.all(conn).await.unwrap();
        let texts: Vec<String> = rows.iter().map(|row| row.col("text").unwrap()).collect();
        texts.join("\n")
    }

    /// A file at `path` as it is when the process dies after `n` statements of the migration after the first `done`.
    async fn killed(path: &Path, done: usize, n: usize) {
        let folder = tempfile::tempdir().unwrap();
        let alive = folder.path().join("store.db");
        let mut conn = connect::writer(&alive).await.unwrap();
        migrate_with(&mut conn, &MIGRATIONS[..done], Timestamp::from_millis(0)).await.unwrap();
        // One page of memory: what is not committed yet goes to the disk as well.
        sql("PRAGMA cache_size = 1").run(&mut conn).await.unwrap();
        sql("BEGIN IMMEDIATE").run(&mut conn).await.unwrap();
        for statement in statements(MIGRATIONS[done].script).into_iter().take(n) {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await.unwrap();
        }
        for end in ["", "-wal"] {
            let of = |path: &Path| format!("{}{end}", path.display());
            std::fs::copy(of(&alive), of(path)).unwrap();
        }
    }

    #[tokio::test]
    async fn a_migration_that_died_anywhere_is_done_again_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = connect::writer(&folder.path().join("whole.db")).await.unwrap();
        migrate(&mut conn, Timestamp::from_millis(0)).await.unwrap();
        let whole = schema(&mut conn).await;
        for (done, migration) in MIGRATIONS.iter().enumerate() {
            for n in 0..=statements(migration.script).len() {
                let path = folder.path().join(format!("{done}-{n}.db"));
                killed(&path, done, n).await;
                let mut conn = connect::writer(&path).await.unwrap();
                let version = sql("SELECT coalesce(max(version), 0) AS n FROM core_migrations");
                let version: usize = version.one(&mut conn).await.unwrap().col("n").unwrap();
                assert_eq!(version, done, "half a migration is none");
                migrate(&mut conn, Timestamp::from_millis(0)).await.unwrap();
                assert_eq!(schema(&mut conn).await, whole, "after {n} statements of {done}");
            }
        }
    }
}
