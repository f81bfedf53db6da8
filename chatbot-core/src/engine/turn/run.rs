//! One turn from its stored question to its terminal event.

mod guarded;
mod ladder;
mod rounds;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio_util::task::AbortOnDropHandle;

use super::TurnRequest;
use super::afterwards::LeftOut;
use super::draft::{COALESCE, Draft};
use super::live::LiveTurn;
use super::searched::Searched;
use crate::context::Context;
use crate::crash;
use crate::engine::Engine;
use crate::engine::cite::{Aligned, Aligner};
use crate::engine::search::Found;
use crate::engine::{evidence, lease, prompt};
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{
    BegunTurn, ChatModel, ChatRequest, FinishTurn, Grounding, ModelEvent, ModelStream, Signal,
    TurnTarget,
};
use crate::types::{
    Event, FinishReason, Lease, Message, MessageError, MessageState, PageRequest, SearchRequest,
    Strategy, Summary, Usage, Warning,
};

/// How often text is written to the store while it arrives: what a killed process may lose of an answer.
const FLUSH: Duration = Duration::from_secs(1);

/// What was asked, of whom, and since when.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: TurnRequest,
    /// The state of grants that it was asked in.
    pub(super) epoch: u64,
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) began: Instant,
    /// What is being found for the question as it was asked; `None` where the search must wait for the conversation.
    pub(super) early: Option<AbortOnDropHandle<Result<Found>>>,
}

/// A turn in progress.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) engine: Arc<Engine>,
    pub(super) live: Arc<LiveTurn>,
    pub(super) request: TurnRequest,
    epoch: u64,
    pub(super) model: Arc<dyn ChatModel>,
    early: Option<AbortOnDropHandle<Result<Found>>>,
    pub(super) begun: BegunTurn,
    lease: Lease,
    draft: Draft,
    /// Whether the store knows what the answer is made from: before any of it is stored.
    is_noted: bool,
    rounds: rounds::Rounds,
    held: guarded::Held,
    /// What the prompt had no room for.
    pub(super) left_out: Option<LeftOut>,
}

impl Run {
    pub(super) fn new(
        engine: Arc<Engine>,
        live: Arc<LiveTurn>,
        asked: Asked,
        (begun, lease): (BegunTurn, Lease),
    ) -> Self {
        let Asked { request, epoch, model, began, early } = asked;
        let draft = Draft::new(begun.assistant_message.clone(), began);
        engine.ledger.begin_turn(live.id);
        Self {
            engine,
            live,
            request,
            epoch,
            model,
            early,
            begun,
            lease,
            draft,
            is_noted: false,
            rounds: rounds::Rounds::default(),
            held: guarded::Held::default(),
            left_out: None,
        }
    }

    /// Answers, stores the answer, and says so: exactly one terminal event, whatever happens.
    pub(super) async fn run_to_its_end(mut self) {
        let ctx = self.live.ctx.clone();
        let audience = cancel_when_abandoned(self.live.clone(), self.engine.settings.abandon_after);
        // However long the search or the model's first word takes.
        let (engine, lease) = (self.engine.clone(), self.lease.clone());
        let renew = || engine.store().append_turn(&ctx, &lease, String::new(), lease::TTL);
        let outcome = tokio::select! {
            outcome = ctx.run(self.answer(&ctx)) => outcome,
            lost = lease::keep(&ctx, renew) => Err(lost),
            () = audience => Err(Error::new(ErrorKind::Cancelled, "Nobody followed the answer.")),
        };
        let event = self.finish(outcome.map_err(|error| self.live.explained(error))).await;
        self.follow_up(&event);
        self.live.emit(event);
        self.engine.turns.end(self.live.id);
        self.engine.signal(Signal::Session(self.begun.session.id)).await;
    }

    async fn answer(&mut self, ctx: &Context) -> Result<()> {
        self.live.emit(Event::Started {
            session_id: self.begun.session.id,
            message_id: self.begun.assistant_message.id,
            user_message_id: self.begun.user_message.id,
            model: self.model.info().name.clone(),
        });
        self.guard_question(ctx).await?;
        let mut path = self.path(ctx).await?;
        self.guard_path(ctx, &mut path).await?;
        let searched = self.searched(ctx, &path).await?;
        let found = self.retrieve(ctx, &searched).await?;
        let question = searched.subject;
        self.draft.message.sources.clone_from(&found.sources);
        self.draft.message.timings.retrieval_ms = self.draft.elapsed_ms();
        for warning in &found.warnings {
            self.warn(warning.clone());
        }
        self.live.emit(Event::Sources { sources: found.sources.clone() });
        self.let_out().await;
        if self.abstains(&question, &found) {
            self.abstain(&question);
            return Ok(());
        }
        let request = self.prompt(ctx, &path, question, found).await?;
        self.speak(ctx, request).await
    }

