//! Calls that a model asks for, put together from their pieces.

use std::collections::BTreeMap;

use serde_json::Value;

use super::failure::Failures;
use crate::error::Result;
use crate::traits::{ModelEvent, ToolCall};

/// Calls in one answer: providers allow 128.
const MAX_CALLS: usize = 128;

/// Bytes of the arguments of all calls of an answer: a document of the largest size that a tool could take.
const MAX_ARGUMENT_BYTES: usize = 1 << 20;

/// Bytes of a tool's name: what OpenAI and Anthropic allow.
const MAX_NAME_BYTES: usize = 64;

/// The calls of an answer, by their place in it.
#[derive(Debug)]
pub(in crate::models) struct ToolCalls {
    failures: Failures,
    calls: BTreeMap<u64, Partial>,
    n_bytes: usize,
}

#[derive(Debug, Default)]
struct Partial {
    id: String,
    name: String,
    arguments: String,
    signature: Option<String>,
}

impl ToolCalls {
    pub(in crate::models) fn new(failures: Failures) -> Self {
        Self { failures, calls: BTreeMap::new(), n_bytes: 0 }
    }

    /// Whether there are any.
    pub(in crate::models) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Names a call; what was said of it before stays.
    pub(in crate::models) fn name(&mut self, at: u64, id: Option<&str>, name: Option<&str>) {
        let call = self.calls.entry(at).or_default();
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            id.clone_into(&mut call.id);
        }
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            name.clone_into(&mut call.name);
        }
    }

    /// A piece of a call's arguments.
    pub(in crate::models) fn arguments(&mut self, at: u64, piece: &str) -> Result<()> {
        self.n_bytes += piece.len();
        if self.n_bytes > MAX_ARGUMENT_BYTES || self.calls.len() > MAX_CALLS {
            return Err(self.failures.bad_call("too_large"));
        }
        self.calls.entry(at).or_default().arguments.push_str(piece);
        Ok(())
    }

    /// A call that came in one piece; its place.
    pub(in crate::models) fn whole(
        &mut self,
        id: Option<&str>,
        name: &str,
        arguments: &Value,
    ) -> Result<u64> {
        let at = self.calls.len() as u64;
        self.name(at, id, Some(name));
        let text = if arguments.is_null() { String::new() } else { arguments.to_string() };
        self.arguments(at, &text).map(|()| at)
    }

    /// What the provider wants back with a call.
    pub(in crate::models) fn sign(&mut self, at: u64, signature: Option<String>) {
        if let (Some(call), Some(_)) = (self.calls.get_mut(&at), &signature) {
            call.signature = signature;
        }
    }

    /// Every call, once all of the answer is there. Whether a tool was offered, and whether its arguments are what it takes,
    /// is for whoever calls it to find out: the model can be told and ask again.
    ///
    /// # Errors
    /// `bad_response` for a name that cannot be one: it could not be repeated to the provider.
    pub(in crate::models) fn finish(&mut self) -> Result<Vec<ModelEvent>> {
        let calls = std::mem::take(&mut self.calls);
        let calls = calls.into_iter().map(|(at, call)| self.checked(at, call));
        calls.map(|call| call.map(ModelEvent::ToolCall)).collect()
    }

    fn checked(&self, at: u64, call: Partial) -> Result<ToolCall> {
        if !is_name(&call.name) {
            return Err(self.failures.bad_call("no_name"));
        }
        let text = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
        let arguments: Option<Value> = serde_json::from_str(text).ok();
        let arguments = arguments.unwrap_or_else(|| Value::String(text.to_owned()));
        let id = if call.id.is_empty() { format!("call_{at}") } else { call.id };
        Ok(ToolCall { id, name: call.name, arguments, signature: call.signature })
    }
}

/// Whether providers would take this as the name of a tool.
fn is_name(name: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_fit)
}
