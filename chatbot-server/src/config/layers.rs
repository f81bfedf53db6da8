//! Settings from several places, laid over each other, each remembering where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use chatbot_core::{Error, Result};
use serde::Serialize;
use toml::{Table, Value};

use super::{Config, default_data_dir, invalid};

/// What every variable of ours begins with.
const PREFIX: &str = "CHATBOT__";
/// Variables that providers' own tools read, and the settings they stand for.
const PROVIDER_KEYS: [(&str, &str); 3] = [
    ("OPENAI_API_KEY", "engine.keys.openai"),
    ("ANTHROPIC_API_KEY", "engine.keys.anthropic"),
    ("GEMINI_API_KEY", "engine.keys.gemini"),
];
/// Settings under this name are secrets.
const SECRETS: &str = "engine.keys.";

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Compiled in.
    Default,
    /// A file.
    File(PathBuf),
    /// A variable of the environment.
    Environment(String),
    /// A flag on the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A setting as it is shown: secrets are masked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// Its name, with dots.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Where it came from.
    pub source: Origin,
}

/// Settings by name, the last place winning.
#[derive(Debug, Clone)]
pub struct Layers {
    settings: BTreeMap<String, (Value, Origin)>,
}

impl Layers {
    /// The settings as compiled in.
    ///
    /// # Errors
    /// `internal` where the defaults cannot be written down.
    pub fn defaults() -> Result<Self> {
        let mut config = Config::default();
        config.engine.data_dir = Some(default_data_dir());
        let table = Table::try_from(config)
            .map_err(|error| Error::internal("The defaults cannot be read.").with_source(error))?;
        let mut layers = Self { settings: BTreeMap::new() };
        layers.lay("", table, &Origin::Default);
        Ok(layers)
    }