    /// The messages before the question, oldest first.
    async fn path(&self, ctx: &Context) -> Result<Vec<Message>> {
        let Some(parent) = self.begun.user_message.parent_id else { return Ok(Vec::new()) };
        let page = PageRequest::default();
        let session = self.begun.session.id;
        let messages = self.engine.store().messages(ctx, session, Some(parent), &page).await?;
        Ok(messages.items)
    }

    pub(super) fn grounded(&self) -> bool {
        self.request.strategy != Strategy::None
    }

    async fn retrieve(&mut self, ctx: &Context, searched: &Searched) -> Result<Found> {
        if let Some(early) = self.early.take() {
            return early.await.map_err(|_| Error::internal("A search broke off."))?;
        }
        let collections = self.begun.session.collection_ids.as_deref();
        let search = self.request.search(&searched.query, collections);
        let search = SearchRequest { after: searched.after.clone(), ..search };
        Ok(searched.about_the_subject(self.engine.find(ctx, &search).await?))
    }

    /// Whether the documents do not say: decided before the model is asked where it can only quote, and left to the
    /// model where it can say so itself.
    fn abstains(&self, question: &str, found: &Found) -> bool {
        if found.sources.is_empty() {
            let may_find = self.may_call() && !self.model.info().quotes_only;
            return !may_find && (self.grounded() || self.model.info().quotes_only);
        }
        self.model.info().quotes_only
            && !evidence::assess(question, &found.sources, &found.terms).answerable
    }

    fn abstain(&mut self, question: &str) {
        let language = crate::text::detect_language(question);
        let text = evidence::not_in_documents(language.as_ref()).to_owned();
        self.draft.message.abstained = true;
        self.draft.add(&self.live, Aligned { text, citations: Vec::new() });
        self.draft.finish_reason = Some(FinishReason::Stop);
    }

    async fn prompt(
        &mut self,
        ctx: &Context,
        path: &[Message],
        question: String,
        found: Found,
    ) -> Result<ChatRequest> {
        let grounding = self.grounded().then(|| Grounding {
            question,
            sources: found.sources.into(),
            terms: found.terms.into(),
        });
        let summary = self.summary(ctx, path).await?;
        let profile = self.engine.profile(self.request.profile.as_deref())?;
        let template = if grounding.is_some() { &profile.grounded } else { &profile.ungrounded };
        let parts = prompt::PromptParts {
            instructions: self.engine.filled_in(template),
            summary: summary.as_ref().map(|summary| summary.text.clone()),
            question: &self.begun.user_message.content,
            grounding,
            temperature: self.request.temperature,
            max_output_tokens: self.request.max_output_tokens,
        };
        let tools = (self.engine.parts.history.as_ref(), self.engine.parts.counter.as_ref());
        let mut request = prompt::assemble(ctx, parts, path, self.model.info(), tools).await?;
        request.epoch = Some(self.epoch);
        request.anew = matches!(self.request.target, TurnTarget::Regenerate { .. });
        if self.engine.settings.summaries {
            let n_shown = request.messages.len().saturating_sub(1);
            self.left_out = Some(LeftOut::of(path, n_shown, summary));
        }
        Ok(request)
    }

    /// What was said long ago, summed up, for a model that reads it.
    async fn summary(&self, ctx: &Context, path: &[Message]) -> Result<Option<Summary>> {
        if self.model.info().quotes_only {
            return Ok(None);
        }
        self.engine.summary(ctx, self.begun.session.id, path).await
    }

