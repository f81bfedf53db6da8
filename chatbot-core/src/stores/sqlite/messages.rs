//! Messages: a tree per session, read along one branch. What they quote from documents that were deleted since is taken
//! out of every message that is read.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::sql::{Columns as _, hex_list, sql, to_json};
use super::{Lane, SqliteStore, cursor};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::types::{
    Citation, DocumentId, Feedback, FinishReason, Message, MessageId, MessageRole, MessageState,
    Page, PageRequest, PrincipalId, Rating, SessionId, Source, TextSpan, Timings, Usage, Warning,
    redact_sources,
};

macro_rules! select_messages {
    ($from:literal, $tail:literal) => {
        concat!(
            "SELECT m.seq, m.id, m.session, m.parent AS parent_seq, p.id AS parent, m.role, m.state, m.content,
                    m.abstained, m.model, m.failure, m.metadata, m.details, m.created_at,
                    f.rating, f.reason, f.comment
             FROM ",
            $from,
            " LEFT JOIN messages p ON p.seq = m.parent LEFT JOIN feedback f ON f.message = m.seq ",
            $tail
        )
    };
}

/// A message that is being inserted, as [`message_of`] reads it: nobody has rated it yet.
macro_rules! returning_message {
    () => {
        "RETURNING seq, id, session, (SELECT p.id FROM messages p WHERE p.seq = messages.parent) AS parent, role,
            state, content, abstained, model, failure, metadata, details, created_at, NULL AS rating"
    };
}
pub(super) use returning_message;

/// What an answer consists of besides its text.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    pub(super) citations: Vec<Citation>,
    unsupported: Vec<TextSpan>,
    pub(super) sources: Vec<Source>,
    usage: Usage,
    timings: Timings,
    warnings: Vec<Warning>,
    finish_reason: Option<FinishReason>,
}

impl Details {
    /// What is left of an answer that was removed.
    pub(super) fn of_purged() -> Self {
        Self { warnings: vec![Message::purged_warning()], ..Self::default() }
    }

    /// Those of a message, with numbers that JSON can hold.
    pub(super) fn of(message: &Message) -> Self {
        let finite = |number: f64| if number.is_finite() { number } else { 0.0 };
        let timings = message.timings;
        let mut sources = message.sources.clone();
        for source in &mut sources {
            let kept = |score: Option<f32>| score.filter(|score| score.is_finite());
            source.score = kept(Some(source.score)).unwrap_or_default();
            source.scores.dense = kept(source.scores.dense);
            source.scores.lexical = kept(source.scores.lexical);
            source.scores.rerank = kept(source.scores.rerank);
        }
        Self {
            citations: message.citations.clone(),
            unsupported: message.unsupported.clone(),
            sources,
            usage: Usage {
                cost_usd: message.usage.cost_usd.filter(|cost| cost.is_finite()),
                ..message.usage
            },
            timings: Timings {
                retrieval_ms: finite(timings.retrieval_ms),
                first_token_ms: finite(timings.first_token_ms),
                total_ms: finite(timings.total_ms),
            },
            warnings: message.warnings.clone(),
            finish_reason: message.finish_reason.clone(),
        }
    }
}

/// The error for a message that is not there for this caller.
pub(super) fn no_message() -> Error {
    Error::not_found("message")
}

/// The name under which a role is stored.
pub(super) const fn role_name(role: MessageRole) -> &'static str {
    match role {
        MessageRole::User => "user",
        MessageRole::Assistant => "assistant",
    }
}

/// The role with this name.
pub(super) fn role_from_name(name: &str) -> Option<MessageRole> {
    match name {
        "user" => Some(MessageRole::User),
        "assistant" => Some(MessageRole::Assistant),
        _ => None,
    }
}

/// One message of the principal's.
pub(super) async fn by_id(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
    id: MessageId,
) -> Result<Message> {
    let [message] = by_ids(conn, principal, [id]).await?;
    Ok(message)
}

