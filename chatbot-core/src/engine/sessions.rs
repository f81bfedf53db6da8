//! Sessions as a host handles them.

use super::Engine;
use super::documents::checked_name;
use crate::context::Context;
use crate::error::Result;
use crate::traits::{Idempotency, Signal};
use crate::types::{Message, MessageId, Page, PageRequest, Session, SessionId, SessionPatch};

/// The longest title or folder of a session, in characters.
const MAX_TITLE_CHARS: usize = 200;

impl Engine {
    pub(crate) async fn create_session(
        &self,
        ctx: &Context,
        new: SessionPatch,
        idempotency: Option<Idempotency>,
    ) -> Result<Session> {
        let new = self.checked_patch(ctx, new).await?;
        self.store().create_session(ctx, new, idempotency).await
    }

    pub(crate) async fn update_session(
        &self,
        ctx: &Context,
        id: SessionId,
        patch: SessionPatch,
    ) -> Result<Session> {
        let patch = self.checked_patch(ctx, patch).await?;
        let session = self.store().update_session(ctx, id, patch).await?;
        self.signal(Signal::Session(id)).await;
        Ok(session)
    }

    pub(crate) async fn delete_session(&self, ctx: &Context, id: SessionId) -> Result<()> {
        self.store().delete_session(ctx, id).await?;
        self.signal(Signal::Session(id)).await;
        Ok(())
    }

    /// A branch, from a page of its end on.
    pub(crate) async fn messages(
        &self,
        ctx: &Context,
        session: SessionId,
        leaf: Option<MessageId>,
        page: &PageRequest,
    ) -> Result<Page<Message>> {
        let end = match leaf {
            Some(leaf) => Some(self.store().newest_below(ctx, session, leaf).await?),
            None => None,
        };
        self.store().messages(ctx, session, end, page).await
    }

    pub(super) async fn checked_patch(
        &self,
        ctx: &Context,
        mut patch: SessionPatch,
    ) -> Result<SessionPatch> {
        if let Some(title) = &mut patch.title {
            *title = checked_name("title", title, MAX_TITLE_CHARS)?;
        }
        if let Some(folder) = patch.folder.as_mut().filter(|folder| !folder.is_empty()) {
            *folder = checked_name("folder", folder, MAX_TITLE_CHARS)?;
        }
        if patch.model.is_some() {
            self.model(patch.model.as_deref())?;
        }
        self.narrowed(ctx, patch.collection_ids.as_deref()).await?;
        Ok(patch)
    }
}
