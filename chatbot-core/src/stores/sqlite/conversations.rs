//! Sessions, messages and turns: which file does what.

use std::collections::HashSet;

use async_trait::async_trait;

use super::{SqliteStore, answers, messages, sessions, summaries, turns};
use crate::context::Context;
use crate::error::Result;
use crate::traits::{
    BeginTurn, BegunTurn, ConversationStore, FinishTurn, Idempotency, KeepSummary,
};
use crate::types::{
    DocumentId, Feedback, Lease, ListSessions, Message, MessageId, Page, PageRequest, Session,
    SessionId, SessionPatch, Summary,
};

#[async_trait]
impl ConversationStore for SqliteStore {
    async fn create_session(
        &self,
        ctx: &Context,
        new: SessionPatch,
        idempotency: Option<Idempotency>,
    ) -> Result<Session> {
        sessions::create(self, ctx, new, idempotency).await
    }

    async fn sessions(
        &self,
        ctx: &Context,
        list: &ListSessions,
        page: &PageRequest,
    ) -> Result<Page<Session>> {
        sessions::list(self, ctx, list, page).await
    }

    async fn session(&self, ctx: &Context, id: SessionId) -> Result<Session> {
        let principal = ctx.principal()?;
        ctx.run(async { sessions::by_id(&mut *self.snapshot().await?, principal, id).await }).await
    }

    async fn update_session(
        &self,
        ctx: &Context,
        id: SessionId,
        patch: SessionPatch,
    ) -> Result<Session> {
        sessions::update(self, ctx, id, patch).await
    }

    async fn suggest_title(&self, ctx: &Context, id: SessionId, title: String) -> Result<bool> {
        sessions::suggest_title(self, ctx, id, title).await
    }

    async fn delete_session(&self, ctx: &Context, id: SessionId) -> Result<()> {
        sessions::delete(self, ctx, id).await
    }

    async fn begin_turn(&self, ctx: &Context, begin: BeginTurn) -> Result<BegunTurn> {
        turns::begin(self, ctx, begin).await
    }

    async fn append_turn(
        &self,
        _ctx: &Context,
        lease: &Lease,
        delta: String,
        ttl: std::time::Duration,
    ) -> Result<()> {
        answers::append(self, lease, delta, ttl).await
    }

    async fn note_sources(
        &self,
        _ctx: &Context,
        lease: &Lease,
        documents: HashSet<DocumentId>,
    ) -> Result<()> {
        answers::note_sources(self, lease, documents).await
    }

    async fn finish_turn(&self, ctx: &Context, lease: &Lease, finish: FinishTurn) -> Result<()> {
        answers::finish(self, ctx, lease, finish).await
    }

    async fn close_abandoned_turns(&self, _ctx: &Context, all: bool) -> Result<u64> {
        answers::close_abandoned(self, all).await
    }

    async fn message(&self, ctx: &Context, id: MessageId) -> Result<Message> {
        let principal = ctx.principal()?;
        ctx.run(async { messages::by_id(&mut *self.snapshot().await?, principal, id).await }).await
    }

    async fn messages(
        &self,
        ctx: &Context,
        session: SessionId,
        leaf: Option<MessageId>,
        page: &PageRequest,
    ) -> Result<Page<Message>> {
        let principal = ctx.principal()?;
        ctx.run(async {
            let mut tx = self.snapshot().await?;
            sessions::require(&mut tx, principal, session).await?;
            messages::branch(&mut tx, session, leaf, page).await
        })
        .await
    }

    async fn newest_below(
        &self,
        ctx: &Context,
        session: SessionId,
        message: MessageId,
    ) -> Result<MessageId> {
        let principal = ctx.principal()?;
        ctx.run(async {
            let mut tx = self.snapshot().await?;
            sessions::require(&mut tx, principal, session).await?;
            messages::newest_below(&mut tx, session, message).await
        })
        .await
    }

    async fn summary(
        &self,
        ctx: &Context,
        session: SessionId,
        path: Vec<MessageId>,
    ) -> Result<Option<Summary>> {
        summaries::newest(self, ctx, session, &path).await
    }

    async fn keep_summary(
        &self,
        ctx: &Context,
        session: SessionId,
        keep: KeepSummary,
    ) -> Result<bool> {
        summaries::keep(self, ctx, session, keep).await
    }

    async fn set_feedback(
        &self,
        ctx: &Context,
        message: MessageId,
        feedback: Feedback,
    ) -> Result<Message> {
        messages::set_feedback(self, ctx, message, feedback).await
    }
}
