//! Asks again where that may help, and never more than can be afforded.
//!
//! *Source*: full jitter and one layer of retries from the Amazon Builders' Library, "Timeouts, retries, and backoff with
//! jitter"; the budget of a fifth of the requests from Finagle's `RetryBudget` and Envoy's retry budgets.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::opening::opened;
use super::window::Window;
use crate::context::Context;
use crate::error::{Error, Reason, Result};
use crate::traits::{ChatModel, ChatRequest, ModelInfo, ModelStream};

/// How often and how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries after the first one.
    pub max_retries: u32,
    /// The longest pause before the first retry; it doubles with each.
    pub first_pause: Duration,
    /// The longest pause of all.
    pub max_pause: Duration,
    /// The longest that a provider may ask to wait; where it asks for more, the call fails at once.
    pub max_wait: Duration,
}

impl Default for RetryPolicy {
    /// Two retries, with pauses up to half a second and up to 8 s, are those of OpenAI's and Anthropic's own clients.
    /// A minute is the length of the windows that providers count in: who asks for more means something else.
    fn default() -> Self {
        Self {
            max_retries: 2,
            first_pause: Duration::from_millis(500),
            max_pause: Duration::from_secs(8),
            max_wait: Duration::from_secs(60),
        }
    }
}

/// How many retries the calls of the last ten seconds may cause together: one for five calls, or three.
#[derive(Debug, Default)]
pub struct RetryBudget {
    /// Calls and retries.
    spent: Mutex<Window>,
}

impl RetryBudget {
    /// One retry for this many calls.
    const CALLS_PER_RETRY: u32 = 5;
    /// Retries that are let through however few calls there are: Envoy's floor.
    const FLOOR: u32 = 3;

    fn note_call(&self) {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).add([1, 0]);
    }

    /// Takes one retry, where there is one left.
    fn take(&self) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let is_left = left(&mut spent) > 0;
        if is_left {
            spent.add([0, 1]);
        }
        is_left
    }

    /// Retries that are left at this moment.
    #[must_use]
    pub fn left(&self) -> u32 {
        left(&mut self.spent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn left(spent: &mut Window) -> u32 {
    let [calls, retries] = spent.sums();
    (calls / RetryBudget::CALLS_PER_RETRY).max(RetryBudget::FLOOR).saturating_sub(retries)
}

/// A [`ChatModel`] that asks the one inside again where it failed before it said anything, and where its error says that
/// this may help. An account without credit, a refused key and a refused content are not asked for twice.
#[derive(Debug)]
pub struct Retry {
    inner: Arc<dyn ChatModel>,
    policy: RetryPolicy,
    budget: Arc<RetryBudget>,
    jitter: Jitter,
}

impl Retry {
    /// Asks `inner` again by `policy`, within what `budget` has left for everyone who shares it.
    #[must_use]
    pub fn new(inner: Arc<dyn ChatModel>, policy: RetryPolicy, budget: Arc<RetryBudget>) -> Self {
        Self { inner, policy, budget, jitter: Jitter::default() }
    }

    /// How long to wait before try number `n`, from 1, after `error`; `None` where there is to be none.
    fn pause(&self, ctx: &Context, n: u32, error: &Error) -> Option<Duration> {
        // Nobody who waits for an answer waits long for an address at which nobody is.
        let max_retries = match error.reason() {
            Some(Reason::Unreachable) => self.policy.max_retries.min(1),
            _ => self.policy.max_retries,
        };
        if n > max_retries || !may_help(error) {
            return None;
        }
        let asked = error.retry_after().unwrap_or_default();
        let longest = self.policy.first_pause.saturating_mul(1 << (n - 1).min(16));
        let pause = asked.saturating_add(self.jitter.up_to(longest.min(self.policy.max_pause)));
        let is_in_time = ctx.remaining().is_none_or(|left| pause < left);
        (asked <= self.policy.max_wait && is_in_time && self.budget.take()).then_some(pause)
    }
}

/// Whether the same call may fare better in a moment. What was refused here, to spare the provider, would only be
/// refused again, and an answer without content has been paid for.
fn may_help(error: &Error) -> bool {
    error.is_retryable()
        && !matches!(
            error.reason(),
            Some(Reason::Overloaded | Reason::CircuitOpen | Reason::NoAnswer)
        )
}

#[async_trait]
impl ChatModel for Retry {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        self.budget.note_call();
        let mut n = 0;
        loop {
            let error = match opened(&*self.inner, ctx, request.clone()).await {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            };
            // Late or unwanted: the error may be the context's own.
            ctx.check()?;
            n += 1;
            let Some(pause) = self.pause(ctx, n, &error) else { return Err(error) };
            tracing::warn!(
                model = self.info().name, code = %error.kind(), n, pause_ms = pause.as_millis(),
                "the model is asked again"
            );
            let wait = async {
                tokio::time::sleep(pause).await;
                Ok(())
            };
            ctx.run(wait).await?;
        }
    }
}

/// Random pauses, so that those who failed together do not come again together. SplitMix64: good enough for that.
#[derive(Debug)]
struct Jitter(AtomicU64);

impl Default for Jitter {
    fn default() -> Self {
        Self(AtomicU64::new(RandomState::new().hash_one(0)))
    }
}

impl Jitter {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

    /// Between nothing and `longest`.
    fn up_to(&self, longest: Duration) -> Duration {
        let mut bits = self.0.fetch_add(Self::STEP, Ordering::Relaxed).wrapping_add(Self::STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let share = f64::from(((bits ^ (bits >> 31)) >> 32) as u32) / f64::from(u32::MAX);
        longest.mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_spread_over_all_of_the_time() {
        let jitter = Jitter(AtomicU64::new(1));
        let longest = Duration::from_secs(1);
        let pauses: Vec<_> = (0..1000).map(|_| jitter.up_to(longest)).collect();
        assert!(pauses.iter().all(|pause| *pause <= longest));
        for tenth in 0..10 {
            let from = longest / 10 * tenth;
            let n = pauses.iter().filter(|p| **p >= from && **p < from + longest / 10).count();
            assert!((60..140).contains(&n), "{n} of 1000 in tenth {tenth}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_is_a_fifth_of_the_calls_or_three() {
        let budget = RetryBudget::default();
        assert_eq!((0..9).filter(|_| budget.take()).count(), 3);
        (0..100).for_each(|_| budget.note_call());
        assert_eq!((0..99).filter(|_| budget.take()).count(), 17);
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(budget.left(), 3);
    }
}
