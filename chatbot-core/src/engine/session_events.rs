//! What happens in a session, for those who have it open elsewhere.
//!
//! Signals are hints that may be lost, so that a watcher looks at the store: at each hint, and now and then by itself.
//! It tells that there is something, not what it says: messages and answers on their way have streams of their own.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};

use super::Engine;
use crate::context::Context;
use crate::error::{ErrorKind, Result};
use crate::traits::Signal;
use crate::types::{
    Message, MessageId, MessageState, PageRequest, Session, SessionEvent, SessionId,
};

/// How long a watcher relies on signals before it looks for itself: they may be lost.
const POLL: Duration = Duration::from_secs(1);
/// Messages looked at beyond those that were counted: a turn adds two, and may add them between two looks.
const MARGIN: u32 = 2;

impl Engine {
    /// How the session stands, and what happens in it from now on; ends once it is gone.
    pub(crate) async fn watch_session(
        self: &Arc<Self>,
        ctx: &Context,
        id: SessionId,
    ) -> Result<BoxStream<'static, SessionEvent>> {
        // Subscribed before the first look, so that no change falls between the two.
        let signals = self.parts.bus.subscribe();
        let session = self.store().session(ctx, id).await?;
        let (engine, ctx) = (self.clone(), ctx.clone());
        let due = VecDeque::from([SessionEvent::Session { session: session.clone() }]);
        let states = HashMap::new();
        let mut watch = Watch { engine, ctx, signals, session, is_gone: false, states, due };
        watch.look_at_newest(0).await?;
        Ok(stream::unfold(watch, Watch::next).boxed())
    }
}

struct Watch {
    engine: Arc<Engine>,
    ctx: Context,
    signals: BoxStream<'static, Signal>,
    /// As it was told last.
    session: Session,
    is_gone: bool,
    /// As they were told last.
    states: HashMap<MessageId, MessageState>,
    /// To be told.
    due: VecDeque<SessionEvent>,
}

impl Watch {
    async fn next(mut self) -> Option<(SessionEvent, Self)> {
        loop {
            if let Some(event) = self.due.pop_front() {
                return Some((event, self));
            }
            if self.is_gone {
                return None;
            }
            self.woken().await?;
            self.look().await.ok()?;
        }
    }

    /// Waits for a hint, or until it is time to look anyway.
    async fn woken(&mut self) -> Option<()> {
        let wanted = Signal::Session(self.session.id);
        let poll = tokio::time::sleep(POLL);
        tokio::pin!(poll);
        loop {
            tokio::select! {
                signal = self.signals.next() => if signal? == wanted { return Some(()) },
                () = &mut poll => return Some(()),
            }
        }
    }

    async fn look(&mut self) -> Result<()> {
        let session = match self.engine.store().session(&self.ctx, self.session.id).await {
            Ok(session) => session,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.is_gone = true;
                self.due.push_back(SessionEvent::Deleted);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let n_new = session.message_count.saturating_sub(self.session.message_count);
        if session != self.session {
            self.session = session.clone();
            self.due.push_back(SessionEvent::Session { session });
        }
        if n_new > 0 {
            self.look_at_newest(n_new).await?;
        }
        self.look_at_open().await
    }

    async fn look_at_newest(&mut self, n: u32) -> Result<()> {
        let page = PageRequest::new(n.saturating_add(MARGIN).min(PageRequest::MAX_LIMIT), None)?;
        let newest = self.engine.store().messages(&self.ctx, self.session.id, None, &page).await?;
        newest.items.iter().for_each(|message| self.note(message));
        Ok(())
    }

    /// An answer may be on a branch that is not the newest one any more.
    async fn look_at_open(&mut self) -> Result<()> {
        let open = self.states.iter().filter(|(_, state)| !state.is_final());
        for id in open.map(|(id, _)| *id).collect::<Vec<_>>() {
            match self.engine.store().message(&self.ctx, id).await {
                Ok(message) => self.note(&message),
                // The session went meanwhile: the next look says so.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn note(&mut self, message: &Message) {
        if self.states.insert(message.id, message.state) != Some(message.state) {
            self.due.push_back(SessionEvent::Message { message: message.into() });
        }
    }
}
