//! Leaves a model alone that fails, and finds out with one call whether it is back.
//!
//! *Source*: M. Nygard, "Release It!"; the numbers are those of the design for faults: half of at least 20 calls in ten
//! seconds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::opening::{Watch, watched};
use super::window::Window;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::{ChatModel, ChatRequest, ModelEvent, ModelInfo, ModelStream};

/// When a circuit opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Calls within ten seconds that are needed for a judgement.
    pub min_calls: u32,
    /// The part of them that has to fail, in percent.
    pub failed_percent: u32,
    /// How long the model is left alone before one call tries it.
    pub open_for: Duration,
    /// The same where the account has no credit left: that is mended by a person.
    pub open_for_quota: Duration,
}

impl Default for BreakerPolicy {
    /// Five seconds: a provider that is back is used again within ten, and one that is not sees twelve calls a minute.
    fn default() -> Self {
        Self {
            min_calls: 20,
            failed_percent: 50,
            open_for: Duration::from_secs(5),
            open_for_quota: Duration::from_secs(60),
        }
    }
}

/// Whether calls go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// They do.
    Closed,
    /// They do not.
    Open,
    /// One does, to see.
    HalfOpen,
}

/// A [`ChatModel`] that fails at once, with `unavailable` and the reason `circuit_open`, while the one inside is out of
/// order. One for each provider and model: who shares one shares its failures.
#[derive(Debug)]
pub struct CircuitBreaker {
    inner: Arc<dyn ChatModel>,
    circuit: Arc<Circuit>,
}

impl CircuitBreaker {
    /// Guards `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn ChatModel>, policy: BreakerPolicy) -> Self {
        let model = inner.info().name.clone();
        let state = Mutex::new(State::Closed(Window::default()));
        Self { inner, circuit: Arc::new(Circuit { model, policy, state }) }
    }

    /// Whether calls go through.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        match *self.circuit.lock() {
            State::Closed(_) => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen => BreakerState::HalfOpen,
        }
    }
}

#[async_trait]
impl ChatModel for CircuitBreaker {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        let mut call = self.circuit.enter(ctx)?;
        match self.inner.stream(ctx, request).await {
            Ok(stream) => Ok(watched(stream, call)),
            Err(error) => {
                call.fail(&error);
                Err(error)
            }
        }
    }
}

#[derive(Debug)]
struct Circuit {
    model: String,
    policy: BreakerPolicy,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Calls and failures so far.
    Closed(Window),
    Open {
        until: Instant,
    },
    HalfOpen,
}

impl Circuit {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, ctx: &Context) -> Result<Call> {
        let mut state = self.lock();
        let is_probe = match &*state {
            State::Closed(_) => false,
            State::Open { until } => {
                let left = until.saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    return Err(open(left));
                }
                tracing::info!(model = self.model, "one call tries whether the model is back");
                *state = State::HalfOpen;
                true
            }
            State::HalfOpen => return Err(open(Duration::from_secs(1))),
        };
        Ok(Call { circuit: Arc::clone(self), ctx: ctx.clone(), is_probe, is_judged: false })
    }

    fn succeeded(&self, is_probe: bool) {
        let mut state = self.lock();
        if is_probe {
            tracing::info!(model = self.model, "the model is back");
            *state = State::Closed(Window::default());
        } else if let State::Closed(calls) = &mut *state {
            calls.add([1, 0]);
        }
    }

    fn failed(&self, is_probe: bool) {
        let mut state = self.lock();
        let is_over = match &mut *state {
            State::Closed(calls) => {
                calls.add([1, 1]);
                let [n, failed] = calls.sums();
                n >= self.policy.min_calls && failed * 100 >= n * self.policy.failed_percent
            }
            State::HalfOpen => is_probe,
            State::Open { .. } => false,
        };
        if is_over {
            tracing::warn!(model = self.model, "the model fails and is left alone for a while");
            *state = State::Open { until: Instant::now() + self.policy.open_for };
        }
    }

    /// Nothing is mended by asking again soon.
    fn out_of_credit(&self) {
        tracing::error!(
            model = self.model,
            "the account at the model's provider has no credit left"
        );
        *self.lock() = State::Open { until: Instant::now() + self.policy.open_for_quota };
    }

    /// A probe that says nothing: the next call is one.
    fn undecided(&self) {
        *self.lock() = State::Open { until: Instant::now() };
    }
}

fn open(left: Duration) -> Error {
    Error::new(ErrorKind::Unavailable, "The model is out of order at the moment. Try again later.")
        .with_operation("model.circuit")
        .with_reason(Reason::CircuitOpen)
        .with_retry_after(left.max(Duration::from_secs(1)))
}

/// One call, and what is to be learned from it.
struct Call {
    circuit: Arc<Circuit>,
    ctx: Context,
    is_probe: bool,
    is_judged: bool,
}

impl Call {
    fn succeed(&mut self) {
        if !std::mem::replace(&mut self.is_judged, true) {
            self.circuit.succeeded(self.is_probe);
        }
        self.is_probe = false;
    }

    fn fail(&mut self, error: &Error) {
        if error.kind() == ErrorKind::BudgetExceeded {
            self.is_judged = true;
            self.circuit.out_of_credit();
        } else if self.ctx.check().is_err() {
            // Who has no time left says nothing about the model.
        } else if error.is_retryable() {
            self.is_judged = true;
            self.circuit.failed(self.is_probe);
        } else {
            // It works, and refuses.
            self.succeed();
        }
    }
}

impl Watch for Call {
    fn see(&mut self, event: Result<ModelEvent>) -> Vec<Result<ModelEvent>> {
        match &event {
            Ok(ModelEvent::Finish(_)) => self.succeed(),
            // A long answer must not keep everyone else waiting for the probe.
            Ok(event) if event.is_content() && self.is_probe => self.succeed(),
            Ok(_) => {}
            Err(error) => self.fail(error),
        }
        vec![event]
    }

    fn broke_off(&mut self) -> Vec<Result<ModelEvent>> {
        self.fail(&Error::new(ErrorKind::BadResponse, ""));
        Vec::new()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.is_probe && !self.is_judged {
            self.circuit.undecided();
        }
    }
}
