//! Counts what models use, once for each call.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::opening::{Watch, watched};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{
    ChatModel, ChatRequest, ModelEvent, ModelInfo, ModelStream, TokenCounter, UsageRecord,
    UsageSink,
};
use crate::types::Usage;

/// A [`ChatModel`] that tells a [`UsageSink`] what each call used, and its reader too: exactly one usage event, the last
/// before the end, with the price where the model has one. Where the provider does not say, or was cut off before it
/// could, the figures are estimates and marked so.
#[derive(Debug)]
pub struct Metering {
    inner: Arc<dyn ChatModel>,
    counter: Arc<dyn TokenCounter>,
    sink: Arc<dyn UsageSink>,
}

impl Metering {
    /// Counts what `inner` uses; `counter` estimates what it does not say.
    #[must_use]
    pub fn new(
        inner: Arc<dyn ChatModel>,
        counter: Arc<dyn TokenCounter>,
        sink: Arc<dyn UsageSink>,
    ) -> Self {
        Self { inner, counter, sink }
    }
}

#[async_trait]
impl ChatModel for Metering {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        let mut meter = Meter {
            counter: Arc::clone(&self.counter),
            sink: Arc::clone(&self.sink),
            prompt_tokens: request.texts().map(|text| self.counter.count(text)).sum(),
            written: String::new(),
            said: None,
            usd_per_million: self.info().usd_per_million,
            began: Instant::now(),
            record: Some(UsageRecord {
                request_id: ctx.request_id(),
                scope: ctx.scope().clone(),
                model: self.info().name.clone(),
                usage: Usage::default(),
                // What is dropped before its end was not wanted any more.
                error: Some(ErrorKind::Cancelled),
                first_content: None,
                total: std::time::Duration::ZERO,
            }),
        };
        match self.inner.stream(ctx, request).await {
            Ok(stream) => Ok(watched(stream, meter)),
            Err(error) => {
                meter.refused(&error);
                Err(error)
            }
        }
    }
}

/// What a call has used so far. It is recorded when it ends, or when it is dropped.
struct Meter {
    counter: Arc<dyn TokenCounter>,
    sink: Arc<dyn UsageSink>,
    prompt_tokens: usize,
    /// All that came, for the estimate.
    written: String,
    /// The last that the provider said.
    said: Option<Usage>,
    usd_per_million: Option<(f64, f64)>,
    began: Instant,
    /// `None` once it was handed over.
    record: Option<UsageRecord>,
}

impl Meter {
    /// Nothing was used where nothing began.
    fn refused(&mut self, error: &Error) {
        if let Some(record) = self.record.take() {
            let total = self.began.elapsed();
            self.sink.record(UsageRecord { error: Some(error.kind()), total, ..record });
        }
    }

    /// What was used, recorded.
    fn end(&mut self, error: Option<ErrorKind>) -> Usage {
        let usage = self.usage(error.is_none());
        if let Some(record) = self.record.take() {
            let total = self.began.elapsed();
            self.sink.record(UsageRecord { usage, error, total, ..record });
        }
        usage
    }

    /// What the provider said, or an estimate; the larger of the two where it could not say all.
    fn usage(&self, is_whole: bool) -> Usage {
        let estimate = Usage {
            input_tokens: self.prompt_tokens as u64,
            output_tokens: self.counter.count(&self.written) as u64,
            cost_usd: None,
            estimated: true,
        };
        Usage::of_call(self.said, estimate, is_whole).priced(self.usd_per_million)
    }
}

impl Watch for Meter {
    fn see(&mut self, event: Result<ModelEvent>) -> Vec<Result<ModelEvent>> {
        if event.as_ref().is_ok_and(ModelEvent::is_content)
            && let Some(record) = &mut self.record
        {
            let now = self.began.elapsed();
            record.first_content.get_or_insert(now);
        }
        match &event {
            Ok(ModelEvent::Thinking(text) | ModelEvent::Text(text)) => self.written.push_str(text),
            Ok(ModelEvent::ToolCall(call)) => self.written.push_str(&call.arguments.to_string()),
            Ok(ModelEvent::Warning(_)) => {}
            Ok(ModelEvent::Usage(usage)) => {
                self.said = Some(*usage);
                return Vec::new();
            }
            Ok(ModelEvent::Finish(_)) => {
                return vec![Ok(ModelEvent::Usage(self.end(None))), event];
            }
            Err(error) => {
                let usage = self.end(Some(error.kind()));
                return vec![Ok(ModelEvent::Usage(usage)), event];
            }
        }
        vec![event]
    }

    fn broke_off(&mut self) -> Vec<Result<ModelEvent>> {
        vec![Ok(ModelEvent::Usage(self.end(Some(ErrorKind::BadResponse))))]
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.record.is_some() {
            self.end(Some(ErrorKind::Cancelled));
        }
    }
}

/// A [`UsageSink`] that writes a line to the log for each call. No text and no name of anybody is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageLog;

impl UsageSink for UsageLog {
    fn record(&self, record: UsageRecord) {
        tracing::info!(
            request = %record.request_id,
            model = record.model,
            input_tokens = record.usage.input_tokens,
            output_tokens = record.usage.output_tokens,
            estimated = record.usage.estimated,
            cost_usd = record.usage.cost_usd,
            error = record.error.map(ErrorKind::code),
            first_content_ms = record.first_content.map(|first| first.as_millis()),
            total_ms = record.total.as_millis(),
            "a model was used"
        );
    }
}
