//! Why a worker ended in the midst of a document, and what that says about the document.

use std::io;
use std::process::ExitStatus;

use crate::error::{Error, Reason};

use super::super::watch::exceeded;

/// What the host saw.
#[derive(Debug)]
pub(super) enum Broken {
    /// The time was over.
    Late,
    /// The worker is gone, or what it said cannot be read.
    Talk(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Talk(error)
    }
}

/// Why a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Late,
    Memory,
    Stack,
    Output,
    Nonsense,
    /// Ended by the system, or by somebody who may.
    Killed,
    Crashed,
}

/// The same on every Unix of today.
#[cfg(unix)]
const SIGKILL: i32 = 9;
#[cfg(unix)]
const SIGXCPU: i32 = 24;

impl Ending {
    /// What happened, from what the host saw, how the process ended, and its last words.
    pub(super) fn of(broken: &Broken, status: Option<ExitStatus>, last_words: &[u8]) -> Self {
        let error = match broken {
            Broken::Late => return Self::Late,
            Broken::Talk(error) => error.kind(),
        };
        if error == io::ErrorKind::FileTooLarge {
            return Self::Output;
        }
        if error == io::ErrorKind::InvalidData {
            return Self::Nonsense;
        }
        // What the standard library says before it ends a process; everything else may be the document's doing.
        let said = |words: &[u8]| last_words.windows(words.len()).any(|part| part == words);
        if said(b"memory allocation of ") {
            return Self::Memory;
        }
        if said(b"has overflowed its stack") {
            return Self::Stack;
        }
        match signal(status) {
            #[cfg(unix)]
            Some(SIGXCPU) => Self::Late,
            #[cfg(unix)]
            Some(SIGKILL) => Self::Killed,
            _ => Self::Crashed,
        }
    }

    /// For the log.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Output => "output",
            Self::Nonsense => "nonsense",
            Self::Killed => "killed",
            Self::Crashed => "crashed",
        }
    }

    /// What becomes of the document.
    pub(super) fn error(self) -> Error {
        match self {
            Self::Late => exceeded(
                "The document takes too long to read. Split it, or save it in a simpler form.",
            ),
            Self::Memory => exceeded(
                "The document needs more memory to read than allowed. Split it, or save it in a simpler form.",
            ),
            Self::Stack => exceeded(
                "The document is nested more deeply than can be read. Save it in a simpler form.",
            ),
            Self::Output => exceeded("The document holds more text than allowed. Split it."),
            Self::Killed => exceeded(
                "The system ended the process that read the document, most likely for want of memory.",
            ),
            Self::Nonsense | Self::Crashed => Error::parse(
                Reason::Corrupt,
                "The document is damaged in a way that its parser cannot handle.",
            ),
        }
    }
}

/// The signal that ended a process.
#[cfg(unix)]
pub(super) fn signal(status: Option<ExitStatus>) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;
    status.and_then(|status| status.signal())
}

/// Elsewhere nothing ends by a signal.
#[cfg(not(unix))]
pub(super) fn signal(_: Option<ExitStatus>) -> Option<i32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    #[test]
    fn each_ending_has_its_reason() {
        let gone = || Broken::Talk(io::ErrorKind::UnexpectedEof.into());
        let by = |signal: i32| Some(ExitStatus::from_raw(signal));
        let memory = b"\nmemory allocation of 99 bytes failed\n";
        let stack = b"thread 'pdf' (7) has overflowed its stack\nfatal runtime error";
        let late = Broken::Talk(io::ErrorKind::FileTooLarge.into());
        for (ending, expected, reason) in [
            (Ending::of(&Broken::Late, by(9), b""), Ending::Late, Reason::LimitExceeded),
            (Ending::of(&gone(), by(24), b""), Ending::Late, Reason::LimitExceeded),
            (Ending::of(&gone(), by(6), memory), Ending::Memory, Reason::LimitExceeded),
            (Ending::of(&gone(), by(6), stack), Ending::Stack, Reason::LimitExceeded),
            (Ending::of(&gone(), by(6), b""), Ending::Crashed, Reason::Corrupt),
            (Ending::of(&gone(), by(9), b""), Ending::Killed, Reason::LimitExceeded),
            (Ending::of(&gone(), None, b""), Ending::Crashed, Reason::Corrupt),
            (Ending::of(&late, by(9), b""), Ending::Output, Reason::LimitExceeded),
        ] {
            assert_eq!(ending, expected);
            assert_eq!(ending.error().reason(), Some(reason), "{}", ending.name());
        }
    }
}
