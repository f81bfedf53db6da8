//! Deleting a document together with the answers that it, or something inside it, was a source of.
//!
//! An answer that goes keeps its place in the conversation, because questions follow it; what it said, cited and was
//! rated for is gone, and a warning says why. Work is done in steps under an entry of the garbage, so that a process
//! that dies in between goes on where it was.

use sqlx::sqlite::SqliteConnection;

use super::document_rows::target;
use super::edits::delete_one;
use super::messages::Details;
use super::parts::with_parts;
use super::scrub::note_removed;
use super::sql::{Columns as _, sql, to_json};
use super::{Lane, SqliteStore};
use crate::context::{Context, ReadSet};
use crate::error::Result;
use crate::types::{DocumentId, Timestamp};

/// Answers that one step empties: a few milliseconds of the writer's time.
const ANSWERS_PER_STEP: u32 = 100;

/// See [`DocumentStore::purge_document`](crate::traits::DocumentStore::purge_document).
pub(super) async fn purge(
    store: &SqliteStore,
    ctx: &Context,
    read_set: &ReadSet,
    id: DocumentId,
) -> Result<()> {
    let (read_set, now) = (read_set.clone(), store.now());
    let delete = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            let target = target(conn, &read_set, id).await?;
            let doomed = with_parts(conn, &[id]).await?;
            for id in &doomed {
                // Before the document's own entry: that one forgets which answers it was a source of.
                sql("INSERT INTO garbage (kind, id) VALUES ('purge', ?)")
                    .bind(*id)
                    .run(conn)
                    .await?;
            }
            delete_one(conn, &target, now).await?;
            Ok(doomed)
        })
    });
    for id in delete.await? {
        loop {
            ctx.check()?;
            let step = store.writer.write(Lane::Bulk, move |conn| Box::pin(step(conn, id, now)));
            let (_, done) = step.await?;
            if done {
                break;
            }
        }
    }
    Ok(())
}

/// Empties some of the answers that the document was a source of. Returns how many, and whether those were all.
pub(super) async fn step(
    conn: &mut SqliteConnection,
    document: DocumentId,
    now: Timestamp,
) -> Result<(u64, bool)> {
    let rows = sql("SELECT message FROM message_documents WHERE document = ? LIMIT ?")
        .bind(document)
        .bind(ANSWERS_PER_STEP)
        .all(conn)
        .await?;
    let answers: Vec<i64> = rows.iter().map(|row| row.col("message")).collect::<Result<_>>()?;
    if !answers.is_empty() {
        empty(conn, &to_json(&answers)?).await?;
        note_removed(conn, now).await?;
    }
    let n = u32::try_from(answers.len()).unwrap_or(u32::MAX);
    let done = n < ANSWERS_PER_STEP;
    if done {
        sql("DELETE FROM garbage WHERE kind = 'purge' AND id = ?").bind(document).run(conn).await?;
    }
    Ok((u64::from(n), done))
}

/// Whoever writes one of them still loses the lease: nothing is added to it any more.
async fn empty(conn: &mut SqliteConnection, answers: &str) -> Result<()> {
    let details = to_json(&Details::of_purged())?;
    sql("UPDATE messages SET content = '', details = ?, metadata = '{}', failure = NULL, token = NULL,
            expires_at = NULL, state = CASE WHEN token IS NULL THEN state ELSE 'cancelled' END
         WHERE seq IN (SELECT value FROM json_each(?))")
    .bind(details)
    .bind(answers)
    .run(conn)
    .await?;
    for statement in [
        "DELETE FROM message_search WHERE message IN (SELECT value FROM json_each(?))",
        "DELETE FROM feedback WHERE message IN (SELECT value FROM json_each(?))",
        "DELETE FROM message_documents WHERE message IN (SELECT value FROM json_each(?))",
    ] {
        sql(statement).bind(answers).run(conn).await?;
    }
    Ok(())
}
