//! Summaries of what was said: kept by the last message they cover, gone with any document behind them.

use std::collections::HashSet;

use sqlx::sqlite::SqliteConnection;

use super::sessions::require;
use super::sql::{Columns as _, hex_list, sql};
use super::{Lane, SqliteStore};
use crate::context::Context;
use crate::error::Result;
use crate::traits::KeepSummary;
use crate::types::{DocumentId, MessageId, SessionId, Summary};

/// See [`ConversationStore::summary`](crate::traits::ConversationStore::summary).
pub(super) async fn newest(
    store: &SqliteStore,
    ctx: &Context,
    session: SessionId,
    path: &[MessageId],
) -> Result<Option<Summary>> {
    let principal = ctx.principal()?;
    ctx.run(async {
        let mut tx = store.snapshot().await?;
        require(&mut tx, principal, session).await?;
        let row =
            sql("SELECT m.id, s.content FROM summaries s JOIN messages m ON m.seq = s.message
             WHERE s.session = ? AND m.id IN (SELECT unhex(value) FROM json_each(?))
             ORDER BY s.message DESC LIMIT 1")
            .bind(session)
            .bind(hex_list(path.iter().map(MessageId::as_bytes)))
            .maybe(&mut tx)
            .await?;
        row.map(|row| Ok(Summary { covers: row.col("id")?, text: row.col("content")? })).transpose()
    })
    .await
}

/// See [`ConversationStore::keep_summary`](crate::traits::ConversationStore::keep_summary).
pub(super) async fn keep(
    store: &SqliteStore,
    ctx: &Context,
    session: SessionId,
    new: KeepSummary,
) -> Result<bool> {
    let (principal, now) = (ctx.principal()?.clone(), store.now());
    let keep = store.writer.write(Lane::Bulk, move |conn| {
        Box::pin(async move {
            require(conn, &principal, session).await?;
            let Some(documents) = documents_behind(conn, &new).await? else { return Ok(false) };
            let row = sql("INSERT INTO summaries (message, session, content, created_at)
                 SELECT seq, session, ?, ? FROM messages WHERE id = ? AND session = ?
                 ON CONFLICT (message) DO UPDATE SET content = excluded.content RETURNING message")
            .bind(new.summary.text.as_str())
            .bind(now)
            .bind(new.summary.covers)
            .bind(session)
            .maybe(conn)
            .await?;
            let Some(row) = row else { return Ok(false) };
            sql("INSERT OR IGNORE INTO summary_documents (document, message)
                 SELECT unhex(value), ? FROM json_each(?)")
            .bind(row.col::<i64>("message")?)
            .bind(hex_list(documents.iter().map(DocumentId::as_bytes)))
            .run(conn)
            .await?;
            Ok(true)
        })
    });
    keep.await
}

/// The documents behind the summary and behind the one that it goes on from; `None` where one of them is gone, or that
/// other summary.
async fn documents_behind(
    conn: &mut SqliteConnection,
    new: &KeepSummary,
) -> Result<Option<HashSet<DocumentId>>> {
    let mut documents = new.documents.clone();
    if let Some(before) = new.extends {
        let rows = sql("SELECT d.document FROM summaries s JOIN messages m ON m.seq = s.message
             LEFT JOIN summary_documents d ON d.message = s.message WHERE m.id = ?")
        .bind(before)
        .all(conn)
        .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        for row in &rows {
            documents.extend(row.col::<Option<DocumentId>>("document")?);
        }
    }
    let n: i64 = sql("SELECT count(*) AS n FROM documents
         WHERE id IN (SELECT unhex(value) FROM json_each(?)) AND deleted_at IS NULL")
    .bind(hex_list(documents.iter().map(DocumentId::as_bytes)))
    .one(conn)
    .await?
    .col("n")?;
    Ok((usize::try_from(n).ok() == Some(documents.len())).then_some(documents))
}
