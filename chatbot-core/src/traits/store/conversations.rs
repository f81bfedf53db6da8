//! Sessions, and turns from the question to the stored answer.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;

use super::Idempotency;
use crate::context::Context;
use crate::error::Result;
use crate::types::{
    CallRecord, DocumentId, Feedback, Lease, ListSessions, Message, MessageId, Metadata, Page,
    PageRequest, Session, SessionId, SessionPatch, Summary,
};

/// What a turn is about.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnTarget {
    /// A new question in a session that is made for it.
    NewSession(SessionPatch),
    /// A new question; it follows `parent`, or the newest message where there is none.
    Reply {
        /// The session.
        session: SessionId,
        /// What it follows.
        parent: Option<MessageId>,
    },
    /// Another wording of a question: a sibling of it.
    Edit {
        /// The session.
        session: SessionId,
        /// The question to put differently.
        message: MessageId,
    },
    /// Another answer to a question: a sibling of the answer.
    Regenerate {
        /// The session.
        session: SessionId,
        /// The answer, or the question, to answer again.
        message: MessageId,
    },
}

/// A turn to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct BeginTurn {
    /// What it is about.
    pub target: TurnTarget,
    /// The question; ignored when answering one again.
    pub content: String,
    /// The host's own facts about the question.
    pub metadata: Metadata,
    /// The model that will answer.
    pub model: String,
    /// Makes it happen once.
    pub idempotency: Option<Idempotency>,
    /// How long the answer's lease lasts.
    pub lease_ttl: Duration,
}

/// A turn that has begun: from here on the question is not lost.
#[derive(Debug, Clone, PartialEq)]
pub struct BegunTurn {
    /// The session.
    pub session: Session,
    /// The question.
    pub user_message: Message,
    /// The answer, pending; or as it stands where the key was used before.
    pub assistant_message: Message,
    /// The answer's lease; `None` where the key was used before.
    pub lease: Option<Lease>,
}

/// An answer that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishTurn {
    /// The message as it is to be stored, its state final.
    pub message: Message,
    /// The calls to models that were made for it, which are settled in the same step.
    pub calls: Vec<CallRecord>,
}

/// A summary to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepSummary {
    /// The summary.
    pub summary: Summary,
    /// The last message that the summary covers that it goes on from.
    pub extends: Option<MessageId>,
    /// The documents behind it, beside those behind the one that it goes on from.
    pub documents: HashSet<DocumentId>,
}

/// Sessions, messages and turns. Everything here is the context's principal's own.
#[async_trait]
pub trait ConversationStore: Send + Sync + std::fmt::Debug {
    /// Makes a session.
    ///
    /// # Errors
    /// `conflict` for a reused key.
    async fn create_session(
        &self,
        ctx: &Context,
        new: SessionPatch,
        idempotency: Option<Idempotency>,
    ) -> Result<Session>;

    /// The sessions, pinned ones first, then by when something last happened in them.
    async fn sessions(
        &self,
        ctx: &Context,
        list: &ListSessions,
        page: &PageRequest,
    ) -> Result<Page<Session>>;

    /// One session.
    ///
    /// # Errors
    /// `not_found`.
    async fn session(&self, ctx: &Context, id: SessionId) -> Result<Session>;

    /// Changes a session.
    ///
    /// # Errors
    /// `not_found`.
    async fn update_session(
        &self,
        ctx: &Context,
        id: SessionId,
        patch: SessionPatch,
    ) -> Result<Session>;

    /// Gives a session that nobody has named a better title than the one made from its first message. Returns whether it
    /// has it now: not where somebody has named it, nor where a document is gone that one of its answers rests on.
    ///
    /// # Errors
    /// `not_found`.
    async fn suggest_title(&self, ctx: &Context, id: SessionId, title: String) -> Result<bool>;

    /// Removes a session with its messages.
    ///
    /// # Errors
    /// `not_found`.
    async fn delete_session(&self, ctx: &Context, id: SessionId) -> Result<()>;

    /// Stores the question and a pending answer, in one step.
    ///
    /// # Errors
    /// `not_found`; `conflict` for a reused key or where the target is still being answered.
    async fn begin_turn(&self, ctx: &Context, begin: BeginTurn) -> Result<BegunTurn>;

    /// Adds text to an answer and holds its lease for `ttl` from now.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn append_turn(
        &self,
        ctx: &Context,
        lease: &Lease,
        delta: String,
        ttl: Duration,
    ) -> Result<()>;

    /// Notes which documents the answer is being made from, so that deleting one of them reaches it, however it ends.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn note_sources(
        &self,
        ctx: &Context,
        lease: &Lease,
        documents: HashSet<DocumentId>,
    ) -> Result<()>;

    /// Stores the answer as it ended, without the text of sources that were deleted meanwhile.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn finish_turn(&self, ctx: &Context, lease: &Lease, finish: FinishTurn) -> Result<()>;

    /// Closes answers whose lease ran out: `failed` with `unavailable` (`lease_lost`), with their text so far. Also
    /// those of a process that is known to be dead: `all` closes every open one. Returns how many.
    async fn close_abandoned_turns(&self, ctx: &Context, all: bool) -> Result<u64>;

    /// One message. Sources and quotes of deleted documents are gone from it.
    ///
    /// # Errors
    /// `not_found`.
    async fn message(&self, ctx: &Context, id: MessageId) -> Result<Message>;

    /// The messages from the first one to `leaf` (the newest leaf where none is named), newest last; pages go
    /// backwards from the end.
    ///
    /// # Errors
    /// `not_found`.
    async fn messages(
        &self,
        ctx: &Context,
        session: SessionId,
        leaf: Option<MessageId>,
        page: &PageRequest,
    ) -> Result<Page<Message>>;

    /// The newest message of those that follow `message`, at any distance; itself where nothing does.
    ///
    /// # Errors
    /// `not_found`.
    async fn newest_below(
        &self,
        ctx: &Context,
        session: SessionId,
        message: MessageId,
    ) -> Result<MessageId>;

    /// The newest summary that covers no message beside those of `path`.
    ///
    /// # Errors
    /// `not_found`.
    async fn summary(
        &self,
        ctx: &Context,
        session: SessionId,
        path: Vec<MessageId>,
    ) -> Result<Option<Summary>>;

    /// Keeps a summary, in place of one that covers as much, until a document behind it is deleted. Returns whether it is
    /// kept: not where one of them is gone already, nor the summary that it goes on from.
    ///
    /// # Errors
    /// `not_found`.
    async fn keep_summary(
        &self,
        ctx: &Context,
        session: SessionId,
        keep: KeepSummary,
    ) -> Result<bool>;

    /// Sets or replaces what the reader thought of an answer.
    ///
    /// # Errors
    /// `not_found`; `invalid_input` for a question.
    async fn set_feedback(
        &self,
        ctx: &Context,
        message: MessageId,
        feedback: Feedback,
    ) -> Result<Message>;
}
