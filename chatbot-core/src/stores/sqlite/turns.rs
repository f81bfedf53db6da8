//! Turns: a question and the answer that is being written to it, under a lease like a job's.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::answers::make_searchable;
use super::error::damaged;
use super::fold::fold;
use super::idempotency::Once;
use super::jobs::after;
use super::messages::{self, message_of, no_message, returning_message, role_from_name, role_name};
use super::sessions::{self, returning_session, session_of};
use super::sql::{Columns as _, sql, to_json};
use super::{Lane, SqliteStore};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{BeginTurn, BegunTurn, TurnTarget};
use crate::types::{
    JobId, Lease, LeaseToken, Message, MessageId, MessageRole, MessageState, PrincipalId, Session,
    SessionId, Timestamp,
};

/// See [`ConversationStore::begin_turn`](crate::traits::ConversationStore::begin_turn).
pub(super) async fn begin(
    store: &SqliteStore,
    ctx: &Context,
    mut begin: BeginTurn,
) -> Result<BegunTurn> {
    let key = begin.idempotency.take();
    let once = Once { principal: ctx.principal()?.clone(), operation: "begin_turn", key };
    let now = store.now();
    let write = store.writer.write(Lane::Interactive, move |conn| {
        Box::pin(async move {
            if let Some(ids) = once.replay(conn).await? {
                return replayed(conn, &once.principal, &ids).await;
            }
            let begun = begin_once(conn, &once.principal, &begin, now).await?;
            let (user, assistant) = (begun.user_message.id, begun.assistant_message.id);
            once.remember(conn, [*user.as_bytes(), *assistant.as_bytes()].concat(), now).await?;
            Ok(begun)
        })
    });
    write.await
}

async fn replayed(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
    ids: &[u8],
) -> Result<BegunTurn> {
    let id = |bytes: Option<&[u8]>| {
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(MessageId::from_bytes).ok_or_else(|| damaged("an id"))
    };
    let both = [id(ids.get(..16))?, id(ids.get(16..))?];
    let [user_message, assistant_message] = messages::by_ids(conn, principal, both).await?;
    let session = sessions::by_id(conn, principal, user_message.session_id).await?;
    Ok(BegunTurn { session, user_message, assistant_message, lease: None })
}

/// What is answered: a new question under a parent, or one that is there.
enum Question {
    New { parent: Option<i64> },
    Asked { seq: i64, id: MessageId },
}

async fn begin_once(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
    begin: &BeginTurn,
    now: Timestamp,
) -> Result<BegunTurn> {
    let (session, question) = place(conn, principal, begin, now).await?;
    let (seq, user_message, new) = match question {
        Question::Asked { seq, id } => {
            let asked = messages::by_id(conn, principal, id).await?;
            (seq, asked, NewMessages { n: 1, title: None })
        }
        Question::New { parent } => {
            let (seq, asked) = ask(conn, session, (parent, begin), now).await?;
            let title = sessions::made_title(&begin.content);
            (seq, asked, NewMessages { n: 2, title: Some(title) })
        }
    };
    let (assistant, token) = (MessageId::new(), LeaseToken::new());
    let expires_at = after(now, begin.lease_ttl);
    let row = sql(concat!(
        "INSERT INTO messages (id, session, parent, role, state, content, model, token, expires_at, created_at)
         VALUES (?, ?, ?, ?, ?, '', ?, ?, ?, ?) ",
        returning_message!()
    ))
    .bind(assistant)
    .bind(session)
    .bind(seq)
    .bind(role_name(MessageRole::Assistant))
    .bind(MessageState::Pending.as_str())
    .bind(begin.model.as_str())
    .bind(token)
    .bind(expires_at)
    .bind(now)
    .one(conn)
    .await?;
    let assistant_message = message_of(&row)?;
    let session = count(conn, session, new, now).await?;
    let job = JobId::from_bytes(*assistant.as_bytes());
    let lease = Some(Lease { job, token, expires_at });
    Ok(BegunTurn { session, user_message, assistant_message, lease })
}

async fn place(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
    begin: &BeginTurn,
    now: Timestamp,
) -> Result<(SessionId, Question)> {
    match &begin.target {
        TurnTarget::NewSession(new) => {
            let title = sessions::made_title(&begin.content);
            let session = sessions::insert(conn, principal, new, (&title, now)).await?;
            Ok((session, Question::New { parent: None }))
        }
        TurnTarget::Reply { session, parent } => {
            sessions::require(conn, principal, *session).await?;
            let parent = reply_parent(conn, *session, *parent).await?;
            Ok((*session, Question::New { parent }))
        }
        TurnTarget::Edit { session, message } => {
            sessions::require(conn, principal, *session).await?;
            let row = one(conn, *session, *message).await?;
            if row.named("role", role_from_name)? != MessageRole::User {
                return Err(Error::invalid("Only a question can be put differently."));
            }
            refuse_open_answers(conn, *session, row.col("seq")?).await?;
            Ok((*session, Question::New { parent: row.col("parent")? }))
        }
        TurnTarget::Regenerate { session, message } => {
            sessions::require(conn, principal, *session).await?;
            let (seq, id) = question_of(conn, *session, *message).await?;
            refuse_open_answers(conn, *session, seq).await?;
            Ok((*session, Question::Asked { seq, id }))
        }
    }
}

