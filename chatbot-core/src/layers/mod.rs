//! What wraps a trait from outside: each layer takes an implementation, adds one thing, and is that trait again.
//!
//! # In which order do the layers of a model stand?
//!
//! [`stack`] puts them around a model, and [`Fallback`] stands around several stacks. From the outside in:
//!
//! 1. [`Fallback`]: each model behind it has tried everything that it can.
//! 2. [`ResponseCache`], where it is wanted: what is remembered costs nothing, waits for nothing and is not metered.
//! 3. [`Substance`]: an end without an answer has been paid for, but is worth another model, and nothing to remember.
//! 4. [`Metering`]: one record for a call, however often it is tried.
//! 5. [`Timeout`] for the whole: what is inside knows the deadline, and does not wait for what comes after it.
//! 6. [`Retry`]: a pause holds no place in any queue.
//! 7. [`RateLimit`], then [`Concurrency`]: every try counts; what is refused here never reached the provider, so the
//!    circuit does not hear of it.
//! 8. [`CircuitBreaker`]: what waited learns at the last moment that there is no point.
//! 9. [`Timeout`] for silence: the time in queues is not the provider's.
//!
//! [`Priced`], where a model's price is known, stands directly around the model: whoever counts looks through to it.

mod circuit_breaker;
mod concurrency;
mod fallback;
mod metering;
mod opening;
mod priced;
mod query_cache;
mod query_timeout;
mod rate_limit;
mod response_cache;
mod retry;
mod substance;
mod timeout;
mod window;

use std::sync::Arc;

pub use circuit_breaker::{BreakerPolicy, BreakerState, CircuitBreaker};
pub use concurrency::{Bulkhead, BulkheadLimits, Concurrency};
pub use fallback::Fallback;
pub use metering::{Metering, UsageLog};
pub use priced::Priced;
pub use query_cache::QueryCache;
pub use query_timeout::QueryTimeout;
pub use rate_limit::{RateLimit, RateLimits};
pub use response_cache::{CacheLimits, ResponseCache};
pub use retry::{Retry, RetryBudget, RetryPolicy};
pub use substance::Substance;
pub use timeout::{TimeLimits, Timeout};

use crate::traits::{ChatModel, TokenCounter, UsageSink};

/// What the models of one provider share.
#[derive(Debug, Clone)]
pub struct ProviderShare {
    /// The room for their answers.
    pub bulkhead: Arc<Bulkhead>,
    /// Their retries.
    pub retries: Arc<RetryBudget>,
}

impl ProviderShare {
    /// Room for as many answers as `limits` say.
    #[must_use]
    pub fn new(limits: BulkheadLimits) -> Self {
        Self { bulkhead: Arc::new(Bulkhead::new(limits)), retries: Arc::default() }
    }
}

/// How the layers of a model are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StackOptions {
    /// How long it may take.
    pub time: TimeLimits,
    /// How often it is asked again.
    pub retry: RetryPolicy,
    /// When it is left alone.
    pub breaker: BreakerPolicy,
    /// How often it may be asked.
    pub rate: RateLimits,
    /// What of its answers is remembered; nothing where there is none.
    pub cache: Option<CacheLimits>,
}

/// Who counts tokens, and who is told.
#[derive(Debug, Clone)]
pub struct Meters {
    /// Estimates tokens before and where a provider does not say.
    pub counter: Arc<dyn TokenCounter>,
    /// Is told what was used.
    pub sink: Arc<dyn UsageSink>,
}

/// The model in all of its layers, in the order that this module describes.
#[must_use]
pub fn stack(
    model: Arc<dyn ChatModel>,
    options: StackOptions,
    share: &ProviderShare,
    meters: &Meters,
) -> Arc<dyn ChatModel> {
    let TimeLimits { first, idle, total } = options.time;
    let counter = || Arc::clone(&meters.counter);
    let silence = TimeLimits { first, idle, total: None };
    let model = Arc::new(Timeout::new(model, silence));
    let model = Arc::new(CircuitBreaker::new(model, options.breaker));
    let model = Arc::new(Concurrency::new(model, Arc::clone(&share.bulkhead)));
    let model = Arc::new(RateLimit::new(model, options.rate, counter()));
    let model = Arc::new(Retry::new(model, options.retry, Arc::clone(&share.retries)));
    let model = Arc::new(Timeout::new(model, TimeLimits { total, ..TimeLimits::default() }));
    let model = Arc::new(Metering::new(model, counter(), Arc::clone(&meters.sink)));
    let model = Arc::new(Substance::new(model));
    match options.cache {
        Some(limits) => Arc::new(ResponseCache::new(model, limits)),
        None => model,
    }
}
