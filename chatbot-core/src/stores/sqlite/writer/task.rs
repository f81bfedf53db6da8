//! The task that owns the connection: round after round, one commit each.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{Notify, mpsc};

use super::super::error::{fault, is_failed_flush};
use super::super::sql::sql;
use super::super::{checkpoint, scrub};
use super::request::{Ran, Request, repeated};
use super::{Control, Counters, Lane};
use crate::crash;
use crate::error::{Error, ErrorKind, Result};

/// The most interactive requests that share a commit: bounds what one failing commit takes with it.
const MAX_GROUP: usize = 512;
/// How long a round goes on taking bulk requests. About the time of one flush on a busy machine (4 ms), so that the
/// flushes and the work cost the same, and a person who arrives right after the start waits for little.
const BULK_ROUND: Duration = Duration::from_millis(5);
/// Bytes written to the log before they are copied into the database. Each copy makes the disk flush, and a person's
/// write waits for that flush: 16 MiB makes few of them, and a log of that size is read in well under 0.1 s at a start.
const CHECKPOINT_BYTES: u64 = 16 << 20;
/// What a request writes to the log unless its caller says more: a few pages of 4 KiB.
const USUAL_BYTES: u64 = 16 << 10;

/// Opens a round and its first savepoint. One text, because each is a way to the connection's thread and back.
const BEGIN: &str = "BEGIN IMMEDIATE; SAVEPOINT request";
/// From one request to the next. The commit closes the last savepoint.
const NEXT: &str = "RELEASE request; SAVEPOINT request";

/// Requests that were run and wait for their commit.
type Round = Vec<Box<dyn Request>>;
/// A request and the lane it waited in.
type Waiting = (Lane, Box<dyn Request>);

/// Everything the task works with.
pub(super) struct Task {
    pub(super) conn: SqliteConnection,
    pub(super) interactive: mpsc::Receiver<Box<dyn Request>>,
    pub(super) bulk: mpsc::Receiver<Box<dyn Request>>,
    pub(super) control: mpsc::Receiver<Control>,
    pub(super) counters: Arc<Counters>,
    pub(super) checkpoint: Arc<Notify>,
    pub(super) state: State,
}

/// What one round leaves to the next.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Whether the last round took no bulk request: then this one does, however many people wait.
    bulk_is_due: bool,
}

impl Task {
    /// Works until every sender is gone, or the writer is closed, and nothing waits any more.
    pub(super) async fn run(mut self) {
        loop {
            let first = tokio::select! {
                biased;
                Some(control) = self.control.recv() => {
                    self.obey(control).await;
                    continue;
                }
                Some(request) = self.interactive.recv() => (Lane::Interactive, request),
                Some(request) = self.bulk.recv() => (Lane::Bulk, request),
                else => break,
            };
            self.round(first).await;
        }
        if self.flush_failed() {
            // The last connection that closes copies the log and deletes it, and the log may be the only good copy.
            std::mem::forget(self.conn);
        } else {
            self.conn.close().await.ok();
        }
    }

    fn flush_failed(&self) -> bool {
        self.counters.flush_failed.load(Ordering::SeqCst)
    }

    /// Remembers it where `error` is a failed flush.
    fn note_failure(&self, error: &Error) {
        if is_failed_flush(error) {
            self.counters.flush_failed.store(true, Ordering::SeqCst);
        }
    }

    async fn obey(&mut self, control: Control) {
        match control {
            Control::FinishCheckpoint(done) => {
                if !self.flush_failed()
                    && let Err(error) = checkpoint::finish(&mut self.conn).await
                {
                    self.note_failure(&error);
                }
                done.send(()).ok();
            }
            Control::Rewrite(done) => {
                let rewritten = scrub::rewrite(&mut self.conn).await;
                done.send(rewritten).ok();
            }
            Control::Close => {
                self.interactive.close();
                self.bulk.close();
                self.control.close();
            }
        }
    }

