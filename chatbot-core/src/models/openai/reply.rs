//! What comes back.

use serde::Deserialize;

use crate::error::Result;
use crate::models::http::{Decoder, Ending, Failures};
use crate::traits::ModelEvent;
use crate::types::{FinishReason, Usage};

#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    usage: Option<Tokens>,
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
    #[serde(default)]
    tool_calls: Option<Vec<Call>>,
}

#[derive(Debug, Deserialize)]
struct Call {
    index: Option<u64>,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
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

    fn choice(&mut self, choice: Choice, events: &mut Vec<ModelEvent>) -> Result<()> {
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            self.ending.reason = Some(FinishReason::from(reason));
        }
        let Some(mut delta) = choice.delta else { return Ok(()) };
        for (n, call) in delta.tool_calls.take().into_iter().flatten().enumerate() {
            let at = call.index.unwrap_or(n as u64);
            let function = call.function.unwrap_or(Function { name: None, arguments: None });
            self.ending.calls.name(at, call.id.as_deref(), function.name.as_deref());
            self.ending.calls.arguments(at, function.arguments.as_deref().unwrap_or_default())?;
        }
        events.extend(texts(delta));
        Ok(())
    }
}

impl Decoder for Reply {
    fn take(&mut self, data: &str) -> Result<Vec<ModelEvent>> {
        if data.trim() == "[DONE]" {
            // Whoever says this is done, even where it does not say why.
            self.ending.reason.get_or_insert(FinishReason::Stop);
            return self.end();
        }
        let chunk: Chunk = self.ending.failures.unless_said(data)?;
        let mut events = Vec::new();
        if let Some(choice) = chunk.choices.into_iter().flatten().next() {
            self.choice(choice, &mut events)?;
        }
        events.extend(chunk.usage.map(|tokens| {
            ModelEvent::Usage(Usage {
                input_tokens: tokens.prompt_tokens,
                output_tokens: tokens.completion_tokens,
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

fn texts(delta: Delta) -> impl Iterator<Item = ModelEvent> {
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    let thinking = said(delta.reasoning_content).map(ModelEvent::Thinking);
    let content = said(delta.content).map(ModelEvent::Text);
    let refusal = said(delta.refusal).map(ModelEvent::Text);
    [thinking, content, refusal].into_iter().flatten()
}
