//! Answers while they are written, as they end, and those whose writer died.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;

use super::error::lease_lost;
use super::fold::fold;
use super::jobs::after;
use super::messages::{Details, redact};
use super::sql::{Columns as _, hex_list, sql, to_json};
use super::{Lane, SqliteStore, ledger};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::FinishTurn;
use crate::types::{DocumentId, Lease, Message, MessageError, SessionId};

/// See [`ConversationStore::append_turn`](crate::traits::ConversationStore::append_turn).
pub(super) async fn append(
    store: &SqliteStore,
    lease: &Lease,
    delta: String,
    ttl: Duration,
) -> Result<()> {
    let (lease, expires_at) = (lease.clone(), after(store.now(), ttl));
    let append = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            let n = sql("UPDATE messages SET content = content || ?1, expires_at = ?2,
                    state = CASE WHEN ?1 = '' THEN state ELSE 'streaming' END
                 WHERE id = ?3 AND token = ?4")
            .bind(delta)
            .bind(expires_at)
            .bind(lease.job)
            .bind(lease.token)
            .run(conn)
            .await?;
            if n == 1 { Ok(()) } else { Err(lease_lost()) }
        })
    });
    append.await
}

/// See [`ConversationStore::finish_turn`](crate::traits::ConversationStore::finish_turn).
pub(super) async fn finish(
    store: &SqliteStore,
    ctx: &Context,
    lease: &Lease,
    finish: FinishTurn,
) -> Result<()> {
    let FinishTurn { mut message, calls } = finish;
    if !message.state.is_final() {
        return Err(Error::invalid("An answer ends in a final state."));
    }
    let (lease, now) = (lease.clone(), store.now());
    let principal = ctx.principal().ok().cloned();
    let write = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            // A source may have been deleted since it was found.
            redact(conn, std::slice::from_mut(&mut message)).await?;
            let (seq, session) = store_answer(conn, &lease, &message).await?;
            if !message.sources.iter().any(|source| source.deleted) {
                make_searchable(conn, session, (seq, &message.content)).await?;
            }
            note_documents(conn, seq, documents_of(&message)).await?;
            ledger::write_all(conn, principal.as_ref(), &calls).await?;
            sql("UPDATE sessions SET updated_at = ? WHERE id = ?")
                .bind(now)
                .bind(session)
                .run(conn)
                .await
                .map(|_| ())
        })
    });
    write.await
}

async fn store_answer(
    conn: &mut SqliteConnection,
    lease: &Lease,
    message: &Message,
) -> Result<(i64, SessionId)> {
    let row = sql("UPDATE messages SET state = ?, content = ?, abstained = ?, model = ?, failure = ?, metadata = ?,
            details = ?, token = NULL, expires_at = NULL
         WHERE id = ? AND token = ? RETURNING seq, session")
    .bind(message.state.as_str())
    .bind(message.content.as_str())
    .bind(message.abstained)
    .bind(message.model.as_deref())
    .bind(message.error.as_ref().map(to_json).transpose()?)
    .bind(to_json(&message.metadata)?)
    .bind(to_json(&Details::of(message))?)
    .bind(lease.job)
    .bind(lease.token)
    .maybe(conn)
    .await?
    .ok_or_else(lease_lost)?;
    Ok((row.col("seq")?, row.col("session")?))
}

fn documents_of(message: &Message) -> HashSet<DocumentId> {
    let sources = message.sources.iter().filter(|source| !source.deleted);
    let cited = message.citations.iter().filter(|citation| !citation.quote.is_empty());
    let sources = sources.map(|source| source.document_id);
    sources.chain(cited.map(|citation| citation.document_id)).collect()
}

/// See [`ConversationStore::note_sources`](crate::traits::ConversationStore::note_sources).
pub(super) async fn note_sources(
    store: &SqliteStore,
    lease: &Lease,
    documents: HashSet<DocumentId>,
) -> Result<()> {
    let lease = lease.clone();
    let note = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            let row = sql("SELECT seq FROM messages WHERE id = ? AND token = ?")
                .bind(lease.job)
                .bind(lease.token)
                .maybe(conn)
                .await?
                .ok_or_else(lease_lost)?;
            note_documents(conn, row.col("seq")?, documents).await
        })
    });
    note.await
}

/// Notes whose text the message holds, so that a deletion finds it.
async fn note_documents(
    conn: &mut SqliteConnection,
    seq: i64,
    documents: HashSet<DocumentId>,
) -> Result<()> {
    if documents.is_empty() {
        return Ok(());
    }
    sql("INSERT OR IGNORE INTO message_documents (document, message)
         SELECT d.id, ? FROM json_each(?) w JOIN documents d ON d.id = unhex(w.value) AND d.deleted_at IS NULL")
    .bind(seq)
    .bind(hex_list(documents.iter().map(DocumentId::as_bytes)))
    .run(conn)
    .await
    .map(|_| ())
}

/// See [`ConversationStore::close_abandoned_turns`](crate::traits::ConversationStore::close_abandoned_turns).
pub(super) async fn close_abandoned(store: &SqliteStore, all: bool) -> Result<u64> {
    let now = store.now();
    let close = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            let rows = sql("UPDATE messages SET state = 'failed', failure = ?, token = NULL, expires_at = NULL
                 WHERE token IS NOT NULL AND (? OR expires_at <= ?) RETURNING seq, session, content")
            .bind(to_json(&abandoned())?)
            .bind(all)
            .bind(now)
            .all(conn)
            .await?;
            for row in &rows {
                let content: String = row.col("content")?;
                make_searchable(conn, row.col("session")?, (row.col("seq")?, &content)).await?;
            }
            Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
        })
    });
    close.await
}

fn abandoned() -> MessageError {
    let error = Error::new(
        ErrorKind::Unavailable,
        "The answer broke off because the program ended. Ask again.",
    );
    MessageError::from(&error.with_reason(Reason::LeaseLost))
}

/// Lets the search find a message that says all it will say.
pub(super) async fn make_searchable(
    conn: &mut SqliteConnection,
    session: SessionId,
    (message, content): (i64, &str),
) -> Result<()> {
    sql("INSERT OR REPLACE INTO message_search (message, session, folded) VALUES (?, ?, ?)")
        .bind(message)
        .bind(session)
        .bind(fold(content))
        .run(conn)
        .await
        .map(|_| ())
}
