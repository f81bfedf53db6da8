//! Figures beside their bars, as a table for people and as JSON for programs.

use std::fmt;

use serde_json::{Value, json};

/// A figure: lower is better.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// In `unit`.
    pub value: f64,
    /// `ms`, `s` or `MB` (10⁶ bytes).
    pub unit: &'static str,
    /// What it may be at the most.
    pub bar: f64,
    /// How it came about.
    pub detail: String,
}

impl Figure {
    /// A figure.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str, bar: f64) -> Self {
        Self { name: name.into(), value, unit, bar, detail: String::new() }
    }

    /// The same with a remark.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Whether it is within its bar.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.value <= self.bar
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name, "value": self.value, "unit": self.unit, "bar": self.bar,
            "holds": self.holds(), "detail": self.detail,
        })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.holds() { "" } else { "missed" };
        let Self { name, value, unit, bar, detail, .. } = self;
        write!(f, "{name:<52} {value:>9.2} {unit:<3} {bar:>8.1} {mark:<7} {detail}")
    }
}