    /// Lays a TOML file over what is there.
    ///
    /// # Errors
    /// `not_found`, `storage`; `config_invalid` for what is not TOML.
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let cause = Error::from(error);
            let message = format!("The configuration file {} cannot be read.", path.display());
            Error::new(cause.kind(), message).with_source(cause)
        })?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            // The parser's own words may quote the line, and the line may hold a key.
            let line = error.span().map_or(0, |span| {
                text.as_bytes().iter().take(span.start).filter(|b| **b == b'\n').count() + 1
            });
            invalid(format!("{} is not valid TOML: see line {line}.", path.display()))
        })?;
        self.lay("", table, &Origin::File(path.to_owned()));
        Ok(())
    }

    /// Lays variables over what is there: `CHATBOT__A__B` is the setting `a.b`.
    ///
    /// # Errors
    /// `config_invalid` for a value that does not fit its setting.
    pub fn add_environment(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<()> {
        for (variable, text) in variables {
            let known = PROVIDER_KEYS.iter().find(|(name, _)| *name == variable);
            let name = match (known, variable.strip_prefix(PREFIX)) {
                (Some((_, name)), _) if !text.is_empty() => (*name).to_owned(),
                (_, Some(rest)) => rest.to_lowercase().replace("__", "."),
                _ => continue,
            };
            let origin = Origin::Environment(variable);
            self.set(name, &text, origin)?;
        }
        Ok(())
    }

    /// Lays flags over what is there.
    ///
    /// # Errors
    /// `config_invalid` for a value that does not fit its setting.
    pub fn add_flags(&mut self, flags: &BTreeMap<&str, String>) -> Result<()> {
        flags.iter().try_for_each(|(name, text)| self.set((*name).to_owned(), text, Origin::Flag))
    }

    /// The configuration that comes out.
    ///
    /// # Errors
    /// `config_invalid`, naming the setting and where it came from.
    pub fn build(&self) -> Result<Config> {
        let mut table = Table::new();
        for (name, (value, _)) in &self.settings {
            insert(&mut table, name, value.clone()).ok_or_else(|| self.no_such(name))?;
        }
        let config: Config = serde_path_to_error::deserialize(table).map_err(|error| {
            let path = error.path().to_string();
            match self.settings.keys().find(|name| **name == path) {
                Some(name) => self.does_not_fit(name, error.inner()),
                None => self.no_such(&self.nearest(&path, error.inner())),
            }
        })?;
        config.validate()?;
        Ok(config)
    }

    /// All settings, as they may be shown.
    pub fn settings(&self) -> impl Iterator<Item = Setting> {
        self.settings.iter().map(|(name, (value, source))| {
            let secret = name.starts_with(SECRETS);
            let value = if secret { Value::from("***") } else { value.clone() };
            Setting { name: name.clone(), value, source: source.clone() }
        })
    }

    fn lay(&mut self, prefix: &str, table: Table, origin: &Origin) {
        for (key, value) in table {
            let step = if key.contains('.') { format!("\"{key}\"") } else { key };
            let name = if prefix.is_empty() { step } else { format!("{prefix}.{step}") };
            if let Value::Table(inner) = value {
                self.lay(&name, inner, origin);
            } else {
                self.settings.insert(name, (value, origin.clone()));
            }
        }
    }

    /// Sets a setting from text, in the type that it has so far.
    fn set(&mut self, name: String, text: &str, origin: Origin) -> Result<()> {
        let parsed = match self.settings.get(&name) {
            Some((Value::Integer(_), _)) => text.trim().parse().ok().map(Value::Integer),
            Some((Value::Float(_), _)) => text.trim().parse().ok().map(Value::Float),
            Some((Value::Boolean(_), _)) => text.trim().parse().ok().map(Value::Boolean),
            Some((Value::Array(_), _)) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(Value::Array(items.map(Value::from).collect()))
            }
            _ => Some(Value::from(text)),
        };
        let value = parsed.ok_or_else(|| {
            invalid(format!("The setting `{name}` ({origin}) does not have the type it needs."))
        })?;
        self.settings.insert(name, (value, origin));
        Ok(())
    }

    fn does_not_fit(&self, name: &str, error: &toml::de::Error) -> Error {
        let origin = self.settings.get(name).map(|(_, origin)| origin.to_string());
        let expected = error.message().rfind("expected ").and_then(|at| error.message().get(at..));
        invalid(format!(
            "The setting `{name}` ({}) does not fit: {}.",
            origin.unwrap_or_default(),
            expected.unwrap_or("see the guide for what it may be")
        ))
    }

    fn no_such(&self, name: &str) -> Error {
        let origin = self.settings.get(name).map(|(_, origin)| format!(" ({origin})"));
        // Most often a step at the beginning was left out.
        let suffix = format!(".{name}");
        let meant = self.settings.iter().find(|(known, (_, origin))| {
            matches!(origin, Origin::Default) && known.ends_with(&suffix)
        });
        let meant = meant.map(|(known, _)| format!(" Did you mean `{known}`?"));
        invalid(format!(
            "There is no setting `{name}`{}.{}",
            origin.unwrap_or_default(),
            meant.unwrap_or_default()
        ))
    }

    /// The setting that an error about an unknown field is about.
    fn nearest(&self, path: &str, error: &toml::de::Error) -> String {
        let field = error.message().split('`').nth(1).unwrap_or_default();
        // The path may end with the unknown field, or with what it was looked for in.
        let (parent, last) = path.rsplit_once('.').unwrap_or(("", path));
        let path = if last == field { parent } else { path };
        let prefix = if matches!(path, "" | ".") { String::new() } else { format!("{path}.") };
        let full = format!("{prefix}{field}");
        let found = self.settings.keys().find(|name| {
            **name == full
                || name.starts_with(&format!("{full}."))
                || name.starts_with(&prefix) && name.ends_with(field)
        });
        found.cloned().unwrap_or(full)
    }
}

/// Puts a value under a name with dots; `None` where a part of the name is a value already.
fn insert(table: &mut Table, name: &str, value: Value) -> Option<()> {
    match first_step(name) {
        (only, None) => drop(table.insert(only.to_owned(), value)),
        (head, Some(rest)) => {
            let inner = table.entry(head).or_insert_with(|| Value::Table(Table::new()));
            insert(inner.as_table_mut()?, rest, value)?;
        }
    }
    Some(())
}