    async fn round(&mut self, first: Waiting) {
        let mut round = Round::new();
        let filled = match self.begin().await {
            Ok(()) => self.fill(first, &mut round).await,
            Err(error) => {
                round.push(first.1);
                Err(error)
            }
        };
        let committed = match filled {
            Ok(()) => self.commit().await,
            Err(error) => {
                self.note_failure(&error);
                self.roll_back().await;
                Err(error)
            }
        };
        self.answer(round, committed);
    }

    async fn begin(&mut self) -> Result<()> {
        if self.flush_failed() {
            return Err(flush_failed());
        }
        sql(BEGIN).run(&mut self.conn).await.map(|_| ())
    }

    /// Runs `first` and what else belongs into the round. An error means that the transaction is gone.
    async fn fill(&mut self, (lane, first): Waiting, round: &mut Round) -> Result<()> {
        let started = Instant::now();
        let (mut n_bulk, mut someone_waits) = (0_u32, false);
        let mut next = Some((lane, first));
        while let Some((lane, request)) = next {
            match lane {
                Lane::Interactive => someone_waits = true,
                Lane::Bulk => n_bulk += 1,
            }
            self.run_one(request, round).await?;
            let bulk_fits = if someone_waits {
                n_bulk == 0 && self.state.bulk_is_due
            } else {
                started.elapsed() < BULK_ROUND
            };
            next = self.take(round.len() < MAX_GROUP, bulk_fits);
        }
        self.state.bulk_is_due = n_bulk == 0;
        Ok(())
    }

    /// The next request of a round that has room for one of these lanes.
    fn take(&mut self, interactive_fits: bool, bulk_fits: bool) -> Option<Waiting> {
        if interactive_fits && let Ok(request) = self.interactive.try_recv() {
            return Some((Lane::Interactive, request));
        }
        if bulk_fits && let Ok(request) = self.bulk.try_recv() {
            return Some((Lane::Bulk, request));
        }
        None
    }

    async fn run_one(&mut self, mut request: Box<dyn Request>, round: &mut Round) -> Result<()> {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        self.counters.unflushed_bytes.fetch_add(USUAL_BYTES, Ordering::Relaxed);
        let savepoint = match round.is_empty() {
            true => Ok(()),
            false => sql(NEXT).run(&mut self.conn).await.map(|_| ()),
        };
        let ran = match savepoint {
            Ok(()) => request.run(&mut self.conn).await,
            Err(error) => Ran::Broken(error),
        };
        round.push(request);
        match ran {
            Ran::Fine => Ok(()),
            Ran::RolledBack => {
                self.counters.failed_requests.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Ran::Broken(error) => {
                self.counters.failed_commits.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    async fn commit(&mut self) -> Result<()> {
        crash::point("writer/before_commit");
        let committed = sqlx::query("COMMIT").execute(&mut self.conn).await;
        crash::point("writer/after_commit");
        match committed {
            Ok(_) => {
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                self.note_growth();
                Ok(())
            }
            Err(error) => {
                self.counters.failed_commits.fetch_add(1, Ordering::Relaxed);
                let error = fault(error);
                self.note_failure(&error);
                self.roll_back().await;
                Err(error)
            }
        }
    }

    /// SQLite may have rolled back by itself: then there is nothing left to roll back.
    async fn roll_back(&mut self) {
        sql("ROLLBACK").run(&mut self.conn).await.ok();
    }

    fn note_growth(&self) {
        if self.counters.unflushed_bytes.load(Ordering::Relaxed) >= CHECKPOINT_BYTES {
            self.counters.unflushed_bytes.store(0, Ordering::Relaxed);
            self.checkpoint.notify_one();
        }
    }

    fn answer(&self, round: Round, committed: Result<()>) {
        let failed = committed.err();
        for request in round {
            request.answer(failed.as_ref().map(repeated));
        }
    }
}

fn flush_failed() -> Error {
    Error::new(
        ErrorKind::Storage,
        "The disk failed to keep what was written. Check it, then start again.",
    )
}
