//! Server-sent events, read as they arrive.
//!
//! Providers stream answers as server-sent events, and so does this project's server: both ends of the project read
//! them with this parser. It takes bytes in whatever pieces the network hands over and gives the same events for
//! every way of cutting them. There is no reconnecting here: who resumes knows the last id.
//!
//! *Source*: the event stream format of the WHATWG HTML standard, section 9.2.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// The longest line, and the most data of one event, in bytes: one mebibyte is 50 times the largest event that chat
/// providers send, and little enough to hold for every open stream.
pub const MAX_LINE_BYTES: usize = 1 << 20;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// The last id that the stream named, in this event or before it.
    pub id: Option<String>,
    /// The event's type; `None` stands for `message`.
    pub event: Option<String>,
    /// The data, its lines joined by line feeds.
    pub data: String,
    /// How long to wait before reconnecting, where this event says so.
    pub retry: Option<Duration>,
}

/// Turns bytes into events.
///
/// # Example
/// ```
/// let mut parser = chatbot_core::sse::SseParser::default();
/// assert!(parser.push(b"data: hel")?.is_empty());
/// assert_eq!(parser.push(b"lo\n\n")?[0].data, "hello");
/// # Ok::<(), chatbot_core::Error>(())
/// ```
#[derive(Debug)]
pub struct SseParser {
    line: Vec<u8>,
    event: SseEvent,
    has_data: bool,
    at_start: bool,
    after_cr: bool,
    /// Something was too long: said with the next bytes where there were events before it.
    is_spoilt: bool,
    max_bytes: usize,
}

impl Default for SseParser {
    fn default() -> Self {
        Self::with_limit(MAX_LINE_BYTES)
    }
}

impl SseParser {
    /// A parser that holds at most `max_bytes` of a line, and of an event's data.
    #[must_use]
    pub fn with_limit(max_bytes: usize) -> Self {
        Self {
            line: Vec::new(),
            event: SseEvent::default(),
            has_data: false,
            at_start: true,
            after_cr: false,
            is_spoilt: false,
            max_bytes,
        }
    }

    /// The events that `bytes` complete. What is incomplete waits for more; at the end of a stream it is dropped, as
    /// the standard wants it.
    ///
    /// # Errors
    /// `bad_response` where a line or an event is too long, with the first bytes that bring no event before it; the
    /// stream is of no use after that.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<SseEvent>> {
        let mut events = Vec::new();
        if self.is_spoilt {
            return Err(self.too_long());
        }
        match self.read(bytes, &mut events) {
            Err(error) if events.is_empty() => Err(error),
            Err(_) => {
                self.is_spoilt = true;
                Ok(events)
            }
            Ok(()) => Ok(events),
        }
    }

    fn read(&mut self, bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<()> {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            self.after_cr = false;
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (head, tail) = rest.split_at(end);
            self.hold(head)?;
            let is_cr = tail.first() == Some(&b'\r');
            let tail = tail.get(1..).unwrap_or_default();
            self.after_cr = is_cr && tail.is_empty();
            rest = if is_cr { tail.strip_prefix(b"\n").unwrap_or(tail) } else { tail };
            events.extend(self.end_line()?);
        }
        self.hold(rest)
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<()> {
        if self.line.len() + bytes.len() > self.max_bytes {
            return Err(self.too_long());
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn too_long(&self) -> Error {
        Error::new(
            ErrorKind::BadResponse,
            "The stream holds a line that is too long to be an event.",
        )
        .with_operation("sse.push")
        .with_context("max_bytes", self.max_bytes)
    }

    fn end_line(&mut self) -> Result<Option<SseEvent>> {
        let line = std::mem::take(&mut self.line);
        let mut bytes = line.as_slice();
        if std::mem::take(&mut self.at_start) {
            bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
        }
        if bytes.is_empty() {
            return Ok(self.dispatch());
        }
        let text = String::from_utf8_lossy(bytes);
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value))?;
        Ok(None)
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        let next = SseEvent { id: self.event.id.clone(), ..SseEvent::default() };
        let event = std::mem::replace(&mut self.event, next);
        std::mem::take(&mut self.has_data).then_some(event)
    }

    fn field(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "data" => {
                if self.event.data.len() + value.len() >= self.max_bytes {
                    return Err(self.too_long());
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => self.event.event = (!value.is_empty()).then(|| value.to_owned()),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.event.retry = value.parse().ok().map(Duration::from_millis);
            }
            _ => {}
        }
        Ok(())
    }
}
