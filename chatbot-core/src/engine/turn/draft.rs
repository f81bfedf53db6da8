//! An answer on its way: what was sent, what waits to be sent, and the message it becomes.

use std::time::{Duration, Instant};

use super::live::LiveTurn;
use crate::engine::cite::Aligned;
use crate::types::{Event, FinishReason, Message};

/// Text after the first is sent at most this often: a reader sees no difference, a thousand readers do.
pub(super) const COALESCE: Duration = Duration::from_millis(50);

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Draft {
    /// The message so far; its content is exactly what was sent.
    pub(super) message: Message,
    pub(super) finish_reason: Option<FinishReason>,
    began: Instant,
    waiting: String,
    last_sent: Option<Instant>,
    stored_bytes: usize,
}

impl Draft {
    pub(super) fn new(message: Message, began: Instant) -> Self {
        Self {
            message,
            finish_reason: None,
            began,
            waiting: String::new(),
            last_sent: None,
            stored_bytes: 0,
        }
    }

    pub(super) fn elapsed_ms(&self) -> f64 {
        self.began.elapsed().as_secs_f64() * 1e3
    }

    /// Whether nobody has read a word of it yet.
    pub(super) fn is_silent(&self) -> bool {
        self.message.content.is_empty() && self.waiting.is_empty()
    }

    /// Takes in a piece of the answer: sends it where it is time to, and its citations after it.
    pub(super) fn add(&mut self, live: &LiveTurn, piece: Aligned) {
        self.waiting.push_str(&piece.text);
        let due = self.last_sent.is_none_or(|last| last.elapsed() >= COALESCE);
        if due || !piece.citations.is_empty() {
            self.send(live);
        }
        for citation in piece.citations {
            self.message.citations.push(citation.clone());
            live.emit(Event::Citation(citation));
        }
    }

    /// Sends what waits.
    pub(super) fn send(&mut self, live: &LiveTurn) {
        if self.waiting.is_empty() {
            return;
        }
        if self.message.content.is_empty() {
            self.message.timings.first_token_ms = self.elapsed_ms();
        }
        let delta = std::mem::take(&mut self.waiting);
        self.message.content.push_str(&delta);
        self.last_sent = Some(Instant::now());
        live.emit(Event::Text { delta });
    }

    /// When waiting text must be sent; `None` where none waits.
    pub(super) fn due_in(&self) -> Option<Duration> {
        let last = self.last_sent.filter(|_| !self.waiting.is_empty())?;
        Some(COALESCE.saturating_sub(last.elapsed()))
    }

    /// The text that was sent but not stored yet; taken as stored from here on.
    pub(super) fn take_unstored(&mut self) -> String {
        let unstored = self.message.content.get(self.stored_bytes..).unwrap_or_default().to_owned();
        self.stored_bytes = self.message.content.len();
        unstored
    }
}
