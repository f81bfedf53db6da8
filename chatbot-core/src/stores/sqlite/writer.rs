//! Who writes: one task with one connection, so that nothing ever waits for a lock, and group commit, so that many
//! writes share one flush.
//!
//! Requests wait in two lanes. A round takes every interactive request that waits and, within a time limit, bulk ones;
//! each runs in a savepoint of its own inside one transaction, which is committed once; then all are answered. A request
//! that fails is rolled back alone; a commit that fails fails all of them. An interactive request that arrives during
//! a round joins it before the next bulk request does, so a person never waits behind more than one bulk request, and
//! whoever makes bulk requests keeps them to a few milliseconds each.
//!
//! A request that was taken runs to its end whether or not its caller still waits.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::error::{closed, fault, is_failed_flush};
use super::sql::sql;
use crate::error::{Error, ErrorKind, Result};

/// Requests that wait in one lane before the next caller has to.
const LANE_CAPACITY: usize = 1024;
/// The most interactive requests that share a commit: bounds what one failing commit takes with it.
const MAX_GROUP: usize = 512;
/// How long a round goes on taking bulk requests. About the time of one flush on a busy machine (4 ms), so that the
/// flushes and the work cost the same, and a person who arrives right after the start waits for little.
const BULK_ROUND: Duration = Duration::from_millis(5);
/// Bytes written to the log before it is worth copying them into the database: 4 MiB, SQLite's own 1,000 pages.
const CHECKPOINT_BYTES: u64 = 4 << 20;
/// What a request writes to the log unless its caller says more: a few pages of 4 KiB.
const USUAL_BYTES: u64 = 16 << 10;

/// Which lane a request waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Somebody waits for the answer.
    Interactive,
    /// Part of long work.
    Bulk,
}

/// How much was written, and in how many commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriterStats {
    /// Requests that were run.
    pub requests: u64,
    /// Commits that answered them: one flush each.
    pub commits: u64,
    /// Requests that failed alone.
    pub failed_requests: u64,
    /// Commits that failed, with all their requests.
    pub failed_commits: u64,
}

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    commits: AtomicU64,
    failed_requests: AtomicU64,
    failed_commits: AtomicU64,
    unflushed_bytes: AtomicU64,
}

/// The way to the task that writes.
#[derive(Debug)]
pub(super) struct Writer {
    interactive: mpsc::Sender<Box<dyn Request>>,
    bulk: mpsc::Sender<Box<dyn Request>>,
    control: mpsc::Sender<Control>,
    counters: Arc<Counters>,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
}

/// Asks the task for what is done between rounds.
#[derive(Debug, Clone)]
pub(super) struct WriterControl(mpsc::Sender<Control>);

impl WriterControl {
    /// Has the task copy what is left of the log. Returns once it has.
    pub(super) async fn finish_checkpoint(&self) {
        let (done, wait) = oneshot::channel();
        if self.0.send(Control::FinishCheckpoint(done)).await.is_ok() {
            wait.await.ok();
        }
    }
}

/// What else the task can be asked, between rounds.
#[derive(Debug)]
enum Control {
    /// Copies what is left of the log, so that the next write starts it anew.
    FinishCheckpoint(oneshot::Sender<()>),
    /// Ends once everything that waits is written.
    Close,
}

impl Writer {
    /// Starts the task. `checkpoint` is notified whenever the log has grown enough.
    pub(super) fn start(conn: SqliteConnection, checkpoint: Arc<Notify>) -> Self {
        let (interactive, interactive_rx) = mpsc::channel(LANE_CAPACITY);
        let (bulk, bulk_rx) = mpsc::channel(LANE_CAPACITY);
        let (control, control_rx) = mpsc::channel(4);
        let counters = Arc::new(Counters::default());
        let task = Task {
            conn,
            interactive: interactive_rx,
            bulk: bulk_rx,
            control: control_rx,
            counters: Arc::clone(&counters),
            checkpoint,
            flush_failed: false,
        };
        let task = std::sync::Mutex::new(Some(tokio::spawn(task.run())));
        Self { interactive, bulk, control, counters, task }
    }

