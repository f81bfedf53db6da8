//! Turns that run in this process: their logs, and who follows them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;

use super::EventStream;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::types::{DocumentId, Event, Message, MessageId, SequencedEvent, Source, redact_sources};

/// The turns that run in this process.
#[derive(Debug, Default)]
pub(in crate::engine) struct LiveTurns {
    turns: Mutex<HashMap<MessageId, Arc<LiveTurn>>>,
    n_running: watch::Sender<usize>,
}

impl LiveTurns {
    pub(super) fn begin(&self, id: MessageId, ctx: Context) -> Arc<LiveTurn> {
        let live = Arc::new(LiveTurn::new(id, ctx));
        locked(&self.turns).insert(id, live.clone());
        self.n_running.send_modify(|n| *n += 1);
        live
    }

    pub(super) fn end(&self, id: MessageId) {
        locked(&self.turns).remove(&id);
        self.n_running.send_modify(|n| *n = n.saturating_sub(1));
    }

    /// Whether a turn runs.
    pub(in crate::engine) fn any(&self) -> bool {
        *self.n_running.borrow() > 0
    }

    /// Ends the turns that rest on a deleted document, and takes its text out of what they say to those who follow.
    pub(in crate::engine) fn forget(&self, document: DocumentId, deletion: Deletion) {
        let turns: Vec<_> = locked(&self.turns).values().cloned().collect();
        turns.iter().for_each(|live| live.forget(document, deletion));
    }

    pub(super) fn get(&self, id: MessageId) -> Option<Arc<LiveTurn>> {
        locked(&self.turns).get(&id).cloned()
    }

    /// Ends when no turn runs.
    pub(in crate::engine) async fn drained(&self) {
        let _ = self.n_running.subscribe().wait_for(|n| *n == 0).await;
    }
}

/// What a deletion takes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Deletion {
    /// The document.
    Document,
    /// The answers that it was a source of, too.
    WithAnswers,
}

/// One turn: its log, and how many follow it.
#[derive(Debug)]
pub(super) struct LiveTurn {
    pub(super) id: MessageId,
    /// The turn's own context: cancelled to stop it.
    pub(super) ctx: Context,
    log: Mutex<Vec<SequencedEvent>>,
    n_events: watch::Sender<usize>,
    audience: Mutex<Audience>,
    /// Documents that were deleted since it began.
    gone: Mutex<HashMap<DocumentId, Deletion>>,
    /// Whether it ended because it rests on one of them.
    lost_a_source: AtomicBool,
}

#[derive(Debug)]
struct Audience {
    n_followers: usize,
    alone_since: Instant,
}

impl LiveTurn {
    fn new(id: MessageId, ctx: Context) -> Self {
        let audience = Audience { n_followers: 0, alone_since: Instant::now() };
        Self {
            id,
            ctx,
            log: Mutex::default(),
            n_events: watch::Sender::new(0),
            audience: Mutex::new(audience),
            gone: Mutex::default(),
            lost_a_source: AtomicBool::new(false),
        }
    }

    pub(super) fn emit(&self, mut event: Event) {
        // Held until the event is in the log: a deletion finds it there, or is seen here.
        let gone = locked(&self.gone);
        if redact_event(&mut event, &gone) {
            self.stop_without_source();
        }
        let mut log = locked(&self.log);
        let seq = log.len() as u64 + 1;
        log.push(SequencedEvent { seq, event });
        let n_events = log.len();
        drop(log);
        self.n_events.send_replace(n_events);
    }

    fn forget(&self, document: DocumentId, deletion: Deletion) {
        let mut gone = locked(&self.gone);
        gone.insert(document, deletion);
        let mut log = locked(&self.log);
        let mut rests_on_it = false;
        for event in log.iter_mut() {
            rests_on_it |= redact_event(&mut event.event, &gone);
        }
        if !rests_on_it {
            return;
        }
        if deletion == Deletion::WithAnswers {
            log.iter_mut().for_each(|event| forget_text(&mut event.event));
        }
        self.stop_without_source();
    }

    fn stop_without_source(&self) {
        self.lost_a_source.store(true, Ordering::Release);
        self.stop();
    }

    /// Why it was stopped, where that was not somebody's wish.
    pub(super) fn explained(&self, error: Error) -> Error {
        let lost_a_source = self.lost_a_source.load(Ordering::Acquire);
        if lost_a_source && error.kind() == ErrorKind::Cancelled {
            Error::new(
                ErrorKind::Cancelled,
                "A document that this answer rests on was deleted meanwhile. Ask again.",
            )
        } else {
            error
        }
    }

    /// Takes out of the turn's message what was deleted since it began.
    pub(super) fn redact(&self, message: &mut Message) {
        redact_message(message, &locked(&self.gone));
    }

    pub(super) fn stop(&self) {
        self.ctx.cancel();
    }

