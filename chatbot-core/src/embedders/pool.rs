//! Threads that embed texts, one at a time each, and nothing held while nobody asks.
//!
//! Questions have threads of their own: they wait for no passage, however many are queued. Passages step back: their threads
//! have a low priority, so that on a machine with nothing to spare an answer costs the embedding time, and not the other
//! way round. A text is the unit of work: a call that was cancelled costs one text, and texts that come together are spread
//! over the threads.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::background::step_back;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::traits::EmbedKind;

/// A text, and where its vector goes.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) ctx: Context,
    pub(super) text: String,
    /// The text's place in its call.
    pub(super) at: usize,
    pub(super) reply: UnboundedSender<(usize, Result<Vec<f32>>)>,
}

/// What turns a text into a vector, once it is in memory.
pub(super) trait Model: Send + Sync + 'static {
    /// The vector of a text. `go_on` is asked between its parts.
    ///
    /// # Errors
    /// What `go_on` fails with, and `internal` where the model is not what it should be.
    fn embed(&self, text: &str, go_on: &dyn Fn() -> Result<()>) -> Result<Vec<f32>>;
}

type Load<M> = dyn Fn() -> Result<M> + Send + Sync;

/// Threads that begin with the first text and end when nothing was asked for a while, the last one with the model.
pub(super) struct Pool<M> {
    shared: Arc<Shared<M>>,
}

struct Shared<M> {
    load: Box<Load<M>>,
    n_threads: usize,
    idle: Duration,
    state: Mutex<State>,
    wake: Condvar,
    /// Held while the model is read, so that it is read once.
    model: Mutex<Option<Arc<M>>>,
}

#[derive(Default)]
struct State {
    questions: Lane,
    passages: Lane,
    closed: bool,
}

/// Texts of one kind, and the threads for them.
#[derive(Default)]
struct Lane {
    jobs: VecDeque<Job>,
    n_running: usize,
    n_waiting: usize,
}

/// Whether somebody waits for a text.
#[derive(Debug, Clone, Copy)]
enum Urgency {
    Question,
    Passage,
}

impl Urgency {
    const fn of(kind: EmbedKind) -> Self {
        match kind {
            EmbedKind::Query | EmbedKind::Sentence => Self::Question,
            EmbedKind::Document => Self::Passage,
        }
    }
}

impl State {
    const fn lane(&mut self, urgency: Urgency) -> &mut Lane {
        match urgency {
            Urgency::Question => &mut self.questions,
            Urgency::Passage => &mut self.passages,
        }
    }
}

impl<M: Model> Pool<M> {
    /// At most `n_threads` for questions and as many for passages, which end after `idle` without work.
    pub(super) fn new(
        load: impl Fn() -> Result<M> + Send + Sync + 'static,
        n_threads: usize,
        idle: Duration,
    ) -> Self {
        let shared = Shared {
            load: Box::new(load),
            n_threads: n_threads.max(1),
            idle,
            state: Mutex::default(),
            wake: Condvar::new(),
            model: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Queues texts.
    ///
    /// # Errors
    /// `unavailable` where the system gives no thread.
    pub(super) fn submit(&self, kind: EmbedKind, jobs: Vec<Job>) -> Result<()> {
        let urgency = Urgency::of(kind);
        let mut state = self.shared.state();
        let lane = state.lane(urgency);
        let n_free = self.shared.n_threads.saturating_sub(lane.n_running);
        let n_wanted = jobs.len().saturating_sub(lane.n_waiting);
        lane.jobs.extend(jobs);
        for _ in 0..n_wanted.min(n_free) {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("embedder".to_owned());
            match thread.spawn(move || shared.work(urgency)) {
                Ok(_) => lane.n_running += 1,
                Err(error) if lane.n_running == 0 => return Err(error.into()),
                Err(_) => break,
            }
        }
        drop(state);
        self.shared.wake.notify_all();
        Ok(())
    }
}

impl<M> std::fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("n_threads", &self.shared.n_threads).finish_non_exhaustive()
    }
}

impl<M> Drop for Pool<M> {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.wake.notify_all();
    }
}

impl<M> Shared<M> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Model> Shared<M> {
    fn work(&self, urgency: Urgency) {
        if matches!(urgency, Urgency::Passage) {
            step_back();
        }
        while let Some(job) = self.next(urgency) {
            if job.reply.is_closed() {
                continue;
            }
            // A defect in the model's code fails this text, and not the thread that others wait for.
            let run = std::panic::AssertUnwindSafe(|| self.embed(&job));
            let vector = std::panic::catch_unwind(run)
                .unwrap_or_else(|_| Err(Error::internal("The embedder failed on a text.")));
            // Whoever asked may have left meanwhile.
            let _ = job.reply.send((job.at, vector));
        }
    }

    fn embed(&self, job: &Job) -> Result<Vec<f32>> {
        job.ctx.check()?;
        self.model()?.embed(&job.text, &|| job.ctx.check())
    }

    /// The next text; `None` where this thread should end.
    fn next(&self, urgency: Urgency) -> Option<Job> {
        let mut state = self.state();
        loop {
            let lane = state.lane(urgency);
            if let Some(job) = lane.jobs.pop_front() {
                return Some(job);
            }
            lane.n_waiting += 1;
            let (woken, wait) = self
                .wake
                .wait_timeout_while(state, self.idle, |state| {
                    state.lane(urgency).jobs.is_empty() && !state.closed
                })
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            let is_over = wait.timed_out() || state.closed;
            let lane = state.lane(urgency);
            lane.n_waiting -= 1;
            if is_over && lane.jobs.is_empty() {
                lane.n_running -= 1;
                self.leave(&state);
                return None;
            }
        }
    }

    /// The last thread gives the model's memory back.
    fn leave(&self, state: &State) {
        if state.questions.n_running + state.passages.n_running == 0 {
            self.model.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    fn model(&self) -> Result<Arc<M>> {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = &*model {
            return Ok(Arc::clone(model));
        }
        let loaded = Arc::new((self.load)()?);
        *model = Some(Arc::clone(&loaded));
        Ok(loaded)
    }
}

#[cfg(test)]
mod tests;
