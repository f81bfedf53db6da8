//! Tools: which ones a turn may call, and how a call is made.
//!
//! A call is made only where the tool is among those that the turn allows, the arguments fit its schema, and, where it changes
//! something, somebody agreed. Nothing that a document or a model says changes any of that. What goes wrong is told to the
//! model, which may try something else: a call that cannot be made is no failure of the turn.

mod schema;
mod search;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Engine;
use super::turn::TurnRequest;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{
    Guard, Tool, ToolAccess, ToolApproval, ToolCall, ToolInput, ToolOutput, ToolSpec,
};
use crate::types::{CollectionId, Strategy};

use self::search::{SEARCH_DOCUMENTS, SearchDocuments};

/// Bytes of a tool's name: what providers allow.
const MAX_NAME_BYTES: usize = 64;

/// What may happen in a turn beside the answer itself.
#[derive(Debug)]
pub(crate) struct TurnParts {
    pub(crate) tools: Vec<Arc<dyn Tool>>,
    pub(crate) approval: Arc<dyn ToolApproval>,
    pub(crate) guards: Vec<Arc<dyn Guard>>,
    /// Whether models may search the documents themselves.
    pub(crate) search_tool: bool,
    /// Rounds of calls in one turn; none where this is 0.
    pub(crate) max_tool_steps: usize,
    /// How long one call may take.
    pub(crate) tool_timeout: Duration,
}

impl TurnParts {
    /// Checks what a host has given: what a model is offered has to be callable, and what it is called with checkable.
    ///
    /// # Errors
    /// `config_invalid` for a name that is none or is taken, and for a schema that cannot be checked.
    pub(crate) fn check(&self) -> Result<()> {
        for (n, tool) in self.tools.iter().enumerate() {
            check_spec(tool.spec())?;
            let name = &tool.spec().name;
            let is_taken = self.tools.iter().take(n).any(|other| other.spec().name == *name);
            if is_taken || name == SEARCH_DOCUMENTS {
                let message = format!("There are two tools with the name `{name}`. Rename one.");
                return Err(Error::new(ErrorKind::ConfigInvalid, message));
            }
        }
        Ok(())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let search = self.search_tool.then_some(SEARCH_DOCUMENTS);
        self.tools.iter().map(|tool| tool.spec().name.as_str()).chain(search)
    }
}

fn check_spec(spec: &ToolSpec) -> Result<()> {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let name = &spec.name;
    let problem = if !(1..=MAX_NAME_BYTES).contains(&name.len()) || !name.bytes().all(is_fit) {
        Some("a name has 1 to 64 letters, digits, `_` and `-`".to_owned())
    } else if spec.parameters.get("type").and_then(Value::as_str) != Some("object") {
        Some("the schema of its arguments is of the type `object`".to_owned())
    } else {
        let word = schema::check_schema(&spec.parameters);
        word.map(|word| format!("the schema of its arguments has {word}, which cannot be checked"))
    };
    match problem {
        None => Ok(()),
        Some(problem) => {
            let message = format!("The tool `{name}` cannot be used: {problem}.");
            Err(Error::new(ErrorKind::ConfigInvalid, message))
        }
    }
}

impl Engine {
    /// Whether the tools that a turn names are there.
    ///
    /// # Errors
    /// `invalid_input`.
    pub(super) fn check_tools(&self, wanted: Option<&[String]>) -> Result<()> {
        let turn = &self.parts.turn;
        let is_there = |wanted: &String| turn.names().any(|name| name == wanted);
        if wanted.unwrap_or_default().iter().all(is_there) {
            return Ok(());
        }
        let names: Vec<&str> = turn.names().collect();
        let known = match names.as_slice() {
            [] => "There are none here.".to_owned(),
            names => format!("The tools are {}.", names.join(", ")),
        };
        Err(Error::invalid(format!("`tools` names a tool that is not there. {known}")))
    }
}

/// The tools that one turn may call.
#[derive(Debug)]
pub(super) struct Toolbox {
    engine: Arc<Engine>,
    tools: Vec<Arc<dyn Tool>>,
}

impl Toolbox {
    /// What the turn allows: the tools that it names, or all that change nothing. A turn without documents searches none.
    pub(super) fn of_turn(
        engine: &Arc<Engine>,
        request: &TurnRequest,
        of_session: Option<&[CollectionId]>,
    ) -> Self {
        let turn = &engine.parts.turn;
        let searches = turn.search_tool && request.strategy != Strategy::None;
        let search = searches.then(|| -> Arc<dyn Tool> {
            Arc::new(SearchDocuments::new(engine.clone(), request.search("", of_session)))
        });
        let is_allowed = |tool: &Arc<dyn Tool>| match &request.tools {
            Some(names) => names.contains(&tool.spec().name),
            None => tool.access() == ToolAccess::Reads,
        };
        let all = turn.tools.iter().cloned().chain(search);
        let tools =
            if turn.max_tool_steps == 0 { Vec::new() } else { all.filter(is_allowed).collect() };
        Self { engine: engine.clone(), tools }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    pub(super) fn specs(&self) -> Vec<ToolSpec> {
        self.tools.iter().map(|tool| tool.spec().clone()).collect()
    }

    /// Makes a call, if it may be made.
    ///
    /// # Errors
    /// `not_found` for a tool that the turn does not allow, `invalid_input` for arguments that do not fit, `permission_denied`
    /// where nobody agreed, `timeout`, and whatever the tool fails with.
    pub(super) async fn call(&self, ctx: &Context, call: &ToolCall) -> Result<ToolOutput> {
        let tool = self.tools.iter().find(|tool| tool.spec().name == call.name);
        let tool = tool.ok_or_else(|| self.no_such_tool())?;
        if let Some(problem) = schema::violation(&tool.spec().parameters, &call.arguments) {
            return Err(Error::invalid(format!(
                "{problem} Call again with arguments that fit the schema."
            )));
        }
        let turn = &self.engine.parts.turn;
        if tool.access() == ToolAccess::Writes && !turn.approval.approve(ctx, call).await? {
            let message = "This call changes something, and nobody agreed to it.";
            return Err(Error::new(ErrorKind::PermissionDenied, message));
        }
        let ctx = ctx.child().with_timeout(turn.tool_timeout);
        let input = ToolInput { arguments: call.arguments.clone() };
        ctx.run(tool.call(&ctx, input)).await
    }

    fn no_such_tool(&self) -> Error {
        let names: Vec<&str> = self.tools.iter().map(|tool| tool.spec().name.as_str()).collect();
        let message = format!("There is no such tool. The tools are {}.", names.join(", "));
        Error::new(ErrorKind::NotFound, message)
    }
}
