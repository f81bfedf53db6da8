//! An answer that arrives as bytes.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};

use super::failure::Failures;
use super::lines::LineParser;
use crate::context::Context;
use crate::error::Result;
use crate::sse::SseParser;
use crate::traits::{ModelEvent, ModelStream};

/// The most that is read of one answer: over a hundred times the longest that models write, with what surrounds it.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// How the pieces of an answer are told apart.
#[derive(Debug)]
pub(in crate::models) enum Framing {
    /// As server-sent events.
    Events(SseParser),
    /// One piece of JSON a line.
    Lines(LineParser),
}

impl Framing {
    pub(in crate::models) fn events() -> Self {
        Self::Events(SseParser::default())
    }

    pub(in crate::models) fn lines() -> Self {
        Self::Lines(LineParser::default())
    }

    pub(super) const fn media_type(&self) -> &'static str {
        match self {
            Self::Events(_) => "text/event-stream",
            Self::Lines(_) => "application/x-ndjson",
        }
    }

    /// The pieces that `bytes` complete.
    fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>> {
        match self {
            Self::Events(parser) => {
                Ok(parser.push(bytes)?.into_iter().map(|event| event.data).collect())
            }
            Self::Lines(parser) => parser.push(bytes),
        }
    }
}

/// Reads what one provider says.
pub(in crate::models) trait Decoder: Send {
    /// The events of one piece. After an error nothing more is read.
    fn take(&mut self, data: &str) -> Result<Vec<ModelEvent>>;

    /// Whether the last event was given out.
    fn is_over(&self) -> bool;

    /// The connection ended: what is still to say, or an error where the answer was broken off.
    fn end(&mut self) -> Result<Vec<ModelEvent>>;
}

/// An answer that arrives.
pub(super) struct Answer {
    ctx: Context,
    bytes: BoxStream<'static, Result<Bytes>>,
    framing: Framing,
    decoder: Box<dyn Decoder>,
    failures: Failures,
    ready: VecDeque<ModelEvent>,
    /// Comes after what is ready.
    error: Option<crate::error::Error>,
    n_bytes: usize,
}

impl Answer {
    pub(super) fn new(
        ctx: Context,
        bytes: BoxStream<'static, Result<Bytes>>,
        framing: Framing,
        decoder: Box<dyn Decoder>,
        failures: Failures,
    ) -> Self {
        let ready = VecDeque::new();
        Self { ctx, bytes, framing, decoder, failures, ready, error: None, n_bytes: 0 }
    }

    pub(super) fn into_stream(self) -> ModelStream {
        stream::unfold(Some(self), async |answer| answer?.next().await).boxed()
    }

    /// The next event. The connection is let go of with the last one.
    async fn next(mut self) -> Option<(Result<ModelEvent>, Option<Self>)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), Some(self)));
            }
            if let Some(error) = self.error.take() {
                return Some((Err(error), None));
            }
            if self.decoder.is_over() {
                return None;
            }
            self.error = self.read_more().await.err();
        }
    }

    async fn read_more(&mut self) -> Result<()> {
        let bytes = &mut self.bytes;
        let Some(bytes) = self.ctx.run(async { bytes.next().await.transpose() }).await? else {
            self.ready.extend(self.decoder.end()?);
            return if self.decoder.is_over() { Ok(()) } else { Err(self.failures.broken_off()) };
        };
        self.n_bytes += bytes.len();
        if self.n_bytes > MAX_ANSWER_BYTES {
            return Err(self.failures.not_understood());
        }
        for data in self.framing.push(&bytes)? {
            if !self.decoder.is_over() {
                self.ready.extend(self.decoder.take(&data)?);
            }
        }
        Ok(())
    }
}
