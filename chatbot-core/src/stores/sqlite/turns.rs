//! Turns: a question and the answer that is being written to it, under a lease like a job's.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::answers::make_searchable;
use super::error::damaged;
use super::fold::fold;
use super::idempotency::Once;
use super::jobs::after;
use super::messages::{self, message_of, no_message, returning_message, role_from_name, role_name};
use super::sessions::{self, returning_session, session_of};
use super::sql::{Batch, Columns as _, Sql, sql, to_json};
use super::{Lane, SqliteStore};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{BeginTurn, BegunTurn, TurnTarget};
use crate::types::{
    JobId, Lease, LeaseToken, Message, MessageId, MessageRole, MessageState, PrincipalId,
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

/// What is answered.
enum Question {
    /// One that is to be stored, by these statements: the first row is the question.
    New { id: MessageId, writes: Batch },
    /// One that is there.
    Asked(Box<Message>),
}

impl Question {
    const fn id(&self) -> MessageId {
        match self {
            Self::New { id, .. } => *id,
            Self::Asked(asked) => asked.id,
        }
    }
}

async fn begin_once(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
    begin: &BeginTurn,
    now: Timestamp,
) -> Result<BegunTurn> {
    let title = sessions::made_title(&begin.content);
    let (session, question) = place(conn, principal, begin, (&title, now)).await?;
    let (answer, token) = (MessageId::new(), LeaseToken::new());
    let job = JobId::from_bytes(*answer.as_bytes());
    let lease = Lease { job, token, expires_at: after(now, begin.lease_ttl) };
    let answers = insert_answer(session, question.id(), (begin, &lease), now);
    let (asked, writes) = match question {
        Question::Asked(asked) => {
            (Some(asked), answers.then(count_messages(session, (1, None), now)))
        }
        Question::New { writes, .. } => {
            let counts = count_messages(session, (2, Some(&title)), now);
            (None, writes.then(answers).then(counts))
        }
    };
    let rows = writes.all(conn).await?;
    let (user_message, rest) = match (asked, &*rows) {
        (Some(asked), rest) => (*asked, rest),
        (None, [asked, rest @ ..]) => (message_of(asked)?, rest),
        (None, []) => return Err(damaged("a question")),
    };
    let [answer, session] = rest else { return Err(damaged("a turn")) };
    Ok(BegunTurn {
        session: session_of(session)?,
        user_message,
        assistant_message: message_of(answer)?,
        lease: Some(lease),
    })
}

async fn place(
    conn: &mut SqliteConnection,
    principal: &PrincipalId,
    begin: &BeginTurn,
    (title, now): (&str, Timestamp),
) -> Result<(SessionId, Question)> {
    match &begin.target {
        TurnTarget::NewSession(new) => {
            let session = SessionId::new();
            let (id, writes) = insert_question(session, None, (begin, now))?;
            let made = sessions::insert_session(session, principal, new, (title, now))?;
            Ok((session, Question::New { id, writes: made.then(writes) }))
        }
        TurnTarget::Reply { session, parent } => {
            sessions::require(conn, principal, *session).await?;
            let parent = reply_parent(conn, *session, *parent).await?;
            let (id, writes) = insert_question(*session, parent, (begin, now))?;
            Ok((*session, Question::New { id, writes }))
        }
        TurnTarget::Edit { session, message } => {
            sessions::require(conn, principal, *session).await?;
            let row = one(conn, *session, *message).await?;
            if row.named("role", role_from_name)? != MessageRole::User {
                return Err(Error::invalid("Only a question can be put differently."));
            }
            refuse_open_answers(conn, *session, row.col("seq")?).await?;
            let (id, writes) = insert_question(*session, row.col("parent")?, (begin, now))?;
            Ok((*session, Question::New { id, writes }))
        }
        TurnTarget::Regenerate { session, message } => {
            sessions::require(conn, principal, *session).await?;
            let (seq, id) = question_of(conn, *session, *message).await?;
            refuse_open_answers(conn, *session, seq).await?;
            let asked = messages::by_id(conn, principal, id).await?;
            Ok((*session, Question::Asked(Box::new(asked))))
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

/// The statements that store the question under this message and return it, and its id.
fn insert_question(
    session: SessionId,
    parent: Option<i64>,
    (begin, now): (&BeginTurn, Timestamp),
) -> Result<(MessageId, Batch)> {
    let id = MessageId::new();
    let insert = sql(concat!(
        "INSERT INTO messages (id, session, parent, role, state, content, metadata, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ",
        returning_message!()
    ))
    .bind(id)
    .bind(session)
    .bind(parent)
    .bind(role_name(MessageRole::User))
    .bind(MessageState::Complete.as_str())
    .bind(begin.content.as_str())
    .bind(to_json(&begin.metadata)?)
    .bind(now);
    Ok((id, insert.then(make_searchable(id, &begin.content))))
}

/// The statement that stores the answer to the question as one that is being written, and returns it.
fn insert_answer(
    session: SessionId,
    question: MessageId,
    (begin, lease): (&BeginTurn, &Lease),
    now: Timestamp,
) -> Sql {
    sql(concat!(
        "INSERT INTO messages (id, session, parent, role, state, content, model, token, expires_at, created_at)
         VALUES (?, ?, (SELECT seq FROM messages WHERE id = ?), ?, ?, '', ?, ?, ?, ?) ",
        returning_message!()
    ))
    .bind(lease.job)
    .bind(session)
    .bind(question)
    .bind(role_name(MessageRole::Assistant))
    .bind(MessageState::Pending.as_str())
    .bind(begin.model.as_str())
    .bind(lease.token)
    .bind(lease.expires_at)
    .bind(now)
}

/// The statement that counts the new messages of a session and returns it; `title` is what it is called where these are its
/// first and nobody named it.
fn count_messages(session: SessionId, (n_new, title): (u32, Option<&str>), now: Timestamp) -> Sql {
    sql(concat!(
        "UPDATE sessions SET
            title = CASE WHEN message_count = 0 AND named = 0 THEN coalesce(?, title) ELSE title END,
            folded = CASE WHEN message_count = 0 AND named = 0 THEN coalesce(?, folded) ELSE folded END,
            message_count = message_count + ?, updated_at = ?
         WHERE id = ? ",
        returning_session!()
    ))
    .bind(title)
    .bind(title.map(fold))
    .bind(n_new)
    .bind(now)
    .bind(session)
}
