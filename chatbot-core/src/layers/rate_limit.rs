//! Stays below what a provider allows a minute, so that it need not refuse.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::opening::{Watch, watched};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::{ChatModel, ChatRequest, ModelEvent, ModelInfo, ModelStream, TokenCounter};
use crate::types::Usage;

/// What is allowed. `None` allows everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Calls a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute, read and written.
    pub tokens_per_minute: Option<u32>,
    /// How long a call may wait for its turn; one that would have to wait longer fails at once.
    pub max_wait: Duration,
}

impl Default for RateLimits {
    /// No limits: what is allowed depends on the account. Whoever waits 10 s for an answer to begin has gone.
    fn default() -> Self {
        Self {
            requests_per_minute: None,
            tokens_per_minute: None,
            max_wait: Duration::from_secs(10),
        }
    }
}

/// A [`ChatModel`] that asks the one inside only as often, and about as much, as is allowed. Calls wait their turn; one
/// that would wait too long fails with `rate_limited`, the reason `overloaded`, and when to come again.
///
/// Tokens are estimated before a call and corrected by what it used.
#[derive(Debug)]
pub struct RateLimit {
    inner: Arc<dyn ChatModel>,
    counter: Arc<dyn TokenCounter>,
    max_wait: Duration,
    buckets: Arc<Mutex<Buckets>>,
}

impl RateLimit {
    /// Keeps `inner` within `limits`; `counter` estimates prompts.
    #[must_use]
    pub fn new(
        inner: Arc<dyn ChatModel>,
        limits: RateLimits,
        counter: Arc<dyn TokenCounter>,
    ) -> Self {
        let bucket = |per_minute: Option<u32>| per_minute.map(Bucket::new);
        let buckets = Buckets {
            requests: bucket(limits.requests_per_minute),
            tokens: bucket(limits.tokens_per_minute),
        };
        Self { inner, counter, max_wait: limits.max_wait, buckets: Arc::new(Mutex::new(buckets)) }
    }
}

#[async_trait]
impl ChatModel for RateLimit {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        let tokens = request.texts().map(|text| self.counter.count(text)).sum::<usize>();
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        let longest = ctx.remaining().map_or(self.max_wait, |left| left.min(self.max_wait));
        let wait = lock(&self.buckets).take(tokens, longest).map_err(late)?;
        let wait = async {
            tokio::time::sleep(wait).await;
            Ok(())
        };
        ctx.run(wait).await?;
        let correction = Correction { buckets: Arc::clone(&self.buckets), tokens, usage: None };
        Ok(watched(self.inner.stream(ctx, request).await?, correction))
    }
}

fn late(wait: Duration) -> Error {
    Error::new(ErrorKind::RateLimited, "The model is asked as often as it may be. Try again later.")
        .with_operation("model.rate")
        .with_reason(Reason::Overloaded)
        .with_retry_after(wait)
}

fn lock(buckets: &Mutex<Buckets>) -> std::sync::MutexGuard<'_, Buckets> {
    buckets.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Buckets {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
}

impl Buckets {
    /// Takes one call of so many tokens out, and says how long it has to wait for that; or takes nothing, where that is
    /// longer than `longest`.
    fn take(&mut self, tokens: u32, longest: Duration) -> std::result::Result<Duration, Duration> {
        let amounts = [(&mut self.requests, 1), (&mut self.tokens, tokens)];
        let mut wait = Duration::ZERO;
        let mut taken = Vec::new();
        for (bucket, amount) in amounts {
            let Some(bucket) = bucket else { continue };
            // What is more than a minute's worth has to get through too, alone.
            let amount = f64::from(amount).min(bucket.per_minute);
            bucket.take(amount);
            wait = wait.max(bucket.wait());
            taken.push((bucket, amount));
        }
        if wait <= longest {
            return Ok(wait);
        }
        taken.into_iter().for_each(|(bucket, amount)| bucket.take(-amount));
        Err(wait)
    }
}

/// Fills evenly, holds a minute's worth, and can be in debt: whoever took too much waits until it is paid back.
#[derive(Debug)]
struct Bucket {
    per_minute: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn new(per_minute: u32) -> Self {
        let per_minute = f64::from(per_minute.max(1));
        Self { per_minute, level: per_minute, at: Instant::now() }
    }

    fn take(&mut self, amount: f64) {
        let filled = self.at.elapsed().as_secs_f64() * self.per_minute / 60.0;
        self.at = Instant::now();
        self.level = (self.level + filled).min(self.per_minute) - amount;
    }

    fn wait(&self) -> Duration {
        let debt = (-self.level).max(0.0);
        Duration::from_secs_f64(debt * 60.0 / self.per_minute)
    }
}

/// Takes what a call used beyond the estimate, or gives back what it did not.
struct Correction {
    buckets: Arc<Mutex<Buckets>>,
    tokens: u32,
    usage: Option<Usage>,
}

impl Watch for Correction {
    fn see(&mut self, event: Result<ModelEvent>) -> Vec<Result<ModelEvent>> {
        if let Ok(ModelEvent::Usage(usage)) = &event {
            self.usage = Some(*usage);
        }
        vec![event]
    }
}

impl Drop for Correction {
    fn drop(&mut self) {
        let Some(usage) = self.usage else { return };
        let used = u32::try_from(usage.input_tokens + usage.output_tokens).unwrap_or(u32::MAX);
        if let Some(bucket) = &mut lock(&self.buckets).tokens {
            bucket.take(f64::from(used) - f64::from(self.tokens).min(bucket.per_minute));
        }
    }
}
