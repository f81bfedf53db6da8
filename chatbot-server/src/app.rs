//! What every handler shares.

use std::path::PathBuf;
use std::time::Duration;

use chatbot_core::Chatbot;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// What every handler shares. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// The engine.
    pub chatbot: Chatbot,
    /// Bytes of one upload at the most.
    pub max_upload_bytes: u64,
    /// How long the body of a request may bring next to nothing.
    pub body_timeout: Duration,
    /// Where uploads wait until all of their form is there.
    pub spool_dir: PathBuf,
    /// Cancelled once the server shuts down: it is not ready any more, and streams that go on for ever end.
    pub draining: CancellationToken,
}

impl App {
    /// An app around an engine that was opened with `config`.
    #[must_use]
    pub fn new(chatbot: Chatbot, config: &Config) -> Self {
        Self {
            chatbot,
            max_upload_bytes: config.engine.limits.max_upload_bytes,
            body_timeout: Duration::from_secs(config.server.body_timeout_s),
            spool_dir: config.engine.data_dir.clone().unwrap_or_else(std::env::temp_dir),
            draining: CancellationToken::new(),
        }
    }
}
