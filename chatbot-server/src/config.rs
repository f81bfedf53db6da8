//! The configuration: defaults, then a file, then the environment, then flags; each later one wins.
//!
//! Every setting has a name with dots, such as `engine.limits.max_upload_bytes`. A file says it in TOML, the
//! environment as `CHATBOT__ENGINE__LIMITS__MAX_UPLOAD_BYTES`. Values are merged as text-like tables first and turned
//! into [`Config`] once, at the end, so that every mistake is found in one place and named with where it came from.

mod layers;
mod paths;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chatbot_core::config::EngineConfig;
use chatbot_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

pub use layers::{Layers, Origin, Setting};
pub use paths::default_data_dir;

/// Everything that can be set about the server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The engine.
    pub engine: EngineConfig,
    /// The server.
    pub server: ServerConfig,
    /// Who may use it.
    pub auth: AuthConfig,
    /// The log.
    pub log: LogConfig,
}

/// How the server listens and stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Where it listens.
    pub listen: String,
    /// Seconds that open connections get to end when it stops.
    pub drain_s: u64,
    /// Seconds that the headers of a request may take, and that a connection may wait for its next request.
    pub header_timeout_s: u64,
    /// Seconds in which the body of a request must end or bring 16 KiB.
    pub body_timeout_s: u64,
    /// Seconds after which a connection is closed that takes nothing of what is sent to it.
    pub write_timeout_s: u64,
    /// Connections at a time at the most; further ones wait.
    pub max_connections: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            drain_s: 5,
            header_timeout_s: 10,
            body_timeout_s: 30,
            write_timeout_s: 60,
            // Room for 10,000 streams at a time; a connection with one needs about 20 kB (10,000 were measured at 197 MB).
            max_connections: 16_384,
        }
    }
}

impl ServerConfig {
    /// A day: nobody waits longer, and clocks can add it to any time.
    const MAX_TIMEOUT_S: u64 = 86_400;
    /// More than one address has ports for.
    const MAX_CONNECTIONS: u64 = 1_000_000;

    fn validate(&self) -> Result<()> {
        for (name, value, max) in [
            ("header_timeout_s", self.header_timeout_s, Self::MAX_TIMEOUT_S),
            ("body_timeout_s", self.body_timeout_s, Self::MAX_TIMEOUT_S),
            ("write_timeout_s", self.write_timeout_s, Self::MAX_TIMEOUT_S),
            ("max_connections", self.max_connections as u64, Self::MAX_CONNECTIONS),
        ] {
            if value == 0 || value > max {
                return Err(invalid(format!("`server.{name}` must be between 1 and {max}.")));
            }
        }
        Ok(())
    }
}

/// Who may use the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// How it knows them.
    pub mode: AuthMode,
}

/// How the server knows who is asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    /// One owner, on this machine only.
    #[default]
    Local,
    /// Accounts; not in this release.
    Accounts,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// What is logged, such as `info` or `warn,chatbot_core=debug`.
    pub filter: String,
    /// How it is written.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            filter: "warn,chatbot_server=info,chatbot_core=info".to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

impl Config {
    /// Loads everything: `file`, the process's environment, and the flags in `flags` (name and value).
    ///
    /// # Errors
    /// `config_invalid`, naming the setting and where it came from; `not_found` for a file that is not there.
    pub fn load(file: Option<PathBuf>, flags: &BTreeMap<&str, String>) -> Result<(Self, Layers)> {
        let mut layers = Layers::defaults()?;
        if let Some(path) = file {
            layers.add_file(&path)?;
        }
        layers.add_environment(std::env::vars())?;
        layers.add_flags(flags)?;
        Ok((layers.build()?, layers))
    }

    /// Checks every value.
    ///
    /// # Errors
    /// `config_invalid`, naming the setting.
    pub fn validate(&self) -> Result<()> {
        if self.auth.mode == AuthMode::Accounts {
            return Err(invalid("`auth.mode` must be `local`: accounts are not in this release."));
        }
        self.server.validate()?;
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.filter) {
            return Err(invalid("`log.filter` cannot be read.").with_source(error));
        }
        self.engine.validate()
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, message.into())
}
