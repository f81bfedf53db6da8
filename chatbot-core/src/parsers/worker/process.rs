//! One worker as its host sees it.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::time::{Instant, timeout};

use crate::error::{Error, ErrorKind, Result};
use crate::traits::ParseLimits;
use crate::types::{ParsedDocument, RawDocument};

use super::super::pictures::{Pictures, Wanted};
use super::super::registry::broken_promise;
use super::ending::{Broken, Ending, signal};
use super::wire::{
    self, Facts, Hello, MAX_HEAD_BYTES, MAX_STRUCTURE_BYTES, PicturesHead, Question, ReplyHead,
    RequestHead, next_frame, nonsense,
};

/// How long a worker may take to say hello: a start takes milliseconds, on a machine that is overloaded a while.
const HELLO_WITHIN: Duration = Duration::from_secs(30);
/// What is added to a document's time before its worker is ended: parsers keep the time themselves, and say better what
/// went wrong.
const GRACE: Duration = Duration::from_secs(5);
/// How long a process that has closed its pipes may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// Bytes of what a process that died had to say.
const MAX_LAST_WORDS: u64 = 4096;

/// Documents after which a worker is replaced. A start costs less than one document in so many.
const MAX_DOCUMENTS: u32 = 100;
/// Bytes after which a worker is replaced, for the same reason.
const MAX_BYTES: u64 = 256 << 20;
/// Memory that a worker may keep while it waits: what it needs for small documents, and a little more.
const MAX_IDLE_MEMORY: u64 = 128 << 20;

/// What a worker found out about a document.
#[derive(Debug)]
pub(super) enum Answer {
    Text(ParsedDocument),
    Pictures(Pictures),
}

/// A process that reads one document after the other. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    complaints: ChildStderr,
    n_documents: u32,
    n_bytes: u64,
    pub(super) last_used: Instant,
    pub(super) is_confined: bool,
}

