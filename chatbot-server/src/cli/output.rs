//! What verbs write, and where: results on standard output, everything else on standard error.

use std::io::{IsTerminal as _, Write as _};

use chatbot_core::Error;
use serde::Serialize;
use serde_json::json;

/// Where a verb writes. For programs (`--json`), only one document goes to standard output.
///
/// A reader that closes the pipe has seen enough: failing writes are no failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
    is_watched: bool,
    is_quiet: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json, is_watched: std::io::stderr().is_terminal(), is_quiet: false }
    }

    /// The same, without progress where that is not wanted.
    pub(super) const fn quiet(self, is_quiet: bool) -> Self {
        Self { is_quiet, ..self }
    }

    const fn shows_progress(&self) -> bool {
        self.is_watched && !self.is_quiet
    }

    /// A line for people.
    pub(super) fn line(&self, text: &str) {
        self.text(&format!("{text}\n"));
    }

    /// Text for people, at once.
    pub(super) fn text(&self, text: &str) {
        if !self.json {
            let mut stdout = std::io::stdout().lock();
            let _ = stdout.write_all(printable(text).as_bytes());
            let _ = stdout.flush();
        }
    }

    /// The result for programs.
    pub(super) fn document(&self, value: &impl Serialize) {
        if self.json {
            self.raw_document(value);
        }
    }

    /// A result that is JSON for people and programs alike.
    pub(super) fn raw_document(&self, value: &impl Serialize) {
        let mut stdout = std::io::stdout().lock();
        let _ = serde_json::to_writer(&mut stdout, value);
        let _ = stdout.write_all(b"\n");
    }

    /// Something worth knowing that is not the result.
    pub(super) fn note(&self, text: &str) {
        self.clear_progress();
        let _ = writeln!(std::io::stderr(), "{}", printable(text));
    }

    /// How far things are; overwritten by the next, and only where a person watches.
    pub(super) fn progress(&self, text: &str) {
        if self.shows_progress() {
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", printable(text));
        }
    }

    /// How far things are, as a line that stays: for a log, where no person watches.
    pub(super) fn sign_of_life(&self, text: &str) {
        if !self.is_watched && !self.is_quiet && !self.json {
            let _ = writeln!(std::io::stderr(), "{}", printable(text));
        }
    }

    /// Something that happened and is worth a line, unless nothing but the result is wanted.
    pub(super) fn event(&self, text: &str) {
        if !self.is_quiet {
            self.note(text);
        }
    }

    pub(super) fn clear_progress(&self) {
        if self.shows_progress() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    /// Why a verb failed: the last line.
    pub(super) fn failure(&self, error: &Error) {
        self.clear_progress();
        let mut stderr = std::io::stderr().lock();
        let _ = if self.json {
            let (code, reason, message) = (error.kind(), error.reason(), error.message());
            writeln!(
                stderr,
                "{}",
                json!({"error": {"code": code, "reason": reason, "message": message}})
            )
        } else {
            writeln!(stderr, "{}", printable(error.message()))
        };
    }
}

/// Documents and models are data: what they say must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(printable("a\x1b[2J\r\u{9b}b\n\tc"), "a[2Jb\n\tc");
    }
}
