//! What a worker does: reads one document after the other, for whoever holds the other ends of its pipes.

use std::io::{self, Read, Write};

use crate::background;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::types::RawDocument;

use super::super::Parsers;
use super::confine::{confine, limit_time};
use super::wire::{self, Hello, MAX_HEAD_BYTES, Question, RequestHead, nonsense, read_frame};
use super::{MEMORY_VARIABLE, WorkerOptions};

/// Reads documents for a [`WorkerReader`](super::WorkerReader) until that closes its end. A program calls it first thing in
/// its `main`, before there is a second thread, where it was started as a worker; it ends when this returns.
///
/// # Errors
/// `internal` where the process cannot be limited, or is spoken to by something else than a host of this release.
///
/// # Example
/// ```no_run
/// use chatbot_core::parsers::{Parsers, worker};
///
/// fn main() -> chatbot_core::Result<()> {
///     worker::serve(&Parsers::default())
/// }
/// ```
pub fn serve(parsers: &Parsers) -> Result<()> {
    // What a parser that panics says may be the document's words, and the host knows that it failed.
    std::panic::set_hook(Box::new(|_| {}));
    background::step_back();
    #[cfg(any(test, feature = "testing"))]
    let parsers = &super::hostile::where_wanted(parsers);
    let said = std::env::var(MEMORY_VARIABLE).ok().and_then(|bytes| bytes.parse().ok());
    let confined = confine(said.unwrap_or(WorkerOptions::DEFAULT_MAX_MEMORY_BYTES));
    let is_confined = confined.map_err(|error| failed("The worker cannot be limited.", error))?;
    let hello = Hello { version: wire::VERSION, is_confined };
    let said = say(|to| wire::write_head(to, &hello));
    said.and_then(|()| answer_all(parsers))
        .map_err(|error| failed("The worker cannot speak with its host.", error))
}

fn failed(message: &'static str, error: io::Error) -> Error {
    Error::internal(message).with_source(error)
}

fn answer_all(parsers: &Parsers) -> io::Result<()> {
    let mut from = io::stdin().lock();
    while let Some(head) = read_frame(&mut from, MAX_HEAD_BYTES)? {
        answer(parsers, &head, &mut from)?;
    }
    Ok(())
}

fn answer(parsers: &Parsers, head: &[u8], from: &mut impl Read) -> io::Result<()> {
    let RequestHead { limits, name, declared, question } = wire::head(head)?;
    let bytes = read_frame(from, usize::MAX)?.ok_or_else(|| nonsense("a request has no bytes"))?;
    let raw = RawDocument { name, declared, bytes: bytes.into() };
    limit_time(limits.max_duration)?;
    let ctx = Context::system();
    match question {
        Question::Text => {
            let reply = parsers.parse(&ctx, &raw, &limits);
            drop(raw);
            say(|to| wire::write_reply(to, reply))
        }
        Question::Pictures(wanted) => {
            let reply = parsers.pictures(&ctx, &raw, &wanted, &limits);
            drop(raw);
            say(|to| wire::write_pictures(to, reply))
        }
    }
}

fn say(write: impl FnOnce(&mut io::StdoutLock<'static>) -> io::Result<()>) -> io::Result<()> {
    let mut to = io::stdout().lock();
    write(&mut to)?;
    to.flush()
}
