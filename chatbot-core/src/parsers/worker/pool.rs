//! The workers of one host: started when they are needed, used again, ended when nobody needs them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::error::{Error, Result};
use crate::traits::ParseLimits;
use crate::types::RawDocument;

use super::WorkerOptions;
use super::process::{Answer, Worker};
use super::starter::Starter;
use super::wire::Question;

/// Workers that wait, and places for those that work.
#[derive(Debug)]
pub(super) struct Pool {
    starter: Starter,
    places: Semaphore,
    idle_after: Duration,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    workers: Vec<Worker>,
    /// Ends those that wait too long; there is one while any waits.
    watch: Option<AbortHandle>,
    /// Whether it was said that workers are not confined here.
    is_warned: bool,
}

impl Pool {
    pub(super) fn new(options: WorkerOptions) -> Self {
        Self {
            places: Semaphore::new(options.n_at_once.max(1)),
            idle_after: options.idle_after,
            starter: Starter::new(options),
            idle: Mutex::default(),
        }
    }

    /// Asks a worker about a document.
    ///
    /// # Errors
    /// `unavailable` where there is no worker; what reading says; `parse_failed` where the worker ended with the document.
    ///
    /// # Cancellation
    /// The worker is killed.
    pub(super) async fn ask(
        self: &Arc<Self>,
        raw: &RawDocument,
        limits: &ParseLimits,
        question: &Question,
    ) -> Result<Answer> {
        let place = self.places.acquire().await;
        let _place = place.map_err(|_| Error::internal("The places for parsing are gone."))?;
        let mut worker = self.take().await?;
        match worker.ask(raw, limits, question).await {
            Ok(read) => {
                self.give_back(worker);
                read
            }
            Err(broken) => Err(worker.end(&broken).await.error()),
        }
    }

    async fn take(&self) -> Result<Worker> {
        while let Some(mut worker) = self.idle().workers.pop() {
            if worker.is_there() {
                return Ok(worker);
            }
        }
        let worker = Worker::greet(self.starter.start().await?).await?;
        self.warn_once(&worker);
        Ok(worker)
    }

    fn warn_once(&self, worker: &Worker) {
        let mut idle = self.idle();
        if !worker.is_confined && !std::mem::replace(&mut idle.is_warned, true) {
            tracing::warn!(
                "this system does not keep parse workers from files and network; their other limits hold"
            );
        }
    }

    fn give_back(self: &Arc<Self>, worker: Worker) {
        if worker.is_used_up() {
            return;
        }
        let mut idle = self.idle();
        idle.workers.push(worker);
        if idle.watch.is_none() {
            let watch = tokio::spawn(watch(Arc::downgrade(self), self.idle_after));
            idle.watch = Some(watch.abort_handle());
        }
    }

    /// Ends those that have waited too long; `false` where none is left.
    fn end_idle(&self) -> bool {
        let mut idle = self.idle();
        let now = Instant::now();
        idle.workers.retain(|worker| now.duration_since(worker.last_used) < self.idle_after);
        if idle.workers.is_empty() {
            idle.watch = None;
        }
        !idle.workers.is_empty()
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(watch) = self.idle().watch.take() {
            watch.abort();
        }
    }
}

async fn watch(pool: Weak<Pool>, idle_after: Duration) {
    loop {
        sleep(idle_after).await;
        if !pool.upgrade().is_some_and(|pool| pool.end_idle()) {
            return;
        }
    }
}
