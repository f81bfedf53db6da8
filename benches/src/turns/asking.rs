//! One turn, and what storing it alone takes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatbot_core::stores::SqliteStore;
use chatbot_core::traits::{
    BeginTurn, Clock as _, ConversationStore as _, FinishTurn, Store as _, SystemClock, TurnTarget,
};
use chatbot_core::types::{
    CallId, CallPurpose, CallRecord, Event, Message, Metadata, SessionPatch, Strategy,
};
use chatbot_core::{Chatbot, Context, TurnRequest};
use futures_util::StreamExt as _;

use crate::{Failure, Result};

/// As long as the engine's own leases are held.
const LEASE_TTL: Duration = Duration::from_secs(60);

/// Asks in a session of its own: how long it took from the call until the answer had ended, and the answer.
///
/// # Errors
/// Where the turn fails.
pub async fn ask(
    chatbot: &Chatbot,
    question: &str,
    strategy: Strategy,
) -> Result<(Duration, Message)> {
    ask_with(chatbot, TurnRequest { strategy, ..TurnRequest::new(question) }).await
}

/// As [`ask`], with a request of one's own.
///
/// # Errors
/// Where the turn fails.
pub async fn ask_with(chatbot: &Chatbot, request: TurnRequest) -> Result<(Duration, Message)> {
    let begun = Instant::now();
    let mut turn = chatbot.stream(request).await?;
    while let Some(event) = turn.next().await {
        if let Event::Done { message } = event.event {
            return Ok((begun.elapsed(), *message));
        }
        if let Event::Failed { error, .. } = event.event {
            return Err(Failure::from(error.message));
        }
    }
    Err(Failure::from("a turn ended without an answer"))
}

/// The store of a data directory that an engine works on, for the same writes without the engine.
#[derive(Debug)]
pub struct Durable(SqliteStore);

impl Durable {
    /// Opens the store of this data directory beside its engine.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub async fn open(data: &Path) -> Result<Self> {
        Ok(Self(SqliteStore::open(&data.join("store.db"), Arc::new(SystemClock)).await?))
    }

    /// Stores a question, this answer to it and the call that made it, as a turn does: two writes, each flushed before it
    /// returns.
    ///
    /// # Errors
    /// Where the store refuses them.
    pub async fn write(&self, question: &str, answer: &Message) -> Result<Duration> {
        let ctx = Context::local();
        let begin = BeginTurn {
            target: TurnTarget::NewSession(SessionPatch::default()),
            content: question.to_owned(),
            metadata: Metadata::new(),
            model: answer.model.clone().unwrap_or_default(),
            idempotency: None,
            lease_ttl: LEASE_TTL,
        };
        let mut message = answer.clone();
        let at = Instant::now();
        let begun = self.0.begin_turn(&ctx, begin).await?;
        let lease = begun.lease.ok_or("a new turn has no lease")?;
        message.id = begun.assistant_message.id;
        message.session_id = begun.session.id;
        message.parent_id = begun.assistant_message.parent_id;
        let call = CallRecord {
            id: CallId::new(),
            session: Some(message.session_id),
            message: Some(message.id),
            purpose: CallPurpose::Answer,
            model: answer.model.clone().unwrap_or_default(),
            usage: message.usage,
            error: None,
            at: SystemClock.now(),
        };
        self.0.finish_turn(&ctx, &lease, FinishTurn { message, calls: vec![call] }).await?;
        Ok(at.elapsed())
    }

    /// Lets go of the store.
    pub async fn close(self) {
        self.0.close().await;
    }
}
