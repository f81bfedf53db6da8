//! What follows an answer while nobody waits: its session gets a name, and what no prompt has room for is summed up.

use super::run::Run;
use crate::engine::summary::{Sum, left_out};
use crate::engine::wording::Writer;
use crate::error::Result;
use crate::traits::Signal;
use crate::types::{Event, Message, Summary};

/// What the prompt of a turn had no room for.
#[derive(Debug)]
pub(super) struct LeftOut {
    /// The summary so far.
    before: Option<Summary>,
    /// What it does not cover, oldest first.
    messages: Vec<Message>,
}

impl LeftOut {
    /// What is left out by a prompt with the last `n_shown` messages of the path.
    pub(super) fn of(path: &[Message], n_shown: usize, before: Option<Summary>) -> Self {
        let covered = before.as_ref().map(|before| before.covers);
        Self { messages: left_out(path, n_shown, covered).to_vec(), before }
    }
}

impl Run {
    /// Begins what follows an answer that ended as it should. Closing the engine ends it, and nothing is lost by that.
    pub(super) fn follow_up(&mut self, ended: &Event) {
        let Event::Done { message } = ended else { return };
        if self.model.info().quotes_only {
            return;
        }
        let is_first = self.begun.user_message.parent_id.is_none();
        if is_first && self.engine.settings.titles && !message.abstained {
            self.name_session();
        }
        if let Some(left_out) = self.left_out.take().filter(|left| !left.messages.is_empty()) {
            self.sum_up(left_out);
        }
    }

    /// Has the model name the session, unless somebody has.
    fn name_session(&self) {
        let question = self.begun.user_message.clone();
        let (engine, model) = (self.engine.clone(), self.model.clone());
        let (ctx, session) = (self.live.ctx.detached(), self.begun.session.id);
        let profile = self.request.profile.clone();
        self.spawn(async move {
            let profile = engine.profile(profile.as_deref())?;
            let writer = Writer { model: &model, session, message: None, profile };
            let Some(title) = engine.title(&ctx, writer, &question).await else { return Ok(()) };
            if engine.store().suggest_title(&ctx, session, title).await? {
                engine.signal(Signal::Session(session)).await;
            }
            Ok(())
        });
    }

    fn sum_up(&self, LeftOut { before, messages }: LeftOut) {
        let (engine, ctx) = (self.engine.clone(), self.live.ctx.detached());
        let sum = Sum {
            model: self.model.clone(),
            session: self.begun.session.id,
            profile: self.request.profile.clone(),
            before,
            left_out: messages,
        };
        self.spawn(async move { engine.sum_up(&ctx, sum).await });
    }

    fn spawn(&self, work: impl Future<Output = Result<()>> + Send + 'static) {
        let (session, closing) = (self.begun.session.id, self.engine.ctx.clone());
        self.engine.tasks.spawn(async move {
            if let Err(error) = closing.run(work).await {
                tracing::debug!(%session, %error, "what follows an answer was not done");
            }
        });
    }
}