impl Worker {
    /// Waits until a process that was just started is ready.
    ///
    /// # Errors
    /// `unavailable` where it does not say hello as a worker of this release does.
    pub(super) async fn greet(mut child: Child) -> Result<Self> {
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(to), Some(from), Some(complaints)) = pipes else {
            return Err(Error::internal("A process was started without its pipes."));
        };
        let mut from = BufReader::new(from);
        let hello = async { wire::head(&next_frame(&mut from, MAX_HEAD_BYTES).await?) };
        let hello: io::Result<Hello> = timeout(HELLO_WITHIN, hello)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let hello = hello.map_err(no_worker)?;
        if hello.version != wire::VERSION {
            return Err(no_worker(nonsense("it is a worker of another release")));
        }
        let (last_used, is_confined) = (Instant::now(), hello.is_confined);
        Ok(Self { child, to, from, complaints, n_documents: 0, n_bytes: 0, last_used, is_confined })
    }

    /// Whether it still runs.
    pub(super) fn is_there(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether it has done its share, or keeps more memory than the next document needs.
    pub(super) fn is_used_up(&self) -> bool {
        self.n_documents >= MAX_DOCUMENTS
            || self.n_bytes >= MAX_BYTES
            || self.child.id().and_then(memory_of).is_some_and(|bytes| bytes > MAX_IDLE_MEMORY)
    }

    /// Sends a document and takes what was found out about it.
    ///
    /// # Errors
    /// Those of the talk: the worker cannot be used any more.
    pub(super) async fn ask(
        &mut self,
        raw: &RawDocument,
        limits: &ParseLimits,
        question: &Question,
    ) -> Result<Result<Answer>, Broken> {
        self.n_documents += 1;
        self.n_bytes = self.n_bytes.saturating_add(raw.bytes.len() as u64);
        let within = limits.max_duration.saturating_add(GRACE);
        let talk = self.talk(raw, limits, question);
        let talked = timeout(within, talk).await.map_err(|_| Broken::Late)??;
        self.last_used = Instant::now();
        Ok(talked)
    }

    async fn talk(
        &mut self,
        raw: &RawDocument,
        limits: &ParseLimits,
        question: &Question,
    ) -> io::Result<Result<Answer>> {
        let head = RequestHead {
            limits: limits.clone(),
            name: raw.name.clone(),
            declared: raw.declared.clone(),
            question: question.clone(),
        };
        let mut request = Vec::new();
        wire::write_head(&mut request, &head)?;
        request.extend(wire::length(&raw.bytes)?);
        self.to.write_all(&request).await?;
        self.to.write_all(&raw.bytes).await?;
        self.to.flush().await?;
        let head = next_frame(&mut self.from, MAX_HEAD_BYTES).await.map_err(never_too_long)?;
        match (wire::head(&head)?, question) {
            (ReplyHead::Failed(failure), _) => {
                failure.error().map(Err).ok_or_else(|| nonsense("no parser fails so"))
            }
            (ReplyHead::Parsed(facts), Question::Text) => {
                self.document(facts, limits).await.map(Answer::Text).map(Ok)
            }
            (ReplyHead::Pictures(head), Question::Pictures(wanted)) => {
                self.pictures(head, wanted).await.map(Answer::Pictures).map(Ok)
            }
            (ReplyHead::Parsed(_) | ReplyHead::Pictures(_), _) => {
                Err(nonsense("an answer to another question"))
            }
        }
    }

    async fn document(&mut self, facts: Facts, limits: &ParseLimits) -> io::Result<ParsedDocument> {
        let text = next_frame(&mut self.from, limits.max_text_bytes).await?;
        let structure = next_frame(&mut self.from, MAX_STRUCTURE_BYTES).await?;
        let parts = self.parts(facts.n_parts(), limits).await?;
        let document = facts.document(text, &structure, parts);
        let document = document.filter(|document| broken_promise(document).is_none());
        document.ok_or_else(|| nonsense("the document is none"))
    }

    /// The pages, where they are such as were asked for.
    async fn pictures(&mut self, head: PicturesHead, wanted: &Wanted) -> io::Result<Pictures> {
        let lengths = head.lengths().ok_or_else(|| nonsense("the pages are none"))?;
        let before_last = lengths.iter().rev().skip(1).sum::<usize>();
        if before_last >= wanted.max_bytes.max(1) {
            return Err(nonsense("there are more pictures than asked for"));
        }
        let mut greys = Vec::with_capacity(lengths.len());
        for length in lengths {
            let grey = next_frame(&mut self.from, length).await?;
            if grey.len() != length {
                return Err(nonsense("a picture has another size than it says"));
            }
            greys.push(grey);
        }
        let asked = |pictures: &Pictures| {
            let goes_on = pictures.next.is_none_or(|next| next > wanted.from);
            goes_on && pictures.pictures.iter().all(|picture| wanted.includes(picture.page))
        };
        head.pictures(greys).filter(asked).ok_or_else(|| nonsense("the pages are none"))
    }

    /// The documents inside the one that was read.
    async fn parts(&mut self, n: usize, limits: &ParseLimits) -> io::Result<Vec<Vec<u8>>> {
        if n > limits.max_parts {
            return Err(nonsense("there are more documents inside it than allowed"));
        }
        let mut left = usize::try_from(limits.max_part_bytes).unwrap_or(usize::MAX);
        let mut parts = Vec::with_capacity(n);
        for _ in 0..n {
            let part = next_frame(&mut self.from, left).await?;
            left = left.saturating_sub(part.len());
            parts.push(part);
        }
        Ok(parts)
    }

    /// Ends the process and finds out why it could not go on.
    pub(super) async fn end(mut self, broken: &Broken) -> Ending {
        let pid = self.child.id();
        let status = self.status(broken).await;
        let mut last_words = Vec::new();
        let mut words = self.complaints.take(MAX_LAST_WORDS);
        let _ = timeout(GONE_WITHIN, words.read_to_end(&mut last_words)).await;
        let ending = Ending::of(broken, status, &last_words);
        let signal = signal(status);
        tracing::warn!(
            pid,
            cause = ending.name(),
            signal,
            "a parse worker was ended with its document"
        );
        ending
    }

    /// How it ended by itself, where it did; otherwise it is killed.
    async fn status(&mut self, broken: &Broken) -> Option<ExitStatus> {
        if matches!(broken, Broken::Talk(error) if is_end(error))
            && let Ok(status) = timeout(GONE_WITHIN, self.child.wait()).await
        {
            return status.ok();
        }
        self.child.kill().await.ok()?;
        self.child.wait().await.ok()
    }
}

/// Heads are small, whatever the document: a longer one is no head.
fn never_too_long(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::FileTooLarge { nonsense("a head is too long") } else { error }
}

fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe)
}

fn no_worker(error: io::Error) -> Error {
    let message = "The program that reads documents did not start. Check `parsing.worker`.";
    Error::new(ErrorKind::Unavailable, message).with_source(error)
}

/// Bytes of memory that a process has at this moment.
#[cfg(target_os = "linux")]
fn memory_of(pid: u32) -> Option<u64> {
    // Sizes in pages: all, resident, …
    let sizes = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let n_pages: u64 = sizes.split(' ').nth(1)?.parse().ok()?;
    n_pages.checked_mul(rustix::param::page_size() as u64)
}

/// Elsewhere nobody says it in a file.
#[cfg(not(target_os = "linux"))]
const fn memory_of(_: u32) -> Option<u64> {
    None
}