/// Messages of the principal's, in one read.
pub(super) async fn by_ids<const N: usize>(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
    ids: [MessageId; N],
) -> Result<[Message; N]> {
    let rows = sql(select_messages!(
        "messages m JOIN sessions s ON s.id = m.session",
        "WHERE m.id IN (SELECT unhex(value) FROM json_each(?))
           AND s.principal = ? AND s.deleted_at IS NULL"
    ))
    .bind(hex_list(ids.iter().map(MessageId::as_bytes)))
    .bind(principal.as_str())
    .all(conn)
    .await?;
    let mut found = rows.iter().map(message_of).collect::<Result<Vec<_>>>()?;
    redact(conn, &mut found).await?;
    found.sort_by_key(|message| ids.iter().position(|id| *id == message.id));
    found.try_into().map_err(|_| no_message())
}

/// The message of a row, as it was stored.
pub(super) fn message_of(row: &SqliteRow) -> Result<Message> {
    let details: Details = row.json("details")?;
    Ok(Message {
        id: row.col("id")?,
        session_id: row.col("session")?,
        parent_id: row.col("parent")?,
        role: row.named("role", role_from_name)?,
        state: row.named("state", MessageState::from_name)?,
        content: row.col("content")?,
        citations: details.citations,
        unsupported: details.unsupported,
        sources: details.sources,
        abstained: row.col("abstained")?,
        model: row.col("model")?,
        usage: details.usage,
        timings: details.timings,
        warnings: details.warnings,
        finish_reason: details.finish_reason,
        error: row.maybe_json("failure")?,
        feedback: feedback_of(row)?,
        metadata: row.json("metadata")?,
        sibling_ids: Vec::new(),
        created_at: row.col("created_at")?,
    })
}

fn feedback_of(row: &SqliteRow) -> Result<Option<Feedback>> {
    let rating = match row.col::<Option<String>>("rating")?.as_deref() {
        Some("up") => Rating::Up,
        Some(_) => Rating::Down,
        None => return Ok(None),
    };
    Ok(Some(Feedback { rating, reason: row.col("reason")?, comment: row.col("comment")? }))
}

/// Takes out what messages hold of documents that are no longer there.
pub(super) async fn redact(conn: &mut SqliteConnection, messages: &mut [Message]) -> Result<()> {
    let cited: HashSet<DocumentId> = messages
        .iter()
        .flat_map(|message| {
            let sources = message.sources.iter().map(|source| source.document_id);
            sources.chain(message.citations.iter().map(|citation| citation.document_id))
        })
        .collect();
    if cited.is_empty() {
        return Ok(());
    }
    let rows = sql("SELECT id FROM documents
         WHERE id IN (SELECT unhex(value) FROM json_each(?)) AND deleted_at IS NULL")
    .bind(hex_list(cited.iter().map(DocumentId::as_bytes)))
    .all(conn)
    .await?;
    let there: HashSet<DocumentId> = rows.iter().map(|row| row.col("id")).collect::<Result<_>>()?;
    for message in messages {
        redact_sources(&mut message.sources, &mut message.citations, |id| !there.contains(&id));
    }
    Ok(())
}

/// The messages of one branch, newest last; pages go backwards from its end.
pub(super) async fn branch(
    conn: &mut SqliteConnection,
    session: SessionId,
    leaf: Option<MessageId>,
    page: &PageRequest,
) -> Result<Page<Message>> {
    let Some(end) = end_of(conn, session, leaf, page).await? else {
        return Ok(Page { items: Vec::new(), next_cursor: None });
    };
    let limit = cursor::limit(page);
    let mut rows = sql(select_messages!(
        "(WITH RECURSIVE path (seq, parent, depth) AS (
              SELECT seq, parent, 0 FROM messages WHERE session = ?1 AND seq = ?2
              UNION ALL SELECT m.seq, m.parent, depth + 1 FROM path JOIN messages m ON m.seq = path.parent
              LIMIT ?3)
          SELECT seq AS at, depth FROM path) path CROSS JOIN messages m ON m.seq = path.at",
        "ORDER BY path.depth"
    ))
    .bind(session)
    .bind(end)
    .bind(limit + 1)
    .all(conn)
    .await?;
    let next = rows.get(limit).map(|row| row.col("seq")).transpose()?;
    rows.truncate(limit);
    rows.reverse();
    let mut items = rows.iter().map(message_of).collect::<Result<Vec<Message>>>()?;
    add_siblings(conn, session, &rows, &mut items).await?;
    redact(conn, &mut items).await?;
    Ok(Page { items, next_cursor: next.map(|seq: i64| cursor::of_numbers(&[seq])) })
}

