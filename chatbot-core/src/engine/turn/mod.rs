//! Turns: tasks that the engine owns.
//!
//! A question is stored before anything else happens; from then on its turn runs by itself, whoever listens. Readers
//! come and go ([`live`]); what they see is the log of the turn, so that one who comes late misses nothing. A turn
//! ends in exactly one terminal event, after its message was stored.

mod afterwards;
mod draft;
mod live;
mod run;
mod searched;

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{self, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use tokio_util::task::AbortOnDropHandle;

use super::search::Found;
use super::{Engine, lease};
use crate::context::Context;
use crate::crash;
use crate::error::{Error, ErrorKind, Result};
use crate::text::refuse_nul;
use crate::traits::{BeginTurn, Idempotency, Signal, TurnTarget};
use crate::types::{
    CollectionId, Event, Filter, Message, MessageError, MessageId, MessageRole, MessageState,
    Metadata, SearchRequest, SequencedEvent, SessionId, SessionPatch, Strategy,
};

use live::CancelOnDrop;
pub(super) use live::{Deletion, LiveTurns};

/// How often an answer that another process makes is looked at.
const FOLLOW_POLL: Duration = Duration::from_millis(500);

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnRequest {
    /// Which conversation, and where in it.
    pub target: TurnTarget,
    /// The question; ignored when one is answered again.
    pub message: String,
    /// How passages are found; [`Strategy::None`] answers without documents.
    pub strategy: Strategy,
    /// Where to look; the session's collections, or everywhere, where there is none.
    pub collection_ids: Option<Vec<CollectionId>>,
    /// Only in documents that meet this.
    pub filter: Option<Filter>,
    /// Passages for the model.
    pub top_k: usize,
    /// The model; the session's or the configured one where there is none.
    pub model: Option<String>,
    /// 0–2.
    pub temperature: Option<f32>,
    /// The longest answer.
    pub max_output_tokens: Option<usize>,
    /// The tools that the model may call, by their names; all that change nothing where nothing is said. A tool that changes
    /// something is called only where it is named here, and where the host's [`ToolApproval`](crate::traits::ToolApproval)
    /// agrees to the call.
    pub tools: Option<Vec<String>>,
    /// What the model is told, by the name of a profile; the configured one where there is none.
    pub profile: Option<String>,
    /// The host's own facts about the question.
    pub metadata: Metadata,
    /// Makes it happen once.
    pub idempotency: Option<Idempotency>,
}

impl TurnRequest {
    /// A question in a session of its own, with everything as usual.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            target: TurnTarget::NewSession(SessionPatch::default()),
            message: message.into(),
            strategy: Strategy::Auto,
            collection_ids: None,
            filter: None,
            top_k: SearchRequest::DEFAULT_TOP_K,
            model: None,
            temperature: None,
            max_output_tokens: None,
            tools: None,
            profile: None,
            metadata: Metadata::default(),
            idempotency: None,
        }
    }

    /// This question in a session that exists, after its newest message.
    #[must_use]
    pub fn in_session(mut self, session: SessionId) -> Self {
        self.target = TurnTarget::Reply { session, parent: None };
        self
    }

    /// What is searched for `question`, in a session over these collections; questions before it are still to be set.
    pub(super) fn search(
        &self,
        question: &str,
        of_session: Option<&[CollectionId]>,
    ) -> SearchRequest {
        let collections = self.collection_ids.as_deref().or(of_session);
        SearchRequest {
            query: question.to_owned(),
            after: Vec::new(),
            collection_ids: collections.map(<[CollectionId]>::to_vec),
            strategy: self.strategy,
            top_k: self.top_k,
            filter: self.filter.clone(),
            explain: false,
        }
    }

    fn validate(&self, max_message_bytes: usize) -> Result<()> {
        let answers_again = matches!(self.target, TurnTarget::Regenerate { .. });
        if self.message.trim().is_empty() && !answers_again {
            return Err(Error::invalid("The message is empty."));
        }
        refuse_nul("The message", &self.message)?;
        if self.message.len() > max_message_bytes {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "The message is longer than {} KiB. Add long texts as documents.",
                    max_message_bytes / 1024
                ),
            ));
        }
        if self.temperature.is_some_and(|t| !(0.0..=2.0).contains(&t)) {
            return Err(Error::invalid("`temperature` must be between 0 and 2."));
        }
        if self.max_output_tokens == Some(0) {
            return Err(Error::invalid("`max_output_tokens` must be at least 1."));
        }
        if self.top_k == 0 || self.top_k > SearchRequest::MAX_TOP_K {
            return Err(Error::invalid("`top_k` must be between 1 and 100."));
        }
        Ok(())
    }
}

