//! What models are asked for, and what that costs.

use serde::{Deserialize, Serialize};

/// Tokens and money that a turn used.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Their price, where the model has one.
    pub cost_usd: Option<f64>,
    /// Whether the provider did not say and the figures are our estimate.
    pub estimated: bool,
}

/// What a call to a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallPurpose {
    /// To answer a question.
    Answer,
    /// To put a question in full before it is searched.
    Rewrite,
    /// To sum up what was said before.
    Summary,
    /// To name a session.
    Title,
}

impl CallPurpose {
    /// Its name in the store and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Rewrite => "rewrite",
            Self::Summary => "summary",
            Self::Title => "title",
        }
    }
}
