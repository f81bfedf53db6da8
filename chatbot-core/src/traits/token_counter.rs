//! How long a text is for a model.

/// Counts tokens, or estimates them.
pub trait TokenCounter: Send + Sync + std::fmt::Debug {
    /// Tokens in `text`.
    fn count(&self, text: &str) -> usize;
}
