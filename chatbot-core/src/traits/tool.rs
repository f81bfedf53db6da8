//! What a model may ask to be called while it answers.

use async_trait::async_trait;
use serde_json::Value;

use super::ToolSpec;
use crate::context::Context;
use crate::error::Result;
use crate::types::Source;

/// Something that a model may ask to be called while it answers. It runs with the rights of whoever asked the question: the
/// context says who that is, and documents give no rights.
///
/// # Example
/// ```
/// use chatbot_core::traits::{Tool, ToolAccess, ToolInput, ToolOutput, ToolSpec};
/// use chatbot_core::{Context, Result};
/// use serde_json::json;
///
/// /// Adds two numbers.
/// #[derive(Debug)]
/// struct Add(ToolSpec);
///
/// #[async_trait::async_trait]
/// impl Tool for Add {
///     fn spec(&self) -> &ToolSpec {
///         &self.0
///     }
///
///     fn access(&self) -> ToolAccess {
///         ToolAccess::Reads
///     }
///
///     async fn call(&self, ctx: &Context, input: ToolInput) -> Result<ToolOutput> {
///         ctx.check()?;
///         let number = |name: &str| input.arguments.get(name)?.as_f64();
///         let sum = number("a").zip(number("b")).map(|(a, b)| a + b);
///         Ok(ToolOutput::new(json!({"sum": sum})))
///     }
/// }
///
/// let number = json!({"type": "number"});
/// let add = Add(ToolSpec {
///     name: "add".to_owned(),
///     description: "Adds two numbers.".to_owned(),
///     parameters: json!({
///         "type": "object",
///         "properties": {"a": number, "b": number},
///         "required": ["a", "b"],
///         "additionalProperties": false,
///     }),
/// });
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let input = ToolInput { arguments: json!({"a": 1, "b": 2}) };
/// let output = add.call(&Context::local(), input).await?;
/// assert_eq!(output.content, json!({"sum": 3.0}));
/// # Ok::<(), chatbot_core::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[async_trait]
pub trait Tool: Send + Sync + std::fmt::Debug {
    /// Its name, what it does, and the schema of its arguments.
    fn spec(&self) -> &ToolSpec;

    /// Whether it changes anything. What does is called only where a turn names it, and after somebody has agreed.
    fn access(&self) -> ToolAccess;

    /// Does it. The arguments fit the schema.
    ///
    /// # Errors
    /// Any kind: the model is told the message, and may try something else.
    ///
    /// # Cancellation
    /// The call is dropped when it takes too long, and when the turn is stopped.
    async fn call(&self, ctx: &Context, input: ToolInput) -> Result<ToolOutput>;
}

/// What a tool does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolAccess {
    /// It only looks.
    Reads,
    /// It changes something.
    Writes,
}

/// What a tool is called with.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolInput {
    /// An object that fits the tool's schema.
    pub arguments: Value,
}

/// What a tool gives back.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolOutput {
    /// What the model and whoever follows the turn see: a text as it is, anything else as JSON.
    pub content: Value,
    /// Passages that the answer may cite; they are numbered after those that it has. Only what the asker may read.
    pub sources: Vec<Source>,
}

impl ToolOutput {
    /// A result without passages.
    #[must_use]
    pub fn new(content: impl Into<Value>) -> Self {
        Self { content: content.into(), sources: Vec::new() }
    }
}
