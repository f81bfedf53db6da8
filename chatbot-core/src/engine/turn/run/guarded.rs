//! Guards in a turn: the question before it is searched, the answer before it is sent.
//!
//! Where there are guards, text is held back until a sentence is whole, and what they let through goes on to the aligner: what
//! was sent is never taken back, and citations mark the text that was sent. Where there are none, nothing is held.

use super::Run;
use crate::context::Context;
use crate::engine::cite::Aligner;
use crate::engine::guarding::{Hold, Side, check};
use crate::error::Result;
use crate::types::{Event, Message, MessageRole, Warning};

/// What waits for the end of its sentence.
#[derive(Debug, Default)]
pub(super) struct Held {
    text: Hold,
    thinking: Hold,
}

impl Run {
    fn has_guards(&self) -> bool {
        !self.engine.parts.turn.guards.is_empty()
    }

    /// Lets the guards see the question. From here on the turn knows it as they leave it; it stays stored as it was asked.
    pub(super) async fn guard_question(&mut self, ctx: &Context) -> Result<()> {
        if !self.has_guards() {
            return Ok(());
        }
        let asked = self.begun.user_message.content.clone();
        let question = self.guarded(ctx, Side::Input, asked).await?;
        self.begun.user_message.content = question;
        Ok(())
    }

    /// Lets the guards see the questions before: they are stored as they were asked, and a model is about to read them.
    pub(super) async fn guard_path(&self, ctx: &Context, path: &mut [Message]) -> Result<()> {
        let guards = &self.engine.parts.turn.guards;
        if guards.is_empty() {
            return Ok(());
        }
        for message in path.iter_mut().filter(|message| message.role == MessageRole::User) {
            let asked = std::mem::take(&mut message.content);
            // What is not let through has already ended a turn; this one goes on without it.
            message.content = match check(guards, ctx, Side::Input, asked).await {
                Ok(checked) => checked.text,
                Err(_) => String::new(),
            };
            ctx.check()?;
        }
        Ok(())
    }

    /// Passes a piece of the answer on.
    pub(super) async fn say(
        &mut self,
        ctx: &Context,
        delta: &str,
        aligner: &mut Aligner,
    ) -> Result<()> {
        let delta = self.rounds.paragraph(delta);
        if !self.has_guards() {
            self.draft.add(&self.live, aligner.push(&delta));
            return Ok(());
        }
        if let Some(thought) = self.held.thinking.finish() {
            self.let_thought_out(ctx, thought).await?;
        }
        for sentence in self.held.text.push(&delta) {
            self.let_sentence_out(ctx, sentence, aligner).await?;
        }
        Ok(())
    }

    /// Passes a thought on.
    pub(super) async fn think(&mut self, ctx: &Context, delta: String) -> Result<()> {
        if !self.has_guards() {
            self.live.emit(Event::Thinking { delta });
            return Ok(());
        }
        for thought in self.held.thinking.push(&delta) {
            self.let_thought_out(ctx, thought).await?;
        }
        Ok(())
    }

    /// What waits, at the end of a round.
    pub(super) async fn let_go(&mut self, ctx: &Context, aligner: &mut Aligner) -> Result<()> {
        if let Some(thought) = self.held.thinking.finish() {
            self.let_thought_out(ctx, thought).await?;
        }
        if let Some(sentence) = self.held.text.finish() {
            self.let_sentence_out(ctx, sentence, aligner).await?;
        }
        Ok(())
    }

    async fn let_sentence_out(
        &mut self,
        ctx: &Context,
        sentence: String,
        aligner: &mut Aligner,
    ) -> Result<()> {
        let sentence = self.guarded(ctx, Side::Output, sentence).await?;
        self.draft.add(&self.live, aligner.push(&sentence));
        Ok(())
    }

    async fn let_thought_out(&mut self, ctx: &Context, thought: String) -> Result<()> {
        let delta = self.guarded(ctx, Side::Output, thought).await?;
        self.live.emit(Event::Thinking { delta });
        Ok(())
    }

    /// The text as the guards leave it; the reader is told what they say.
    async fn guarded(&mut self, ctx: &Context, side: Side, text: String) -> Result<String> {
        let checked = check(&self.engine.parts.turn.guards, ctx, side, text).await?;
        for warning in checked.warnings {
            self.warn(warning);
        }
        if checked.is_rewritten {
            self.warn(match side {
                Side::Input => Warning::new(
                    "input_rewritten",
                    "A part of the question was replaced before it was used.",
                ),
                Side::Output => {
                    Warning::new("output_rewritten", "A part of the answer was replaced.")
                }
            });
        }
        Ok(checked.text)
    }
}
