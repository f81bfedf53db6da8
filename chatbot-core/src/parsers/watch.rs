//! The limits of one parse, looked at between the steps of long work.

use std::cell::Cell;
use std::time::Instant;

use crate::context::Context;
use crate::error::{Error, Reason, Result};
use crate::traits::ParseLimits;

/// Reading the clock for every token would cost more than the tokens.
const TICKS_PER_CHECK: u32 = 4096;

/// Watches one parse: cancellation, time, unpacked bytes.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    ctx: &'a Context,
    limits: &'a ParseLimits,
    started: Instant,
    ticks: Cell<u32>,
    unpacked: Cell<u64>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(ctx: &'a Context, limits: &'a ParseLimits) -> Self {
        Self { ctx, limits, started: Instant::now(), ticks: Cell::new(0), unpacked: Cell::new(0) }
    }

    /// A watch over a parse that begins now, unless it was cancelled before.
    pub(super) fn begin(ctx: &'a Context, limits: &'a ParseLimits) -> Result<Self> {
        let watch = Self::new(ctx, limits);
        watch.check()?;
        Ok(watch)
    }

    pub(super) fn limits(&self) -> &'a ParseLimits {
        self.limits
    }

    /// Fails once the work was cancelled or took too long.
    pub(super) fn check(&self) -> Result<()> {
        self.ctx.check()?;
        if self.started.elapsed() > self.limits.max_duration {
            return Err(exceeded(
                "The document takes too long to read. Split it, or save it in a simpler form.",
            ));
        }
        Ok(())
    }

    /// [`Self::check`], once in a while: for the innermost loops.
    pub(super) fn tick(&self) -> Result<()> {
        let ticks = self.ticks.get().wrapping_add(1);
        self.ticks.set(ticks);
        if ticks.is_multiple_of(TICKS_PER_CHECK) { self.check() } else { Ok(()) }
    }

    /// Bytes that may still come out of decompressing.
    pub(super) fn unpack_budget(&self) -> u64 {
        self.limits.max_unpacked_bytes.saturating_sub(self.unpacked.get())
    }

    /// Counts bytes that came out of decompressing.
    pub(super) fn unpacked(&self, n_bytes: u64) -> Result<()> {
        let total = self.unpacked.get().saturating_add(n_bytes);
        self.unpacked.set(total);
        if total > self.limits.max_unpacked_bytes { Err(unpacks_too_far()) } else { Ok(()) }
    }

    /// Fails where `len` bytes of text are more than allowed.
    pub(super) fn text_len(&self, len: usize) -> Result<()> {
        if len > self.limits.max_text_bytes {
            return Err(exceeded("The document holds more text than allowed. Split it."));
        }
        Ok(())
    }
}

pub(super) fn unpacks_too_far() -> Error {
    exceeded("The document unpacks to more than allowed. Check that it is what it claims to be.")
}

pub(super) fn exceeded(message: &'static str) -> Error {
    Error::parse(Reason::LimitExceeded, message)
}
