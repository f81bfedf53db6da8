//! What comes back: events that name blocks by their place, each a text, thoughts, or a call.

use std::collections::HashMap;

use serde::Deserialize;

use super::request::ANSWER_TOOL;
use crate::error::Result;
use crate::models::http::{Decoder, Ending, Failures};
use crate::traits::{ChatRequest, ModelEvent};
use crate::types::{FinishReason, Usage};

/// An event as far as it is looked at. Kinds that are not known say nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    index: u64,
    message: Option<Message>,
    content_block: Option<Block>,
    delta: Option<Delta>,
    usage: Option<Tokens>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    usage: Option<Tokens>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    name: Option<String>,
    text: Option<String>,
    thinking: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delta {
    text: Option<String>,
    thinking: Option<String>,
    partial_json: Option<String>,
    stop_reason: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Tokens {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Call,
    /// The answer, as the arguments of a call.
    Answer,
}

/// An answer so far.
#[derive(Debug)]
pub(super) struct Reply {
    ending: Ending,
    has_schema: bool,
    /// The blocks that are calls.
    blocks: HashMap<u64, Holds>,
    usage: Usage,
}

impl Reply {
    pub(super) fn new(request: &ChatRequest, failures: Failures) -> Self {
        Self {
            ending: Ending::new(failures),
            has_schema: request.answer_schema.is_some(),
            blocks: HashMap::new(),
            usage: Usage::default(),
        }
    }

    /// A later figure replaces an earlier one.
    fn count(&mut self, tokens: Tokens) -> ModelEvent {
        let read = [
            tokens.input_tokens,
            tokens.cache_creation_input_tokens,
            tokens.cache_read_input_tokens,
        ];
        if tokens.input_tokens.is_some() {
            self.usage.input_tokens = read.into_iter().flatten().sum();
        }
        self.usage.output_tokens = tokens.output_tokens.unwrap_or(self.usage.output_tokens);
        ModelEvent::Usage(self.usage)
    }

    fn begin(&mut self, at: u64, block: Block) -> Vec<ModelEvent> {
        if block.kind == "tool_use" {
            if self.has_schema && block.name.as_deref() == Some(ANSWER_TOOL) {
                self.blocks.insert(at, Holds::Answer);
            } else {
                self.blocks.insert(at, Holds::Call);
                self.ending.calls.name(at, block.id.as_deref(), block.name.as_deref());
            }
        }
        said(block.thinking, block.text)
    }

    fn go_on(&mut self, at: u64, delta: Delta) -> Result<Vec<ModelEvent>> {
        if let Some(reason) = delta.stop_reason {
            self.ending.reason = Some(self.reason(reason));
        }
        let Some(json) = delta.partial_json else { return Ok(said(delta.thinking, delta.text)) };
        match self.blocks.get(&at) {
            Some(Holds::Answer) => Ok(said(None, Some(json))),
            Some(Holds::Call) => self.ending.calls.arguments(at, &json).map(|()| Vec::new()),
            None => Ok(Vec::new()),
        }
    }

    fn reason(&self, name: String) -> FinishReason {
        match name.as_str() {
            // Nothing was called by answering.
            "tool_use" if self.ending.calls.is_empty() => FinishReason::Stop,
            "end_turn" | "stop_sequence" => FinishReason::Stop,
            "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
            "tool_use" => FinishReason::ToolCalls,
            "refusal" => FinishReason::ContentFilter,
            _ => FinishReason::Other(name),
        }
    }
}

fn said(thinking: Option<String>, text: Option<String>) -> Vec<ModelEvent> {
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    let thinking = said(thinking).map(ModelEvent::Thinking);
    thinking.into_iter().chain(said(text).map(ModelEvent::Text)).collect()
}

impl Decoder for Reply {
    fn take(&mut self, data: &str) -> Result<Vec<ModelEvent>> {
        let event: Event = self.ending.failures.unless_said(data)?;
        let mut events = Vec::new();
        match event.kind.as_str() {
            "message_start" => {
                let tokens = event.message.and_then(|message| message.usage);
                events.extend(tokens.map(|tokens| self.count(tokens)));
            }
            "content_block_start" => {
                events.extend(self.begin(event.index, event.content_block.unwrap_or_default()));
            }
            "content_block_delta" | "message_delta" => {
                events.extend(self.go_on(event.index, event.delta.unwrap_or_default())?);
                events.extend(event.usage.map(|tokens| self.count(tokens)));
            }
            "message_stop" => return self.end(),
            _ => {}
        }
        Ok(events)
    }

    fn is_over(&self) -> bool {
        self.ending.is_over()
    }

    fn end(&mut self) -> Result<Vec<ModelEvent>> {
        self.ending.end()
    }
}