impl<T: Into<String>> From<T> for TurnRequest {
    fn from(message: T) -> Self {
        Self::new(message)
    }
}

/// A turn that runs: a stream of its events. Dropping it cancels the turn, unless it was detached.
#[derive(Debug)]
pub struct Turn {
    /// The session.
    pub session_id: SessionId,
    /// The answer.
    pub message_id: MessageId,
    /// The question: stored, and not lost any more.
    pub user_message_id: MessageId,
    events: EventStream,
    guard: Option<CancelOnDrop>,
}

impl Turn {
    /// Lets the turn live on when its events are dropped: for hosts whose readers come and go.
    #[must_use]
    pub fn detach(mut self) -> EventStream {
        if let Some(guard) = self.guard.take() {
            guard.disarm();
        }
        self.events
    }

    /// Waits for the end and returns the stored message, whatever its state.
    ///
    /// # Errors
    /// `internal` where the turn ended without a terminal event.
    ///
    /// # Cancellation
    /// Cancels the turn.
    pub async fn message(mut self) -> Result<Message> {
        while let Some(event) = self.events.next().await {
            if let Event::Done { message } | Event::Failed { message, .. } = event.event {
                return Ok(*message);
            }
        }
        Err(Error::internal("The turn ended without an answer."))
    }
}

impl Stream for Turn {
    type Item = SequencedEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next_unpin(cx)
    }
}

/// The events of a turn. Dropping it only stops following.
pub struct EventStream(BoxStream<'static, SequencedEvent>);

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventStream")
    }
}

impl Stream for EventStream {
    type Item = SequencedEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

/// Stops turns that run here when another process is asked to; works until the engine is closed or gone.
pub(super) async fn listen_for_stops(weak: Weak<Engine>, ctx: Context) {
    let Some(mut signals) = weak.upgrade().map(|engine| engine.parts.bus.subscribe()) else {
        return;
    };
    while let Ok(Some(signal)) = ctx.run(async { Ok(signals.next().await) }).await {
        let Some(engine) = weak.upgrade() else { return };
        if let Signal::StopTurn(id) = signal
            && let Some(live) = engine.turns.get(id)
        {
            live.stop();
        }
    }
}

impl Engine {
    /// Stores the question and starts its turn.
    pub(crate) async fn chat(
        self: &Arc<Self>,
        ctx: &Context,
        request: TurnRequest,
    ) -> Result<Turn> {
        request.validate(self.settings.max_message_bytes)?;
        self.retriever(request.strategy)?;
        self.check_tools(request.tools.as_deref())?;
        self.profile(request.profile.as_deref())?;
        let epoch = self.narrowed(ctx, request.collection_ids.as_deref()).await?.epoch();
        let (target, session_model) = self.checked_target(ctx, &request.target).await?;
        let name = request.model.as_deref().or(session_model.as_deref());
        let model = self.model(name)?.clone();
        let began = std::time::Instant::now();
        let early = self.search_early(ctx, &request, &target);
        let begin = BeginTurn {
            target,
            content: request.message.clone(),
            metadata: request.metadata.clone(),
            model: model.info().name.clone(),
            idempotency: request.idempotency.clone(),
            lease_ttl: lease::TTL,
        };
        let begun = self.store().begin_turn(ctx, begin).await?;
        crash::point("turn/begun");
        let (session_id, message_id) = (begun.session.id, begun.assistant_message.id);
        let user_message_id = begun.user_message.id;
        let Some(lease) = begun.lease.clone() else {
            let events = self.follow(ctx, message_id, 0).await?;
            return Ok(Turn { session_id, message_id, user_message_id, events, guard: None });
        };
        self.signal(Signal::Session(session_id)).await;
        let live = self.turns.begin(message_id, ctx.detached());
        let (events, guard) = (live.follow(0), live.cancel_on_drop());
        let asked = run::Asked { request, epoch, model, began, early };
        let run = run::Run::new(self.clone(), live, asked, (begun, lease));
        self.tasks.spawn(run.run_to_its_end());
        Ok(Turn { session_id, message_id, user_message_id, events, guard: Some(guard) })
    }

