//! Calls that a model asks for, put together from their pieces and checked against what it was offered.

use std::collections::BTreeMap;

use serde_json::Value;

use super::failure::Failures;
use crate::error::Result;
use crate::traits::{ModelEvent, ToolCall, ToolSpec};

/// Calls in one answer: providers allow 128.
const MAX_CALLS: usize = 128;

/// Bytes of the arguments of all calls of an answer: a document of the largest size that a tool could take.
const MAX_ARGUMENT_BYTES: usize = 1 << 20;

/// The calls of an answer, by their place in it.
#[derive(Debug)]
pub(in crate::models) struct ToolCalls {
    offered: Vec<ToolSpec>,
    failures: Failures,
    calls: BTreeMap<u64, Partial>,
    n_bytes: usize,
}

#[derive(Debug, Default)]
struct Partial {
    id: String,
    name: String,
    arguments: String,
}

impl ToolCalls {
    pub(in crate::models) fn new(offered: &[ToolSpec], failures: Failures) -> Self {
        Self { offered: offered.to_vec(), failures, calls: BTreeMap::new(), n_bytes: 0 }
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

    /// A call that came in one piece.
    pub(in crate::models) fn whole(
        &mut self,
        id: Option<&str>,
        name: &str,
        arguments: &Value,
    ) -> Result<()> {
        let at = self.calls.len() as u64;
        self.name(at, id, Some(name));
        self.arguments(at, &arguments.to_string())
    }

    /// Every call, once all of the answer is there.
    ///
    /// # Errors
    /// `bad_response` for a tool that was not offered, and for arguments that are cut off or lack what the tool needs.
    pub(in crate::models) fn finish(&mut self) -> Result<Vec<ModelEvent>> {
        let calls = std::mem::take(&mut self.calls);
        let calls = calls.into_iter().map(|(at, call)| self.checked(at, call));
        calls.map(|call| call.map(ModelEvent::ToolCall)).collect()
    }

    fn checked(&self, at: u64, call: Partial) -> Result<ToolCall> {
        let offered = self.offered.iter().find(|tool| tool.name == call.name);
        let tool = offered.ok_or_else(|| self.failures.bad_call("unknown_tool"))?;
        let text = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
        let arguments: Value =
            serde_json::from_str(text).map_err(|_| self.failures.bad_call("cut_off"))?;
        let given = arguments.as_object().ok_or_else(|| self.failures.bad_call("no_object"))?;
        let required = tool.parameters.get("required").and_then(Value::as_array);
        let mut required = required.into_iter().flatten().filter_map(Value::as_str);
        if !required.all(|name| given.contains_key(name)) {
            return Err(self.failures.bad_call("missing_argument"));
        }
        let id = if call.id.is_empty() { format!("call_{at}") } else { call.id };
        Ok(ToolCall { id, name: call.name, arguments })
    }
}
