//! What comes back: pieces of an answer until the connection ends.

use serde::Deserialize;
use serde_json::Value;

use crate::error::Result;
use crate::models::http::{Decoder, Ending, Failures};
use crate::traits::ModelEvent;
use crate::types::{FinishReason, Usage};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Chunk {
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Tokens>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Content {
    parts: Vec<Part>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    thought: bool,
    function_call: Option<Call>,
    thought_signature: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call {
    id: Option<String>,
    name: String,
    args: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Tokens {
    prompt_token_count: u64,
    candidates_token_count: u64,
    thoughts_token_count: u64,
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

    fn part(&mut self, part: Part) -> Result<Option<ModelEvent>> {
        if let Some(call) = part.function_call {
            let arguments = call.args.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
            let calls = &mut self.ending.calls;
            let at = calls.whole(call.id.as_deref(), &call.name, &arguments)?;
            calls.sign(at, part.thought_signature);
        }
        let text = part.text.filter(|text| !text.is_empty());
        Ok(text.map(if part.thought { ModelEvent::Thinking } else { ModelEvent::Text }))
    }

    fn reason(&self, name: String) -> FinishReason {
        match name.as_str() {
            "STOP" if !self.ending.calls.is_empty() => FinishReason::ToolCalls,
            "STOP" => FinishReason::Stop,
            "MAX_TOKENS" => FinishReason::Length,
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => {
                FinishReason::ContentFilter
            }
            _ => FinishReason::Other(name),
        }
    }
}

impl Decoder for Reply {
    fn take(&mut self, data: &str) -> Result<Vec<ModelEvent>> {
        let chunk: Chunk = self.ending.failures.unless_said(data)?;
        if chunk.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
            return Err(self.ending.failures.blocked());
        }
        let mut events = Vec::new();
        if let Some(candidate) = chunk.candidates.into_iter().next() {
            for part in candidate.content.unwrap_or_default().parts {
                events.extend(self.part(part)?);
            }
            if let Some(reason) = candidate.finish_reason {
                self.ending.reason = Some(self.reason(reason));
            }
        }
        events.extend(chunk.usage_metadata.map(|tokens| {
            ModelEvent::Usage(Usage {
                input_tokens: tokens.prompt_token_count,
                output_tokens: tokens.candidates_token_count + tokens.thoughts_token_count,
                cost_usd: None,
                estimated: false,
            })
        }));
        Ok(events)
    }

    fn is_over(&self) -> bool {
        self.ending.is_over()
    }

    fn end(&mut self) -> Result<Vec<ModelEvent>> {
        self.ending.end()
    }
}
