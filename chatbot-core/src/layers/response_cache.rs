//! Answers the same question in the same state of the documents once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::opening::{Watch, watched};
use crate::context::Context;
use crate::error::Result;
use crate::traits::{ChatModel, ChatRequest, ModelEvent, ModelInfo, ModelStream};
use crate::types::{FinishReason, Usage};

/// How much is remembered, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    /// Bytes of all answers together.
    pub max_bytes: usize,
    /// How long an answer is remembered.
    pub max_age: Duration,
}

impl Default for CacheLimits {
    /// 8 MiB are about 4,000 answers. Ten minutes: what is asked again is asked again soon, and what was deleted must not
    /// stay in memory for long: nobody is told it, but it leaves only with its age.
    fn default() -> Self {
        Self { max_bytes: 8 << 20, max_age: Duration::from_secs(600) }
    }
}

/// A [`ChatModel`] that remembers whole answers. The key is everything that an answer may depend on: who asks, the
/// model, the request to the letter, and the epoch of what may be read. A request without an epoch is never remembered, and
/// one that asks anew takes the place of what was.
/// An answer from memory used no tokens, and says so.
#[derive(Debug)]
pub struct ResponseCache {
    inner: Arc<dyn ChatModel>,
    answers: Arc<Mutex<Answers>>,
}

impl ResponseCache {
    /// Remembers what `inner` answers, within `limits`.
    #[must_use]
    pub fn new(inner: Arc<dyn ChatModel>, limits: CacheLimits) -> Self {
        let answers = Answers { limits, by_key: HashMap::new(), n_bytes: 0, epoch: 0 };
        Self { inner, answers: Arc::new(Mutex::new(answers)) }
    }

    /// Bytes of answers that are remembered.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        lock(&self.answers).n_bytes
    }
}

#[async_trait]
impl ChatModel for ResponseCache {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    async fn stream(&self, ctx: &Context, mut request: ChatRequest) -> Result<ModelStream> {
        let Some(epoch) = request.epoch else { return self.inner.stream(ctx, request).await };
        ctx.check()?;
        let is_anew = std::mem::take(&mut request.anew);
        let key = key(ctx, &self.info().name, &request);
        let found = lock(&self.answers).find(epoch, &key);
        if let Some(events) = found.filter(|_| !is_anew) {
            let nothing = ModelEvent::Usage(Usage { cost_usd: Some(0.0), ..Usage::default() });
            let events = std::iter::once(nothing).chain(events.iter().cloned().collect::<Vec<_>>());
            return Ok(stream::iter(events.map(Ok)).boxed());
        }
        let answers = Arc::clone(&self.answers);
        let kept = Kept { answers, key, epoch, events: Vec::new(), n_bytes: 0 };
        Ok(watched(self.inner.stream(ctx, request).await?, kept))
    }
}

type Key = [u8; 32];

/// The hash of everything: a key that holds the prompt would be as large as the prompt.
fn key(ctx: &Context, model: &str, request: &ChatRequest) -> Key {
    let mut hash = Sha256::new();
    hash.update(format!("{:?}\n{model:?}\n{request:?}", ctx.scope()));
    hash.finalize().into()
}

fn lock(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Answer {
    events: Arc<[ModelEvent]>,
    n_bytes: usize,
    since: Instant,
    used: Instant,
}

#[derive(Debug)]
struct Answers {
    limits: CacheLimits,
    by_key: HashMap<Key, Answer>,
    n_bytes: usize,
    /// The newest that was seen; what is older is forgotten.
    epoch: u64,
}

impl Answers {
    fn find(&mut self, epoch: u64, key: &Key) -> Option<Arc<[ModelEvent]>> {
        self.forget_old(epoch);
        let answer = self.by_key.get_mut(key)?;
        answer.used = Instant::now();
        Some(Arc::clone(&answer.events))
    }

    fn forget_old(&mut self, epoch: u64) {
        let max_age = self.limits.max_age;
        let is_newer = epoch > self.epoch;
        self.epoch = self.epoch.max(epoch);
        self.by_key.retain(|_, answer| !is_newer && answer.since.elapsed() < max_age);
        self.count();
    }

    fn count(&mut self) {
        self.n_bytes = self.by_key.values().map(|answer| answer.n_bytes).sum();
    }

    fn insert(&mut self, epoch: u64, key: Key, events: Vec<ModelEvent>, n_bytes: usize) {
        self.forget_old(epoch);
        if epoch < self.epoch || n_bytes > self.limits.max_bytes {
            return;
        }
        let now = Instant::now();
        let answer = Answer { events: events.into(), n_bytes, since: now, used: now };
        self.by_key.insert(key, answer);
        self.count();
        while self.n_bytes > self.limits.max_bytes {
            let longest_unused = self.by_key.iter().min_by_key(|(_, answer)| answer.used);
            let Some((oldest, _)) = longest_unused.map(|(key, answer)| (*key, answer)) else {
                return;
            };
            self.by_key.remove(&oldest);
            self.count();
        }
    }
}

/// An answer that is being written, and is kept once it is whole.
struct Kept {
    answers: Arc<Mutex<Answers>>,
    key: Key,
    epoch: u64,
    events: Vec<ModelEvent>,
    n_bytes: usize,
}

/// Forgets what is too old once `max_age` is over, also where nobody asks any more.
async fn forget_after(max_age: Duration, answers: Weak<Mutex<Answers>>) {
    tokio::time::sleep(max_age).await;
    if let Some(answers) = answers.upgrade() {
        let mut answers = lock(&answers);
        let epoch = answers.epoch;
        answers.forget_old(epoch);
    }
}

/// What an event takes beside its text.
const EVENT_BYTES: usize = size_of::<ModelEvent>();

impl Watch for Kept {
    fn see(&mut self, event: Result<ModelEvent>) -> Vec<Result<ModelEvent>> {
        match &event {
            // What it used belongs to whoever asked first, and what it warned of was about that moment.
            Ok(ModelEvent::Usage(_) | ModelEvent::Warning(_)) | Err(_) => {}
            Ok(kept) => {
                self.n_bytes += EVENT_BYTES + n_bytes(kept);
                self.events.push(kept.clone());
            }
        }
        if matches!(&event, Ok(ModelEvent::Finish(FinishReason::Stop))) {
            let events = std::mem::take(&mut self.events);
            let max_age = {
                let mut answers = lock(&self.answers);
                answers.insert(self.epoch, self.key, events, self.n_bytes);
                answers.limits.max_age
            };
            tokio::spawn(forget_after(max_age, Arc::downgrade(&self.answers)));
        }
        vec![event]
    }
}

fn n_bytes(event: &ModelEvent) -> usize {
    match event {
        ModelEvent::Thinking(text) | ModelEvent::Text(text) => text.len(),
        ModelEvent::ToolCall(call) => call.arguments.to_string().len(),
        ModelEvent::Warning(_) | ModelEvent::Usage(_) | ModelEvent::Finish(_) => 0,
    }
}
