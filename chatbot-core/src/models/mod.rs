//! Models: what writes answers.

#[cfg(feature = "providers")]
mod anthropic;
mod extractive;
#[cfg(feature = "providers")]
mod gemini;
#[cfg(feature = "providers")]
mod http;
#[cfg(feature = "providers")]
mod ollama;
#[cfg(feature = "providers")]
mod openai;
mod prices;

#[cfg(feature = "providers")]
pub use anthropic::{AnthropicFormat, AnthropicModel};
pub use extractive::ExtractiveModel;
#[cfg(feature = "providers")]
pub use gemini::{GeminiFormat, GeminiModel};
#[cfg(feature = "providers")]
pub use http::{ProviderConfig, ProviderModel};
#[cfg(feature = "providers")]
pub use ollama::{OllamaFormat, OllamaModel};
#[cfg(feature = "providers")]
pub use openai::{OpenAiFormat, OpenAiModel};
pub use prices::PriceTable;
