//! What comes back: a piece of JSON a line, the last one marked.

use serde::Deserialize;
use serde_json::Value;

use crate::error::Result;
use crate::models::http::{Decoder, Ending, Failures};
use crate::traits::ModelEvent;
use crate::types::{FinishReason, Usage};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chunk {
    message: Option<Message>,
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<String>,
    thinking: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call {
    id: Option<String>,
    function: Function,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function {
    name: String,
    arguments: Value,
}

/// An answer so far.
#[derive(Debug)]
pub(super) struct Reply {
    ending: Ending,
}

impl Reply {
    pub(super) fn new(failures: Failures) -> Self {
        Self { ending: Ending::new(failures) }
    }

    fn message(&mut self, message: Message) -> Result<impl Iterator<Item = ModelEvent> + use<>> {
        for call in message.tool_calls.into_iter().flatten() {
            let Function { name, arguments } = call.function;
            self.ending.calls.whole(call.id.as_deref(), &name, &arguments)?;
        }
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let thinking = said(message.thinking).map(ModelEvent::Thinking);
        Ok(thinking.into_iter().chain(said(message.content).map(ModelEvent::Text)))
    }

    /// The last events.
    fn finish(&mut self, chunk: Chunk) -> Result<Vec<ModelEvent>> {
        let reason = match chunk.done_reason {
            Some(reason) => FinishReason::from(reason),
            None => FinishReason::Stop,
        };
        let has_calls = !self.ending.calls.is_empty() && reason == FinishReason::Stop;
        self.ending.reason = Some(if has_calls { FinishReason::ToolCalls } else { reason });
        let mut events = self.ending.end()?;
        // A prompt that it still knows is not counted by it.
        if let Some(output_tokens) = chunk.eval_count {
            let input_tokens = chunk.prompt_eval_count.unwrap_or(0);
            let usage = Usage { input_tokens, output_tokens, cost_usd: None, estimated: false };
            events.insert(events.len().saturating_sub(1), ModelEvent::Usage(usage));
        }
        Ok(events)
    }
}

impl Decoder for Reply {
    fn take(&mut self, data: &str) -> Result<Vec<ModelEvent>> {
        let mut chunk: Chunk = self.ending.failures.unless_said(data)?;
        let mut events = Vec::new();
        if let Some(message) = chunk.message.take() {
            events.extend(self.message(message)?);
        }
        if chunk.done {
            events.extend(self.finish(chunk)?);
        }
        Ok(events)
    }

    fn is_over(&self) -> bool {
        self.ending.is_over()
    }

    /// Only the last line ends an answer.
    fn end(&mut self) -> Result<Vec<ModelEvent>> {
        Err(self.ending.failures.broken_off())
    }
}
