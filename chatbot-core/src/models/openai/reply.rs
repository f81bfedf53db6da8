//! What comes back.

use serde::Deserialize;

use super::failure::{self, ProviderError};
use crate::error::Result;
use crate::traits::ModelEvent;
use crate::types::{FinishReason, Usage};

#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    usage: Option<Tokens>,
    error: Option<ProviderError>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(alias = "message")]
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    #[serde(alias = "reasoning")]
    reasoning_content: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// An answer so far.
#[derive(Debug, Default)]
pub(super) struct Reply {
    finish_reason: Option<FinishReason>,
}

impl Reply {
    /// The events of one chunk of JSON.
    pub(super) fn take(&mut self, data: &str) -> Result<Vec<ModelEvent>> {
        let chunk: Chunk = serde_json::from_str(data).map_err(|_| failure::not_understood())?;
        if let Some(error) = chunk.error {
            return Err(error.into_error());
        }
        let mut events = Vec::new();
        if let Some(choice) = chunk.choices.into_iter().flatten().next() {
            if let Some(delta) = choice.delta {
                events.extend(texts(delta));
            }
            if let Some(reason) = choice.finish_reason {
                self.finish_reason = Some(FinishReason::from(reason));
            }
        }
        if let Some(tokens) = chunk.usage {
            events.push(ModelEvent::Usage(Usage {
                input_tokens: tokens.prompt_tokens,
                output_tokens: tokens.completion_tokens,
                cost_usd: None,
                estimated: false,
            }));
        }
        Ok(events)
    }

    /// Whether the model has said why it stopped.
    pub(super) const fn is_finished(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// The last event. Usage may come after the reason, so that the reason waits for the end.
    pub(super) fn finish(&mut self) -> ModelEvent {
        ModelEvent::Finish(self.finish_reason.take().unwrap_or(FinishReason::Stop))
    }
}

fn texts(delta: Delta) -> impl Iterator<Item = ModelEvent> {
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    let thinking = said(delta.reasoning_content).map(ModelEvent::Thinking);
    let content = said(delta.content).map(ModelEvent::Text);
    let refusal = said(delta.refusal).map(ModelEvent::Text);
    [thinking, content, refusal].into_iter().flatten()
}

/// The events of an answer that came in one piece, from a server that does not stream.
pub(super) fn whole(body: &[u8]) -> Result<Vec<ModelEvent>> {
    let text = std::str::from_utf8(body).map_err(|_| failure::not_understood())?;
    let mut reply = Reply::default();
    let mut events = reply.take(text)?;
    if !reply.is_finished() {
        return Err(failure::broken_off());
    }
    events.push(reply.finish());
    Ok(events)
}