    /// How long nobody has followed this turn; zero while somebody does.
    pub(super) fn alone_for(&self) -> Duration {
        let audience = locked(&self.audience);
        match audience.n_followers {
            0 => audience.alone_since.elapsed(),
            _ => Duration::ZERO,
        }
    }

    /// The events after `after`, up to the terminal one.
    pub(super) fn follow(self: &Arc<Self>, after: u64) -> EventStream {
        let seat = Seat::take(self.clone());
        let n_events = self.n_events.subscribe();
        let at = usize::try_from(after).unwrap_or(usize::MAX);
        let events = stream::unfold(Some((seat, n_events, at)), |state| async {
            let (seat, mut n_events, at) = state?;
            n_events.wait_for(|n| *n > at).await.ok()?;
            let event = locked(&seat.0.log).get(at).cloned()?;
            let next = (!event.event.is_terminal()).then_some((seat, n_events, at + 1));
            Some((event, next))
        });
        EventStream(events.boxed())
    }

    pub(super) fn cancel_on_drop(self: &Arc<Self>) -> CancelOnDrop {
        CancelOnDrop(Some(self.clone()))
    }
}

/// A place in the audience.
#[derive(Debug)]
struct Seat(Arc<LiveTurn>);

impl Seat {
    fn take(live: Arc<LiveTurn>) -> Self {
        locked(&live.audience).n_followers += 1;
        Self(live)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut audience = locked(&self.0.audience);
        audience.n_followers = audience.n_followers.saturating_sub(1);
        audience.alone_since = Instant::now();
    }
}

/// Cancels a turn when its only owner lets go of it.
#[derive(Debug)]
pub(super) struct CancelOnDrop(Option<Arc<LiveTurn>>);

impl CancelOnDrop {
    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(live) = &self.0 {
            live.stop();
        }
    }
}

type Gone = HashMap<DocumentId, Deletion>;

/// Whether the event named a document that is gone.
fn redact_event(event: &mut Event, gone: &Gone) -> bool {
    match event {
        Event::Sources { sources } | Event::ToolResult { sources, .. } => {
            redact_sources(sources, &mut [], |id| gone.contains_key(&id));
            sources.iter().any(|source| source.deleted)
        }
        Event::Citation(citation) => {
            let is_gone = gone.contains_key(&citation.document_id);
            redact_sources(&mut [], std::slice::from_mut(citation), |_| is_gone);
            is_gone
        }
        Event::Done { message } | Event::Failed { message, .. } => {
            redact_message(message, gone);
            false
        }
        Event::Started { .. }
        | Event::Rewritten { .. }
        | Event::Thinking { .. }
        | Event::Text { .. }
        | Event::ToolCall { .. }
        | Event::Warning(_) => false,
    }
}

fn redact_message(message: &mut Message, gone: &Gone) {
    let goes_too = |source: &Source| gone.get(&source.document_id) == Some(&Deletion::WithAnswers);
    if message.sources.iter().any(goes_too) {
        message.purge();
    }
    redact_sources(&mut message.sources, &mut message.citations, |id| gone.contains_key(&id));
}

/// What was said leaves with the document that it rests on.
fn forget_text(event: &mut Event) {
    if let Event::Text { delta } | Event::Thinking { delta } = event {
        delta.clear();
    } else if let Event::ToolCall { arguments: said, .. } | Event::ToolResult { result: said, .. } =
        event
    {
        *said = serde_json::Value::Null;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Warning;

    fn warning(code: &str) -> Event {
        Event::Warning(Warning::new(code, ""))
    }

    #[tokio::test]
    async fn one_who_comes_late_misses_nothing() {
        let turns = LiveTurns::default();
        let live = turns.begin(MessageId::new(), Context::local());
        live.emit(warning("a"));
        live.emit(warning("b"));
        let mut late = live.follow(1);
        assert_eq!(late.next().await.map(|e| (e.seq, e.event)), Some((2, warning("b"))));
        live.emit(warning("c"));
        assert_eq!(late.next().await.map(|e| e.seq), Some(3));
    }

    #[tokio::test]
    async fn a_turn_knows_whether_it_is_followed() {
        let turns = LiveTurns::default();
        let live = turns.begin(MessageId::new(), Context::local());
        let reader = live.follow(0);
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(live.alone_for(), Duration::ZERO);
        drop(reader);
        std::thread::sleep(Duration::from_millis(2));
        assert!(live.alone_for() > Duration::ZERO);
    }

    #[tokio::test]
    async fn dropping_the_handle_cancels_and_detaching_does_not() {
        let turns = LiveTurns::default();
        let live = turns.begin(MessageId::new(), Context::local());
        live.cancel_on_drop().disarm();
        assert!(!live.ctx.is_cancelled());
        drop(live.cancel_on_drop());
        assert!(live.ctx.is_cancelled());
    }
}
