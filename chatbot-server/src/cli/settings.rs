//! From arguments to a configuration, and showing it.

use std::collections::BTreeMap;

use chatbot_core::Result;

use super::Outcome;
use super::args::{Command, Common};
use super::output::Output;
use super::worker;
use crate::config::{Config, Layers, Origin};

/// What a verb works with.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) config: Config,
    pub(super) layers: Layers,
    /// Whether somebody said which data directory, be it a flag, the environment or a file.
    pub(super) data_dir_was_chosen: bool,
}

/// Verbs say on their own what went wrong; the log is for those who ask for it.
const QUIET: &str = "error";

pub(super) fn load(common: &Common, command: &Command) -> Result<Settings> {
    let mut flags = BTreeMap::new();
    if let Some(data_dir) = &common.data_dir {
        flags.insert("engine.data_dir", data_dir.display().to_string());
    }
    if let Some(model) = &common.model {
        flags.insert("engine.model", model.clone());
    }
    if let Some(embedder) = &common.embedder {
        flags.insert("engine.embedder", embedder.clone());
    }
    if let Command::Serve(serve) = command
        && let Some(listen) = &serve.listen
    {
        flags.insert("server.listen", listen.clone());
    }
    let (mut config, layers) = Config::load(common.config.clone(), &flags)?;
    worker::appoint(&mut config.engine.parsing);
    let chosen = |name: &str| {
        layers.settings().any(|setting| setting.name == name && setting.source != Origin::Default)
    };
    if !matches!(command, Command::Serve(_)) && !chosen("log.filter") {
        QUIET.clone_into(&mut config.log.filter);
    }
    let data_dir_was_chosen = chosen("engine.data_dir");
    Ok(Settings { config, layers, data_dir_was_chosen })
}

/// Loading was the check.
pub(super) fn check(output: &Output) -> Outcome {
    output.line("The configuration is valid.");
    output.document(&serde_json::json!({"valid": true}));
    Outcome::Done
}

pub(super) fn print(layers: &Layers, output: &Output) -> Outcome {
    let settings: Vec<_> = layers.settings().collect();
    for setting in &settings {
        output.line(&format!("{} = {}  # {}", setting.name, setting.value, setting.source));
    }
    output.document(&settings);
    Outcome::Done
}
