//! What happens where a model is slow, refuses or fails.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::layers::{
    BulkheadLimits, CacheLimits, RateLimits, RetryPolicy, StackOptions, TimeLimits,
};

/// What happens where a model is slow, refuses or fails. It holds for models behind an address; a model of the host's own
/// and `extractive` are asked as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResilienceConfig {
    /// Models that are asked, in this order, where the one that was asked for does not begin to answer.
    pub fallback: Vec<String>,
    /// Seconds until an answer must begin.
    pub first_byte_s: u64,
    /// Seconds that a model may be silent in the middle of an answer.
    pub idle_s: u64,
    /// Seconds that an answer may take, with everything that is tried for it.
    pub total_s: u64,
    /// How often a model is asked again that failed before it said anything.
    pub max_retries: u32,
    /// Answers that one provider writes at a time.
    pub max_concurrent: usize,
    /// Questions that wait for one of them to end; further ones are refused.
    pub max_waiting: usize,
    /// Calls a minute for each model; 0 for as many as there are.
    pub requests_per_minute: u32,
    /// Tokens a minute for each model, read and written; 0 for as many as there are.
    pub tokens_per_minute: u32,
    /// Seconds that a whole answer is remembered, for the same asker and the same prompt with the same sources; 0 for not at
    /// all.
    pub cache_s: u64,
}

impl Default for ResilienceConfig {
    /// 120 s: reasoning models have been seen to think this long before the first byte. 60 s of silence in the middle of
    /// an answer, and 10 minutes for all of it, are what the clients of providers wait.
    fn default() -> Self {
        let BulkheadLimits { max_at_once, max_waiting, .. } = BulkheadLimits::default();
        Self {
            fallback: Vec::new(),
            first_byte_s: 120,
            idle_s: 60,
            total_s: 600,
            max_retries: RetryPolicy::default().max_retries,
            max_concurrent: max_at_once,
            max_waiting,
            requests_per_minute: 0,
            tokens_per_minute: 0,
            cache_s: 0,
        }
    }
}

impl ResilienceConfig {
    /// The settings out of their range: whether each is within it, its name, its range.
    pub(super) fn checks(&self) -> [(bool, &'static str, &'static str); 6] {
        [
            ((1..=600).contains(&self.first_byte_s), "resilience.first_byte_s", "1 to 600"),
            ((1..=600).contains(&self.idle_s), "resilience.idle_s", "1 to 600"),
            ((1..=86_400).contains(&self.total_s), "resilience.total_s", "1 to 86400"),
            (self.max_retries <= 5, "resilience.max_retries", "0 to 5"),
            (
                (1..=100_000).contains(&self.max_concurrent),
                "resilience.max_concurrent",
                "1 to 100000",
            ),
            (self.cache_s <= 3600, "resilience.cache_s", "0 to 3600"),
        ]
    }

    pub(crate) fn stack(&self) -> StackOptions {
        let limit = |n: u32| (n > 0).then_some(n);
        let max_age = Duration::from_secs(self.cache_s);
        StackOptions {
            time: TimeLimits {
                first: Some(Duration::from_secs(self.first_byte_s)),
                idle: Some(Duration::from_secs(self.idle_s)),
                total: Some(Duration::from_secs(self.total_s)),
            },
            retry: RetryPolicy { max_retries: self.max_retries, ..RetryPolicy::default() },
            rate: RateLimits {
                requests_per_minute: limit(self.requests_per_minute),
                tokens_per_minute: limit(self.tokens_per_minute),
                ..RateLimits::default()
            },
            cache: (self.cache_s > 0).then(|| CacheLimits { max_age, ..CacheLimits::default() }),
            ..StackOptions::default()
        }
    }

    pub(crate) fn bulkhead(&self) -> BulkheadLimits {
        BulkheadLimits {
            max_at_once: self.max_concurrent,
            max_waiting: self.max_waiting,
            ..BulkheadLimits::default()
        }
    }
}
