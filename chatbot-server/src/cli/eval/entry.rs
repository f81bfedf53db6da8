//! What was measured: one entry per set and strategy, with its figures under their names.

use chatbot_core::types::Strategy;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// What a figure says about quality, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Worth knowing, neither good nor bad.
    Told,
    /// Milliseconds on this machine; not comparable with another's.
    Time,
}

/// A figure; null where the set has no question that it is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) role: Role,
    pub(super) value: Option<f64>,
}

impl Figure {
    pub(super) fn higher(name: &'static str, value: impl Into<Option<f64>>) -> Self {
        Self { name, role: Role::Higher, value: value.into() }
    }

    pub(super) fn lower(name: &'static str, value: impl Into<Option<f64>>) -> Self {
        Self { name, role: Role::Lower, value: value.into() }
    }

    pub(super) fn told(name: &'static str, value: impl Into<Option<f64>>) -> Self {
        Self { name, role: Role::Told, value: value.into() }
    }

    pub(super) fn time(name: &'static str, value: f64) -> Self {
        Self { name, role: Role::Time, value: Some(value) }
    }

    /// As people read it.
    pub(super) fn text(&self) -> String {
        match (self.value, self.role) {
            (None, _) => "-".to_owned(),
            (Some(value), Role::Time) => format!("{value:.1}"),
            (Some(value), _) => format!("{value:.4}"),
        }
    }
}

/// A set asked with a strategy.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) set: String,
    pub(super) strategy: Strategy,
    pub(super) n_queries: usize,
    pub(super) figures: Vec<Figure>,
}

impl Entry {
    /// A figure by its name.
    pub(super) fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }

    /// A figure's value by its name.
    pub(super) fn value(&self, name: &str) -> Option<f64> {
        self.figure(name)?.value
    }
}

/// The sets in the order they were asked, each once.
pub(super) fn sets(entries: &[Entry]) -> Vec<&str> {
    let mut sets: Vec<&str> = Vec::new();
    for entry in entries {
        if !sets.contains(&entry.set.as_str()) {
            sets.push(&entry.set);
        }
    }
    sets
}

/// The strategies in the order they were asked with, each once.
pub(super) fn strategies(entries: &[Entry]) -> Vec<Strategy> {
    let mut strategies = Vec::new();
    for entry in entries {
        if !strategies.contains(&entry.strategy) {
            strategies.push(entry.strategy);
        }
    }
    strategies
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("set", &self.set)?;
        map.serialize_entry("strategy", &self.strategy)?;
        write_figures(self, map)
    }
}

/// An entry that is the only one, in the form that it has had from the beginning.
#[derive(Debug)]
pub(super) struct Alone<'a> {
    pub(super) entry: &'a Entry,
    pub(super) names_strategy: bool,
}

impl Serialize for Alone<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.names_strategy {
            map.serialize_entry("strategy", &self.entry.strategy)?;
        }
        write_figures(self.entry, map)
    }
}

fn write_figures<M: serde::ser::SerializeMap>(
    entry: &Entry,
    mut map: M,
) -> Result<M::Ok, M::Error> {
    map.serialize_entry("queries", &entry.n_queries)?;
    for figure in &entry.figures {
        map.serialize_entry(figure.name, &figure.value)?;
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_keeps_the_order_of_its_figures() {
        let figures = vec![Figure::higher("z", 0.5), Figure::lower("a", None)];
        let entry =
            Entry { set: "s".to_owned(), strategy: Strategy::Lexical, n_queries: 2, figures };
        assert_eq!(
            serde_json::to_string(&entry).unwrap(),
            r#"{"set":"s","strategy":"lexical","queries":2,"z":0.5,"a":null}"#
        );
        let alone = |names_strategy| {
            serde_json::to_string(&Alone { entry: &entry, names_strategy }).unwrap()
        };
        assert_eq!(alone(true), r#"{"strategy":"lexical","queries":2,"z":0.5,"a":null}"#);
        assert_eq!(alone(false), r#"{"queries":2,"z":0.5,"a":null}"#);
        assert_eq!((entry.value("z"), entry.value("a"), entry.value("b")), (Some(0.5), None, None));
    }
}
