//! Keeping the write-ahead log short without anybody waiting for it.
//!
//! SQLite would copy the log into the database inside the commit that made it long, and whoever waits for that commit
//! would wait for tens of megabytes. Here a connection of its own copies while the writer goes on; the log starts anew
//! only when nothing of it is left to copy, so when it has grown long the writer is asked, between two rounds, to copy
//! the little that came meanwhile.

use std::sync::Arc;

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::sql::{Columns as _, sql};
use super::writer::WriterControl;
use crate::crash;
use crate::error::Result;

/// Pages in the log from which on the writer is made to finish: 64 MiB at 4 KiB.
pub(super) const LONG_LOG_PAGES: i64 = 16_384;

/// Copies whenever `wanted` says so, until `stop`; then closes its connection.
pub(super) async fn run(
    mut conn: SqliteConnection,
    wanted: Arc<Notify>,
    writer: WriterControl,
    stop: CancellationToken,
) {
    while stop.run_until_cancelled(wanted.notified()).await.is_some() {
        crash::point("log/before_copy");
        let copied = copy(&mut conn).await;
        crash::point("log/after_copy");
        match copied {
            Ok(pages) if pages >= LONG_LOG_PAGES => {
                // What was written during the first pass is copied here, so that little is left for the writer.
                copy(&mut conn).await.ok();
                writer.finish_checkpoint().await;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(?error, "copying the write-ahead log failed"),
        }
    }
    conn.close().await.ok();
}

/// Copies what can be copied without waiting for anyone; returns the pages in the log.
async fn copy(conn: &mut SqliteConnection) -> Result<i64> {
    sql("PRAGMA wal_checkpoint(PASSIVE)").one(conn).await?.col("log")
}