    /// Begins to search while the question is being stored: one that opens a conversation needs nothing from it, and the
    /// disk is what it would wait for. Nobody is told what was found before the question is kept.
    fn search_early(
        self: &Arc<Self>,
        ctx: &Context,
        request: &TurnRequest,
        target: &TurnTarget,
    ) -> Option<AbortOnDropHandle<Result<Found>>> {
        let TurnTarget::NewSession(session) = target else { return None };
        // Guards see a question before it is searched.
        if !self.parts.turn.guards.is_empty() {
            return None;
        }
        let search = request.search(&request.message, session.collection_ids.as_deref());
        let (engine, ctx) = (self.clone(), ctx.detached());
        let search = async move { engine.find(&ctx, &search).await };
        Some(AbortOnDropHandle::new(tokio::spawn(search)))
    }

    /// The target, checked as far as the store does not do it, and the model of its session.
    async fn checked_target(
        &self,
        ctx: &Context,
        target: &TurnTarget,
    ) -> Result<(TurnTarget, Option<String>)> {
        match target {
            TurnTarget::NewSession(patch) => {
                let patch = self.checked_patch(ctx, patch.clone()).await?;
                let model = patch.model.clone();
                Ok((TurnTarget::NewSession(patch), model))
            }
            TurnTarget::Reply { session, .. }
            | TurnTarget::Edit { session, .. }
            | TurnTarget::Regenerate { session, .. } => {
                let session = self.store().session(ctx, *session).await?;
                Ok((target.clone(), session.model))
            }
        }
    }

    /// The events of an answer after `after`, from memory while it is being made here, from the store otherwise.
    pub(crate) async fn follow(
        self: &Arc<Self>,
        ctx: &Context,
        id: MessageId,
        after: u64,
    ) -> Result<EventStream> {
        let live = self.turns.get(id);
        let message = self.answer(ctx, id).await?;
        Ok(match live {
            Some(live) => live.follow(after),
            None => self.follow_stored(ctx, message, after),
        })
    }

    /// An answer that is not made here: its text so far, then the authoritative message once it has ended.
    fn follow_stored(self: &Arc<Self>, ctx: &Context, message: Message, after: u64) -> EventStream {
        let replay = if after == 0 { replay_of(&message) } else { Vec::new() };
        let next_seq = after.saturating_add(1).saturating_add(replay.len() as u64);
        let replay = (1..).zip(replay).map(|(seq, event)| SequencedEvent { seq, event });
        let (engine, ctx) = (self.clone(), ctx.clone());
        let end = stream::once(async move {
            let shown = message.clone();
            let mut message = message;
            while !message.state.is_final() {
                tokio::time::sleep(FOLLOW_POLL).await;
                message = engine.store().message(&ctx, message.id).await.ok()?;
            }
            let mut events = if after == 0 { rest_of(&shown, &message) } else { Vec::new() };
            events.push(terminal_of(message));
            let sequenced = (next_seq..).zip(events);
            Some(stream::iter(sequenced.map(|(seq, event)| SequencedEvent { seq, event })))
        });
        let end = end.filter_map(std::future::ready).flatten();
        EventStream(stream::iter(replay).chain(end).boxed())
    }