/// Where the page ends: its cursor, the leaf, or the newest message, which nothing follows.
async fn end_of(
    conn: &mut SqliteConnection,
    session: SessionId,
    leaf: Option<MessageId>,
    page: &PageRequest,
) -> Result<Option<i64>> {
    if let Some([seq]) = cursor::numbers::<1>(page)? {
        return Ok(Some(seq));
    }
    let row = match leaf {
        Some(leaf) => {
            let found = sql("SELECT seq FROM messages WHERE session = ? AND id = ?")
                .bind(session)
                .bind(leaf)
                .maybe(conn)
                .await?;
            Some(found.ok_or_else(no_message)?)
        }
        None => {
            sql("SELECT seq FROM messages WHERE session = ? ORDER BY seq DESC LIMIT 1")
                .bind(session)
                .maybe(conn)
                .await?
        }
    };
    row.map(|row| row.col("seq")).transpose()
}

/// The newest message below `message`: what was written last has the highest number, and nothing follows it.
pub(super) async fn newest_below(
    conn: &mut SqliteConnection,
    session: SessionId,
    message: MessageId,
) -> Result<MessageId> {
    let row = sql("WITH RECURSIVE below (seq) AS (
             SELECT seq FROM messages WHERE session = ?1 AND id = ?2
             UNION ALL SELECT m.seq FROM below CROSS JOIN messages m INDEXED BY messages_parent
                ON m.session = ?1 AND m.parent = below.seq)
         SELECT id FROM messages WHERE seq = (SELECT max(seq) FROM below)")
    .bind(session)
    .bind(message)
    .maybe(conn)
    .await?;
    row.ok_or_else(no_message)?.col("id")
}

async fn add_siblings(
    conn: &mut SqliteConnection,
    session: SessionId,
    rows: &[SqliteRow],
    messages: &mut [Message],
) -> Result<()> {
    let parents: Vec<Option<i64>> =
        rows.iter().map(|row| row.col("parent_seq")).collect::<Result<_>>()?;
    let known: Vec<i64> = parents.iter().flatten().copied().collect();
    let mut found = sql("SELECT m.parent, m.id FROM json_each(?1) w CROSS JOIN messages m INDEXED BY messages_parent
         WHERE m.session = ?2 AND m.parent = w.value ORDER BY m.seq")
    .bind(to_json(&known)?)
    .bind(session)
    .all(conn)
    .await?;
    if parents.contains(&None) {
        let first = sql("SELECT parent, id FROM messages INDEXED BY messages_parent
             WHERE session = ? AND parent IS NULL ORDER BY seq");
        found.extend(first.bind(session).all(conn).await?);
    }
    let mut siblings: HashMap<Option<i64>, Vec<MessageId>> = HashMap::new();
    for row in &found {
        siblings.entry(row.col("parent")?).or_default().push(row.col("id")?);
    }
    for (message, parent) in messages.iter_mut().zip(parents) {
        message.sibling_ids = siblings.get(&parent).cloned().unwrap_or_default();
    }
    Ok(())
}

/// See [`ConversationStore::set_feedback`](crate::traits::ConversationStore::set_feedback).
pub(super) async fn set_feedback(
    store: &SqliteStore,
    ctx: &Context,
    id: MessageId,
    feedback: Feedback,
) -> Result<Message> {
    let (principal, now) = (ctx.principal()?.clone(), store.now());
    let set = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            if by_id(conn, &principal, id).await?.role == MessageRole::User {
                return Err(Error::invalid("Only an answer can be rated."));
            }
            let rating = match feedback.rating {
                Rating::Up => "up",
                Rating::Down => "down",
            };
            sql("INSERT OR REPLACE INTO feedback (message, rating, reason, comment, updated_at)
                 SELECT seq, ?, ?, ?, ? FROM messages WHERE id = ?")
            .bind(rating)
            .bind(feedback.reason)
            .bind(feedback.comment)
            .bind(now)
            .bind(id)
            .run(conn)
            .await?;
            by_id(conn, &principal, id).await
        })
    });
    set.await
}
