//! History policies and token counters: what of a conversation fits a prompt.

mod estimated_tokens;
mod window;

pub use estimated_tokens::EstimatedTokens;
pub use window::WindowHistory;
