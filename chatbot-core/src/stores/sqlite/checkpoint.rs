//! Keeping the write-ahead log short without anybody waiting for it.
//!
//! SQLite would copy the log into the database inside the commit that made it long, and whoever waits for that commit
//! would wait for tens of megabytes. Here a connection of its own copies while the writer goes on; the log starts anew
//! only when nothing of it is left to copy and nobody reads it, so when it has grown long the writer is asked, between two
//! rounds, to copy the little that came meanwhile and to wait a moment for those who read.
//!
//! Where a flush of the database fails, some of what was copied may never reach the disk, and a later flush that succeeds
//! does not say so. Then the log is the only good copy: nothing is copied any more, and the log stays as it is.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::connect::BUSY_TIMEOUT;
use super::error::is_failed_flush;
use super::sql::{Columns as _, built_sql, sql};
use super::writer::WriterControl;
use crate::crash;
use crate::error::Result;

/// Pages that the log should not grow beyond: 64 MiB at 4 KiB. The writer is made to finish when the next copy would find more.
pub(super) const LONG_LOG_PAGES: i64 = 16_384;

/// How long the writer waits for those who read the log before it leaves it as it is until the next time: longer than a
/// search reads, and shorter than anybody notices. Tests have more time, so that they do not depend on the machine's.
const READERS_WAIT: Duration = Duration::from_millis(if cfg!(test) { 5_000 } else { 25 });
/// Pages that come between two copies.
const PAGES_BETWEEN: i64 = 4_096;

/// Copies whenever `wanted` says so, until `stop`; then closes its connection.
pub(super) async fn run(
    mut conn: SqliteConnection,
    wanted: Arc<Notify>,
    writer: WriterControl,
    stop: CancellationToken,
) {
    while stop.run_until_cancelled(wanted.notified()).await.is_some() {
        crash::point("log/before_copy");
        let shortened = shorten(&mut conn, &writer).await;
        crash::point("log/after_copy");
        if let Err(error) = shortened {
            tracing::warn!(?error, "copying the write-ahead log failed");
            if is_failed_flush(&error) {
                writer.fail_for_good();
                break;
            }
        }
    }
    conn.close().await.ok();
}

/// Copies the log, and has it begin anew where it has grown long.
async fn shorten(conn: &mut SqliteConnection, writer: &WriterControl) -> Result<()> {
    if copy(conn).await?.n_pages + PAGES_BETWEEN < LONG_LOG_PAGES {
        return Ok(());
    }
    // What was written during the first pass is copied here, so that little is left for the writer.
    let log = copy(conn).await?;
    if log.n_pages - log.n_copied >= LONG_LOG_PAGES {
        tracing::warn!(
            ?log,
            "somebody reads for long and keeps the write-ahead log from being cleared"
        );
    }
    writer.finish_checkpoint().await;
    Ok(())
}

/// Copies what is left and has the next write begin the log anew, on the writer's connection between two rounds. Where
/// somebody reads the log for longer, it goes on.
pub(super) async fn finish(writer: &mut SqliteConnection) -> Result<()> {
    busy_timeout(writer, READERS_WAIT).await?;
    let finished = sql("PRAGMA wal_checkpoint(RESTART)").all(writer).await;
    let reset = busy_timeout(writer, BUSY_TIMEOUT).await;
    // First what the log says: a flush that failed must not go unheard.
    finished?;
    reset
}

async fn busy_timeout(conn: &mut SqliteConnection, timeout: Duration) -> Result<()> {
    let text = format!("PRAGMA busy_timeout = {}", timeout.as_millis());
    built_sql(text, true).all(conn).await.map(drop)
}

/// The log after it was copied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log {
    pub(super) n_pages: i64,
    /// Those that are in the database too. Fewer than all where somebody still reads what was there before.
    pub(super) n_copied: i64,
}

/// Copies what can be copied without waiting for anyone.
pub(super) async fn copy(conn: &mut SqliteConnection) -> Result<Log> {
    let row = sql("PRAGMA wal_checkpoint(PASSIVE)").one(conn).await?;
    Ok(Log { n_pages: row.col("log")?, n_copied: row.col("checkpointed")? })
}
