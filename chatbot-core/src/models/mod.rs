//! Models: what writes answers.

mod extractive;
#[cfg(feature = "openai")]
mod openai;

pub use extractive::ExtractiveModel;
#[cfg(feature = "openai")]
pub use openai::{OpenAiConfig, OpenAiModel};
