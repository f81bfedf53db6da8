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
pub use anthropic::AnthropicModel;
pub use extractive::ExtractiveModel;
#[cfg(feature = "providers")]
pub use gemini::GeminiModel;
#[cfg(feature = "providers")]
pub use http::ProviderConfig;
#[cfg(feature = "providers")]
pub use ollama::OllamaModel;
#[cfg(feature = "providers")]
pub use openai::OpenAiModel;
pub use prices::PriceTable;
