//! Who writes: one task with one connection, so that nothing ever waits for a lock, and group commit, so that many
//! writes share one flush. The task has a thread of its own: each of its statements is a way to the connection's thread
//! and back, and on the way back it must not queue behind tasks that compute.
//!
//! Requests wait in two lanes. A round takes every interactive request that waits, and bulk ones: within a time limit
//! where nobody waits, one in every second round where somebody does, so that neither lane starves. Each runs in
//! a savepoint of its own inside one transaction, which is committed once; then all are answered. A request that fails is
//! rolled back alone; a commit that fails fails all of them. An interactive request that arrives during a round joins it
//! before the next bulk request does, so a person never waits behind more than one bulk request, and whoever makes bulk
//! requests keeps them to a few milliseconds each.
//!
//! A flush that failed is the end: what the system then shows may not be on the disk, and asking again would only hide it.
//! Every later write is refused, and the log is left as it is for the next start.
//!
//! A request that was taken runs to its end whether or not its caller still waits.

mod request;
mod task;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use futures_util::future::BoxFuture;
use sqlx::sqlite::SqliteConnection;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot};

use self::request::{Request, Typed};
use self::task::{State, Task};
use super::error::closed;
use crate::error::{Error, Result};

/// Requests that wait in one lane before the next caller has to.
const LANE_CAPACITY: usize = 1024;

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
    /// After a failed flush the system may show what the disk does not hold: nothing more is acknowledged, and nothing
    /// is taken out of the log.
    flush_failed: AtomicBool,
}

/// The way to the task that writes.
#[derive(Debug)]
pub(super) struct Writer {
    interactive: mpsc::Sender<Box<dyn Request>>,
    bulk: mpsc::Sender<Box<dyn Request>>,
    control: mpsc::Sender<Control>,
    counters: Arc<Counters>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Asks the task for what is done between rounds.
#[derive(Debug, Clone)]
pub(super) struct WriterControl {
    control: mpsc::Sender<Control>,
    counters: Arc<Counters>,
}

impl WriterControl {
    /// Has the task refuse whatever comes, because a flush of its file failed elsewhere.
    pub(super) fn fail_for_good(&self) {
        self.counters.flush_failed.store(true, Ordering::SeqCst);
    }

    /// Has the task copy what is left of the log, which the next write begins anew. Returns once it has.
    pub(super) async fn finish_checkpoint(&self) {
        let (done, wait) = oneshot::channel();
        if self.control.send(Control::FinishCheckpoint(done)).await.is_ok() {
            wait.await.ok();
        }
    }
}

/// What else the task can be asked, between rounds.
#[derive(Debug)]
enum Control {
    /// Copies what is left of the log, so that the next write starts it anew.
    FinishCheckpoint(oneshot::Sender<()>),
    /// Writes the database anew and empties the log.
    Rewrite(oneshot::Sender<Result<()>>),
    /// Ends once everything that waits is written.
    Close,
}

impl Writer {
    /// Starts the task. `checkpoint` is notified whenever the log has grown enough.
    ///
    /// # Errors
    /// `internal` where the system gives no thread.
    pub(super) fn start(conn: SqliteConnection, checkpoint: Arc<Notify>) -> Result<Self> {
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
            state: State::default(),
        };
        let runtime = Handle::current();
        let thread = std::thread::Builder::new()
            .name("chatbot-writer".to_owned())
            .spawn(move || runtime.block_on(task.run()))
            .map_err(|error| Error::internal("There is no thread to write.").with_source(error))?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { interactive, bulk, control, counters, thread })
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
        let request = Typed::new(operation, after, reply);
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
        WriterControl { control: self.control.clone(), counters: Arc::clone(&self.counters) }
    }

    /// Writes the database anew, so that nothing is left in it that no row holds, and empties the log. Every write waits
    /// meanwhile.
    pub(super) async fn rewrite(&self) -> Result<()> {
        let (done, wait) = oneshot::channel();
        self.control.send(Control::Rewrite(done)).await.map_err(|_| closed())?;
        wait.await.map_err(|_| closed())?
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
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            tokio::task::spawn_blocking(|| thread.join()).await.ok();
        }
    }
}