async fn one(conn: &mut SqliteConnection, session: SessionId, id: MessageId) -> Result<SqliteRow> {
    sql("SELECT seq, id, parent, role, state FROM messages WHERE session = ? AND id = ?")
        .bind(session)
        .bind(id)
        .maybe(conn)
        .await?
        .ok_or_else(no_message)
}

async fn reply_parent(
    conn: &mut SqliteConnection,
    session: SessionId,
    parent: Option<MessageId>,
) -> Result<Option<i64>> {
    let row = match parent {
        Some(parent) => Some(one(conn, session, parent).await?),
        None => {
            sql("SELECT seq, role, state FROM messages WHERE session = ? ORDER BY seq DESC LIMIT 1")
                .bind(session)
                .maybe(conn)
                .await?
        }
    };
    let Some(row) = row else { return Ok(None) };
    if row.named("role", role_from_name)? != MessageRole::Assistant {
        return Err(Error::invalid("A question follows an answer, not another question."));
    }
    if !row.named("state", MessageState::from_name)?.is_final() {
        return Err(still_answered());
    }
    row.col("seq").map(Some)
}

async fn question_of(
    conn: &mut SqliteConnection,
    session: SessionId,
    message: MessageId,
) -> Result<(i64, MessageId)> {
    let row = one(conn, session, message).await?;
    if row.named("role", role_from_name)? == MessageRole::User {
        return Ok((row.col("seq")?, row.col("id")?));
    }
    let question = sql("SELECT seq, id FROM messages WHERE seq = ?")
        .bind(row.col::<Option<i64>>("parent")?)
        .maybe(conn)
        .await?
        .ok_or_else(no_message)?;
    Ok((question.col("seq")?, question.col("id")?))
}

async fn refuse_open_answers(
    conn: &mut SqliteConnection,
    session: SessionId,
    question: i64,
) -> Result<()> {
    let open = sql("SELECT 1 AS found FROM messages
         WHERE session = ? AND parent = ? AND state IN ('pending', 'streaming') LIMIT 1")
    .bind(session)
    .bind(question)
    .maybe(conn)
    .await?;
    if open.is_some() { Err(still_answered()) } else { Ok(()) }
}

fn still_answered() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "The question before is still being answered. Wait for the answer, or stop it.",
    )
}

async fn ask(
    conn: &mut SqliteConnection,
    session: SessionId,
    (parent, begin): (Option<i64>, &BeginTurn),
    now: Timestamp,
) -> Result<(i64, Message)> {
    let row = sql(concat!(
        "INSERT INTO messages (id, session, parent, role, state, content, metadata, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ",
        returning_message!()
    ))
    .bind(MessageId::new())
    .bind(session)
    .bind(parent)
    .bind(role_name(MessageRole::User))
    .bind(MessageState::Complete.as_str())
    .bind(begin.content.as_str())
    .bind(to_json(&begin.metadata)?)
    .bind(now)
    .one(conn)
    .await?;
    let seq = row.col("seq")?;
    make_searchable(conn, session, (seq, &begin.content)).await?;
    Ok((seq, message_of(&row)?))
}

/// What a turn adds to its session.
struct NewMessages {
    n: u32,
    /// What the session is called where these are its first messages and nobody named it.
    title: Option<String>,
}

async fn count(
    conn: &mut SqliteConnection,
    session: SessionId,
    new: NewMessages,
    now: Timestamp,
) -> Result<Session> {
    let row = sql(concat!(
        "UPDATE sessions SET
            title = CASE WHEN message_count = 0 AND named = 0 THEN coalesce(?1, title) ELSE title END,
            folded = CASE WHEN message_count = 0 AND named = 0 THEN coalesce(?2, folded) ELSE folded END,
            message_count = message_count + ?3, updated_at = ?4
         WHERE id = ?5 ",
        returning_session!()
    ))
    .bind(new.title.as_deref())
    .bind(new.title.as_deref().map(fold))
    .bind(new.n)
    .bind(now)
    .bind(session)
    .one(conn)
    .await?;
    session_of(&row)
}