    /// Passes the model's answer on as it arrives.
    async fn relay(
        &mut self,
        ctx: &Context,
        mut stream: ModelStream,
        aligner: &mut Aligner,
    ) -> Result<()> {
        // Begins a whole period from now: a tick at once would wait for the clock's next millisecond.
        let mut flush = tokio::time::interval_at(tokio::time::Instant::now() + FLUSH, FLUSH);
        flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let due = tokio::time::sleep(self.draft.due_in().unwrap_or(COALESCE));
            tokio::select! {
                event = stream.next() => match event {
                    Some(event) => {
                        self.take(ctx, event?, aligner).await?;
                        self.let_out().await;
                    }
                    None => break,
                },
                () = due => self.draft.send(&self.live),
                _ = flush.tick() => self.flush(ctx).await?,
            }
        }
        if self.draft.finish_reason.is_none() {
            return Err(Error::new(
                ErrorKind::BadResponse,
                "The model's answer was broken off. Ask again.",
            ));
        }
        Ok(())
    }

    /// Lets those who follow take what was said before this task goes on: woken by it, they wait for its thread.
    async fn let_out(&self) {
        tokio::task::yield_now().await;
    }

    async fn take(
        &mut self,
        ctx: &Context,
        event: ModelEvent,
        aligner: &mut Aligner,
    ) -> Result<()> {
        match event {
            ModelEvent::Text(delta) => self.say(ctx, &delta, aligner).await?,
            ModelEvent::Thinking(delta) => self.think(ctx, delta).await?,
            ModelEvent::ToolCall(call) => self.rounds.calls.push(call),
            ModelEvent::Warning(warning) => self.warn(warning),
            // The ledger has it, with that of every other call.
            ModelEvent::Usage(_) => {}
            ModelEvent::Finish(reason) => self.draft.finish_reason = Some(reason),
        }
        Ok(())
    }

    /// Tells the reader something, once.
    fn warn(&mut self, warning: Warning) {
        if !self.draft.message.warnings.contains(&warning) {
            self.draft.message.warnings.push(warning.clone());
            self.live.emit(Event::Warning(warning));
        }
    }

    /// Stores the text that arrived since the last time.
    async fn flush(&mut self, ctx: &Context) -> Result<()> {
        let unstored = self.draft.take_unstored();
        if unstored.is_empty() {
            return Ok(());
        }
        if !self.is_noted {
            let sources = self.draft.message.sources.iter().map(|source| source.document_id);
            self.engine.store().note_sources(ctx, &self.lease, sources.collect()).await?;
            self.is_noted = true;
        }
        self.engine.store().append_turn(ctx, &self.lease, unstored, lease::TTL).await?;
        crash::point("turn/appended");
        Ok(())
    }

    /// Stores the message as it ended and makes the terminal event of it.
    async fn finish(&mut self, outcome: Result<()>) -> Event {
        self.draft.send(&self.live);
        let calls = self.engine.ledger.end_turn(self.live.id);
        let total_ms = self.draft.elapsed_ms();
        let mut message = self.draft.message.clone();
        message.usage = Usage::sum(calls.iter().map(|call| call.usage));
        message.timings.total_ms = total_ms;
        message.finish_reason = self.draft.finish_reason.clone();
        let error = outcome.err();
        message.state = match error.as_ref().map(Error::kind) {
            None => MessageState::Complete,
            Some(ErrorKind::Cancelled) => MessageState::Cancelled,
            Some(_) => MessageState::Failed,
        };
        message.error = error.as_ref().map(MessageError::from);
        // The turn's own context may be cancelled; storing its end must not be.
        let ctx = self.live.ctx.detached();
        self.live.redact(&mut message);
        let finish = FinishTurn { message: message.clone(), calls: calls.clone() };
        crash::point("turn/before_finish");
        let stored = self.engine.store().finish_turn(&ctx, &self.lease, finish).await;
        crash::point("turn/after_finish");
        match stored {
            Ok(()) => terminal(message, error),
            Err(not_stored) => {
                tracing::error!(message = %message.id, error = ?not_stored, "an answer was not stored");
                self.engine.ledger.settle(&ctx, calls).await;
                message.state = MessageState::Failed;
                message.error = Some(MessageError::from(&not_stored));
                terminal(message, Some(not_stored))
            }
        }
    }
}

fn terminal(message: Message, error: Option<Error>) -> Event {
    let message = Box::new(message);
    match error {
        None => Event::Done { message },
        Some(error) => Event::Failed { error: MessageError::from(&error), message },
    }
}

/// Ends once nobody has followed the turn for `limit`.
async fn cancel_when_abandoned(live: Arc<LiveTurn>, limit: Duration) {
    loop {
        let alone_for = live.alone_for();
        if alone_for >= limit {
            return;
        }
        tokio::time::sleep((limit - alone_for).max(Duration::from_millis(10))).await;
    }
}