    /// Stops an answer, wherever it is being made.
    pub(crate) async fn stop(&self, ctx: &Context, id: MessageId) -> Result<()> {
        let message = self.answer(ctx, id).await?;
        if message.state.is_final() {
            return Ok(());
        }
        match self.turns.get(id) {
            Some(live) => live.stop(),
            None => self.signal(Signal::StopTurn(id)).await,
        }
        Ok(())
    }

    async fn answer(&self, ctx: &Context, id: MessageId) -> Result<Message> {
        let message = self.store().message(ctx, id).await?;
        match message.role {
            MessageRole::Assistant => Ok(message),
            MessageRole::User => Err(Error::invalid("This message is a question, not an answer.")),
        }
    }
}

/// The events that lead to a stored message as it stands, without its end.
fn replay_of(message: &Message) -> Vec<Event> {
    let started = message.parent_id.map(|user_message_id| Event::Started {
        session_id: message.session_id,
        message_id: message.id,
        user_message_id,
        model: message.model.clone().unwrap_or_default(),
    });
    let has_sources = knows_its_sources(message);
    let sources = has_sources.then(|| Event::Sources { sources: message.sources.clone() });
    let text = (!message.content.is_empty() && has_sources)
        .then(|| Event::Text { delta: message.content.clone() });
    let citations = message.citations.iter().cloned().map(Event::Citation);
    started.into_iter().chain(sources).chain(text).chain(citations).collect()
}

/// What [`replay_of`] says of a message that has ended and did not say when less of it was `shown`.
fn rest_of(shown: &Message, message: &Message) -> Vec<Event> {
    if !knows_its_sources(shown) {
        let is_said = |event: &Event| matches!(event, Event::Started { .. });
        return replay_of(message).into_iter().filter(|event| !is_said(event)).collect();
    }
    let text = message.content.strip_prefix(shown.content.as_str()).unwrap_or_default();
    let text = (!text.is_empty()).then(|| Event::Text { delta: text.to_owned() });
    let citations = message.citations.iter().skip(shown.citations.len());
    text.into_iter().chain(citations.cloned().map(Event::Citation)).collect()
}

/// Whether it is too late for other sources than those that the message has.
fn knows_its_sources(message: &Message) -> bool {
    !message.sources.is_empty() || message.state.is_final()
}

/// The event that ends the turn of a stored message.
fn terminal_of(message: Message) -> Event {
    if message.state == MessageState::Complete {
        return Event::Done { message: Box::new(message) };
    }
    let error = message.error.clone().unwrap_or_else(|| {
        let kind = if message.state == MessageState::Cancelled {
            ErrorKind::Cancelled
        } else {
            ErrorKind::Internal
        };
        MessageError::from(&Error::new(kind, "The answer was broken off."))
    });
    Event::Failed { error, message: Box::new(message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::message;

    fn answer(state: MessageState, content: &str) -> Message {
        let parent_id = Some(MessageId::new());
        Message { parent_id, ..message(MessageRole::Assistant, state, content) }
    }

    fn text(events: &[Event]) -> String {
        let deltas = events.iter().filter_map(|event| {
            if let Event::Text { delta } = event { Some(delta.as_str()) } else { None }
        });
        deltas.collect()
    }

    #[test]
    fn the_text_of_an_answer_that_another_process_makes_is_told_whole() {
        let begun = answer(MessageState::Pending, "");
        let ended = answer(MessageState::Complete, "Every 400 hours.");
        let (first, rest) = (replay_of(&begun), rest_of(&begun, &ended));
        assert!(matches!(*first, [Event::Started { .. }]), "{first:?}");
        assert!(matches!(*rest, [Event::Sources { .. }, Event::Text { .. }]), "{rest:?}");
        assert_eq!(text(&rest), "Every 400 hours.");
        assert_eq!(rest_of(&ended, &ended), Vec::new());
    }
}
