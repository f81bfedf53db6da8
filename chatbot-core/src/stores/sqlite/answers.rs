//! Answers while they are written, as they end, and those whose writer died.

use std::collections::HashSet;
use std::time::Duration;

use super::error::lease_lost;
use super::fold::fold;
use super::jobs::after;
use super::messages::{Details, redact};
use super::sql::{Columns as _, Sql, Value, hex_list, sql, to_json};
use super::{Lane, SqliteStore, ledger};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::FinishTurn;
use crate::types::{DocumentId, JobId, Lease, Message, MessageError, Timestamp};

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
            let id = lease.job;
            let is_whole = !message.sources.iter().any(|source| source.deleted);
            let end = end_answer(&lease, &message)?
                .then(ledger::settle_calls(principal.as_ref(), &calls)?)
                .then(touch_session(id, now))
                .maybe_then(is_whole.then(|| make_searchable(id, &message.content)))
                .maybe_then(note_documents(id, &documents_of(&message)));
            // Only the first of them returns a row, and only to who holds the lease: otherwise all of it is undone.
            if end.all(conn).await?.is_empty() { Err(lease_lost()) } else { Ok(()) }
        })
    });
    write.await
}

/// The statement that ends the answer, and returns a row where the lease is held.
fn end_answer(lease: &Lease, message: &Message) -> Result<Sql> {
    Ok(sql("UPDATE messages SET state = ?, content = ?, abstained = ?, model = ?, failure = ?, metadata = ?,
            details = ?, token = NULL, expires_at = NULL
         WHERE id = ? AND token = ? RETURNING seq")
    .bind(message.state.as_str())
    .bind(message.content.as_str())
    .bind(message.abstained)
    .bind(message.model.as_deref())
    .bind(message.error.as_ref().map(to_json).transpose()?)
    .bind(to_json(&message.metadata)?)
    .bind(to_json(&Details::of(message))?)
    .bind(lease.job)
    .bind(lease.token))
}

/// The statement that says that something happened in the session of the message.
fn touch_session(message: JobId, now: Timestamp) -> Sql {
    sql("UPDATE sessions SET updated_at = ? WHERE id = (SELECT session FROM messages WHERE id = ?)")
        .bind(now)
        .bind(message)
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
            sql("SELECT seq FROM messages WHERE id = ? AND token = ?")
                .bind(lease.job)
                .bind(lease.token)
                .maybe(conn)
                .await?
                .ok_or_else(lease_lost)?;
            match note_documents(lease.job, &documents) {
                Some(note) => note.run(conn).await.map(|_| ()),
                None => Ok(()),
            }
        })
    });
    note.await
}

/// The statement that notes whose text the message holds, so that a deletion finds it.
fn note_documents(message: JobId, documents: &HashSet<DocumentId>) -> Option<Sql> {
    if documents.is_empty() {
        return None;
    }
    let note = sql("INSERT OR IGNORE INTO message_documents (document, message)
         SELECT d.id, (SELECT seq FROM messages WHERE id = ?)
         FROM json_each(?) w JOIN documents d ON d.id = unhex(w.value) AND d.deleted_at IS NULL")
    .bind(message)
    .bind(hex_list(documents.iter().map(DocumentId::as_bytes)));
    Some(note)
}

/// See [`ConversationStore::close_abandoned_turns`](crate::traits::ConversationStore::close_abandoned_turns).
pub(super) async fn close_abandoned(store: &SqliteStore, all: bool) -> Result<u64> {
    let now = store.now();
    let close = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            let rows = sql(
                "UPDATE messages SET state = 'failed', failure = ?, token = NULL, expires_at = NULL
                 WHERE token IS NOT NULL AND (? OR expires_at <= ?) RETURNING id, content",
            )
            .bind(to_json(&abandoned())?)
            .bind(all)
            .bind(now)
            .all(conn)
            .await?;
            for row in &rows {
                let content: String = row.col("content")?;
                make_searchable(row.col::<JobId>("id")?, &content).run(conn).await?;
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

/// The statement that lets the search find a message that says all it will say.
pub(super) fn make_searchable(message: impl Into<Value>, content: &str) -> Sql {
    sql("INSERT OR REPLACE INTO message_search (message, session, folded)
         SELECT seq, session, ? FROM messages WHERE id = ?")
    .bind(fold(content))
    .bind(message)
}