    /// Runs `operation` in a transaction and returns once it is on the disk.
    pub(super) async fn write<T, F>(&self, lane: Lane, operation: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T>> + Send + 'static,
    {
        self.write_then(lane, operation, |_: &T| ()).await
    }

    /// As [`Writer::write`], with `after` run between the commit and the answer, also when nobody waits any more.
    pub(super) async fn write_then<T, F, A>(&self, lane: Lane, operation: F, after: A) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T>> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let request =
            Typed { operation: Some(operation), after: Some(after), outcome: None, reply };
        let lane = match lane {
            Lane::Interactive => &self.interactive,
            Lane::Bulk => &self.bulk,
        };
        lane.send(Box::new(request)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Counts `bytes` as written to the log.
    pub(super) fn note_bytes(&self, bytes: u64) {
        self.counters.unflushed_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The way to ask for what is done between rounds.
    pub(super) fn control(&self) -> WriterControl {
        WriterControl(self.control.clone())
    }

    /// How much was written so far.
    pub(super) fn stats(&self) -> WriterStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WriterStats {
            requests: read(&self.counters.requests),
            commits: read(&self.counters.commits),
            failed_requests: read(&self.counters.failed_requests),
            failed_commits: read(&self.counters.failed_commits),
        }
    }

    /// Writes what waits and closes the connection.
    pub(super) async fn close(&self) {
        self.control.send(Control::Close).await.ok();
        let task = self.task.lock().ok().and_then(|mut task| task.take());
        if let Some(task) = task {
            task.await.ok();
        }
    }
}

/// A write that waits, whatever its result is.
#[async_trait]
trait Request: Send {
    /// Runs it; keeps the result for later.
    async fn run(&mut self, conn: &mut SqliteConnection) -> Ran;

    /// Gives the result to the caller: its own, unless the commit failed.
    fn answer(self: Box<Self>, commit_failed: Option<Error>);
}

/// How a request went.
enum Ran {
    /// It waits for the commit.
    Fine,
    /// It failed and left nothing behind.
    RolledBack,
    /// It failed and took the transaction with it.
    Broken(Error),
}

struct Typed<T, F, A> {
    operation: Option<F>,
    after: Option<A>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

#[async_trait]
impl<T, F, A> Request for Typed<T, F, A>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T>> + Send,
    A: FnOnce(&T) + Send,
{
    async fn run(&mut self, conn: &mut SqliteConnection) -> Ran {
        let Some(operation) = self.operation.take() else { return Ran::Fine };
        if let Err(error) = sql("SAVEPOINT request").run(conn).await {
            return Ran::Broken(error);
        }
        let outcome = AssertUnwindSafe(operation(&mut *conn)).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|_| Err(Error::internal("A write broke off.")));
        let ended = end_savepoint(conn, outcome.is_err()).await;
        let ran = match (&outcome, ended) {
            (Ok(_), Ok(())) => Ran::Fine,
            (Err(_), Ok(())) => Ran::RolledBack,
            (Err(first), Err(_)) => Ran::Broken(repeated(first)),
            (Ok(_), Err(error)) => Ran::Broken(error),
        };
        self.outcome = Some(outcome);
        ran
    }

    fn answer(self: Box<Self>, commit_failed: Option<Error>) {
        let Self { after, outcome, reply, .. } = *self;
        let result = match (outcome, commit_failed) {
            (Some(Ok(_)) | None, Some(error)) => Err(error),
            (Some(outcome), _) => outcome,
            (None, None) => Err(Error::internal("A write was answered before it was run.")),
        };
        if let (Ok(value), Some(after)) = (&result, after) {
            after(value);
        }
        reply.send(result).ok();
    }
}

async fn end_savepoint(conn: &mut SqliteConnection, undo: bool) -> Result<()> {
    if undo {
        sql("ROLLBACK TO request").run(conn).await?;
    }
    sql("RELEASE request").run(conn).await.map(|_| ())
}

/// Requests that were run and wait for their commit.
type Round = Vec<Box<dyn Request>>;
/// A request and the lane it waited in.
type Waiting = (Lane, Box<dyn Request>);

struct Task {
    conn: SqliteConnection,
    interactive: mpsc::Receiver<Box<dyn Request>>,
    bulk: mpsc::Receiver<Box<dyn Request>>,
    control: mpsc::Receiver<Control>,
    counters: Arc<Counters>,
    checkpoint: Arc<Notify>,
    /// After a failed flush the system may show what the disk does not hold: nothing more is acknowledged.
    flush_failed: bool,
}

impl Task {
    async fn run(mut self) {
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
        self.conn.close().await.ok();
    }

    async fn obey(&mut self, control: Control) {
        match control {
            Control::FinishCheckpoint(done) => {
                sql("PRAGMA wal_checkpoint(PASSIVE)").all(&mut self.conn).await.ok();
                done.send(()).ok();
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
        let committed = match self.begin().await {
            Ok(()) => match self.fill(first, &mut round).await {
                Ok(()) => self.commit().await,
                Err(error) => {
                    self.roll_back().await;
                    Err(error)
                }
            },
            Err(error) => {
                round.push(first.1);
                Err(error)
            }
        };
        self.answer(round, committed);
    }

    async fn begin(&mut self) -> Result<()> {
        if self.flush_failed {
            return Err(flush_failed());
        }
        sql("BEGIN IMMEDIATE").run(&mut self.conn).await.map(|_| ())
    }

    /// Runs `first` and what else belongs into the round. An error means that the transaction is gone.
    async fn fill(&mut self, (lane, first): Waiting, round: &mut Round) -> Result<()> {
        let started = Instant::now();
        let mut someone_waits = lane == Lane::Interactive;
        self.run_one(first, round).await?;
        loop {
            while round.len() < MAX_GROUP
                && let Ok(request) = self.interactive.try_recv()
            {
                someone_waits = true;
                self.run_one(request, round).await?;
            }
            if someone_waits || started.elapsed() >= BULK_ROUND {
                return Ok(());
            }
            let Ok(request) = self.bulk.try_recv() else { return Ok(()) };
            self.run_one(request, round).await?;
        }
    }

    async fn run_one(&mut self, mut request: Box<dyn Request>, round: &mut Round) -> Result<()> {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        self.counters.unflushed_bytes.fetch_add(USUAL_BYTES, Ordering::Relaxed);
        let ran = request.run(&mut self.conn).await;
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
        match sqlx::query("COMMIT").execute(&mut self.conn).await {
            Ok(_) => {
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                self.note_growth();
                Ok(())
            }
            Err(error) => {
                self.counters.failed_commits.fetch_add(1, Ordering::Relaxed);
                self.flush_failed = is_failed_flush(&error);
                self.roll_back().await;
                Err(fault(error))
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

/// The same failure once more, for each request of the round.
fn repeated(error: &Error) -> Error {
    let copy = Error::new(error.kind(), error.message().to_owned())
        .with_operation("store.commit")
        .with_context("cause", format!("{error:?}"));
    match error.reason() {
        Some(reason) => copy.with_reason(reason),
        None => copy,
    }
}

fn flush_failed() -> Error {
    Error::new(
        ErrorKind::Storage,
        "The disk failed to keep what was written. Check it, then start again.",
    )
}