/// The first step of a name, and what follows it. A step that has dots itself, such as an address, stands in quotes.
fn first_step(name: &str) -> (&str, Option<&str>) {
    let quoted = name.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    match (quoted, name.split_once('.')) {
        (Some((step, rest)), _) => (step, rest.strip_prefix('.')),
        (None, Some((step, rest))) => (step, Some(rest)),
        (None, None) => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layered(
        file: &str,
        environment: &[(&str, &str)],
        flags: &[(&'static str, &str)],
    ) -> Result<(Config, Layers)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, file).unwrap();
        let mut layers = Layers::defaults()?;
        layers.add_file(&path)?;
        layers
            .add_environment(environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))?;
        layers.add_flags(&flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect())?;
        Ok((layers.build()?, layers))
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let file = "[server]\nlisten = 'file:1'\ndrain_s = 1\n[engine.turns]\nabandon_after_s = 7";
        let environment = [("CHATBOT__SERVER__LISTEN", "env:1"), ("CHATBOT__SERVER__DRAIN_S", "2")];
        let (config, layers) = layered(file, &environment, &[("server.listen", "flag:1")]).unwrap();
        assert_eq!(config.server.listen, "flag:1");
        assert_eq!(config.server.drain_s, 2);
        assert_eq!(config.engine.turns.abandon_after_s, 7);
        let source =
            |name: &str| layers.settings().find(|s| s.name == name).unwrap().source.to_string();
        assert_eq!(source("server.drain_s"), "environment CHATBOT__SERVER__DRAIN_S");
        assert_eq!(source("server.listen"), "flag");
        assert_eq!(source("engine.model"), "default");
        assert!(source("engine.turns.abandon_after_s").starts_with("file "));
    }

    #[test]
    fn keys_reach_the_engine_and_are_never_shown() {
        let (config, layers) = layered("", &[("OPENAI_API_KEY", "sk-secret")], &[]).unwrap();
        assert_eq!(config.engine.keys.get("openai").unwrap().reveal(), "sk-secret");
        let shown = serde_json::to_string(&layers.settings().collect::<Vec<_>>()).unwrap();
        assert!(shown.contains("engine.keys.openai") && !shown.contains("sk-secret"), "{shown}");

        let of_an_address = "[engine.keys]\n\"https://api.example.org/v1\" = \"sk-own\"\n\
            [engine.prices]\n\"openai+https://api.example.org/v1#*\" = { input = 1.0, output = 4.0 }";
        let (config, layers) = layered(of_an_address, &[], &[]).unwrap();
        let key = config.engine.keys.get("https://api.example.org/v1").unwrap();
        assert_eq!(key.reveal(), "sk-own");
        assert!(config.engine.prices.contains_key("openai+https://api.example.org/v1#*"));
        let shown = serde_json::to_string(&layers.settings().collect::<Vec<_>>()).unwrap();
        assert!(!shown.contains("sk-own"), "{shown}");
    }

    #[test]
    fn mistakes_are_named_with_where_they_came_from() {
        for (file, variable, expected) in [
            ("[server]\nlisten = 5", ("X", ""), "`server.listen`"),
            ("[server]\nlissen = 'x'", ("X", ""), "`server.lissen`"),
            ("", ("CHATBOT__SERVER__NOPE", "1"), "CHATBOT__SERVER__NOPE"),
            ("", ("CHATBOT__NOPE", "1"), "CHATBOT__NOPE"),
            ("", ("CHATBOT__SERVER__DRAIN_S", "soon"), "CHATBOT__SERVER__DRAIN_S"),
            ("", ("CHATBOT__AUTH__MODE", "none"), "CHATBOT__AUTH__MODE"),
            ("", ("CHATBOT__AUTH__MODE", "accounts"), "`auth.mode`"),
            ("", ("CHATBOT__LOG__FILTER", "a=b=c"), "`log.filter`"),
            ("", ("CHATBOT__SERVER", "1"), "`server"),
            ("a = [", ("X", ""), "line 1"),
            ("[turns]\nabandon_after_s = 7", ("X", ""), "mean `engine.turns.abandon_after_s`?"),
        ] {
            let error = layered(file, &[variable], &[]).unwrap_err();
            assert_eq!(error.kind(), chatbot_core::ErrorKind::ConfigInvalid);
            assert!(error.message().contains(expected), "{expected}: {error}");
        }
    }
}
