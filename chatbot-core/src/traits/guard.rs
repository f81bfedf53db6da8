//! What looks at questions before they are searched, and at answers before they are sent.

use async_trait::async_trait;

use crate::context::Context;
use crate::error::Result;
use crate::types::Warning;

/// Looks at questions before anything is made of them, and at answers sentence by sentence before anybody sees them.
///
/// # Shape
/// A question is seen whole; so are the questions before it in the conversation, each time a model is about to see them. An
/// answer is seen in sentences, with the white space and the markers that follow them; lines end sentences.
#[async_trait]
pub trait Guard: Send + Sync + std::fmt::Debug {
    /// Its name, for the log.
    fn name(&self) -> &str;

    /// What becomes of a question.
    ///
    /// # Errors
    /// Any kind, where the question could not be checked; [`on_error`](Self::on_error) says what happens then.
    async fn check_input(&self, ctx: &Context, text: &str) -> Result<Verdict>;

    /// What becomes of a sentence of an answer, or of what a model thinks before it.
    ///
    /// # Errors
    /// As [`check_input`](Self::check_input).
    async fn check_output(&self, ctx: &Context, text: &str) -> Result<Verdict>;

    /// What happens where it cannot check.
    fn on_error(&self) -> GuardFailure {
        GuardFailure::Block
    }
}

/// What becomes of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It stays as it is.
    Pass,
    /// It stays as it is, and the reader is told something.
    Warn(Warning),
    /// This takes its place.
    Rewrite(String),
    /// The turn fails.
    Block {
        /// One sentence for the reader; nothing of the text.
        message: String,
    },
}

/// What happens where a guard cannot check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GuardFailure {
    /// Nothing goes on that was not checked.
    #[default]
    Block,
    /// It goes on unchecked.
    Pass,
}
