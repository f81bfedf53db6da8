//! Taking what was removed off the disk.
//!
//! A removed row is overwritten where it was. Two kinds of copies remain: pages as they were before, in the log; and
//! rows that once lay on a page and were moved to another one, whose old place nobody overwrites. No row leads there,
//! but whoever reads the file byte by byte finds them. So after something was removed the file is written anew, which
//! takes a second for 80 MB and holds up every write; when that may be is for the caller to say.

use sqlx::sqlite::SqliteConnection;

use super::checkpoint::copy;
use super::sql::{Columns as _, sql};
use super::{Lane, SqliteStore};
use crate::error::{Error, ErrorKind, Result};
use crate::types::Timestamp;

/// Notes that something was removed whose copies have to go.
pub(super) async fn note_removed(conn: &mut SqliteConnection, now: Timestamp) -> Result<()> {
    sql("INSERT OR IGNORE INTO meta (name, value) VALUES ('unscrubbed_since', ?)")
        .bind(now)
        .run(conn)
        .await
        .map(|_| ())
}

/// Since when something that was removed is still on the disk.
pub(super) async fn unscrubbed_since(store: &SqliteStore) -> Result<Option<Timestamp>> {
    let mut conn = store.reader().await?;
    let row = sql("SELECT value FROM meta WHERE name = 'unscrubbed_since'").maybe(&mut conn);
    row.await?.map(|row| row.col("value")).transpose()
}

/// See [`DocumentStore::scrub`](crate::traits::DocumentStore::scrub).
pub(super) async fn scrub(store: &SqliteStore) -> Result<()> {
    if unscrubbed_since(store).await?.is_none() {
        return Ok(());
    }
    // Before the work, in the file that is written anew: what is removed meanwhile is noted again.
    let forget = store.writer.write(Lane::Bulk, |conn| {
        Box::pin(async move {
            sql("DELETE FROM meta WHERE name = 'unscrubbed_since'").run(conn).await.map(|_| ())
        })
    });
    forget.await?;
    let rewritten = store.writer.rewrite().await;
    if rewritten.is_err() {
        let now = store.now();
        let again = store.writer.write(Lane::Bulk, move |conn| Box::pin(note_removed(conn, now)));
        again.await?;
    }
    rewritten
}

/// Writes the file anew and empties the log. Its second copy lies in a nameless file, not in memory: it is as large as
/// the database.
pub(super) async fn rewrite(conn: &mut SqliteConnection) -> Result<()> {
    // The new file goes through the log, which begins anew where all of it is copied and nobody reads it.
    copy(conn).await?;
    sql("PRAGMA temp_store = FILE").run(conn).await?;
    let rewritten = sql("VACUUM").run(conn).await;
    sql("PRAGMA temp_store = MEMORY").run(conn).await?;
    rewritten?;
    // Waits for readers as long as for any lock; one that stays longer keeps old pages alive.
    let row = sql("PRAGMA wal_checkpoint(TRUNCATE)").one(conn).await?;
    if row.col::<i64>("busy")? != 0 {
        return Err(Error::new(ErrorKind::Unavailable, "The store is being read. Try again."));
    }
    Ok(())
}
