//! What was measured before, and what is worse now.

use std::path::Path;

use chatbot_core::types::Strategy;
use chatbot_core::{Error, Result};
use serde_json::{Map, Value};

use super::data;
use super::entry::{Entry, Role};

/// Rounding in the last digits of a printed number is no loss of quality.
const ROUNDING: f64 = 1e-9;

/// The entries of a former run.
#[derive(Debug)]
pub(super) struct Baseline {
    entries: Vec<Former>,
}

/// An entry of a former run; one that was the only one may not say what it was.
#[derive(Debug)]
struct Former {
    set: Option<String>,
    strategy: Option<Strategy>,
    figures: Map<String, Value>,
}

/// What the comparison found, in sentences.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Figures that are worse by more than the tolerance.
    pub(super) fell: Vec<String>,
    /// What could not be compared, and why.
    pub(super) notes: Vec<String>,
    /// How many figures were compared.
    pub(super) n_compared: usize,
}

impl Baseline {
    /// Reads what `--json` printed, for one entry or for several.
    ///
    /// # Errors
    /// `not_found`, `storage`; `invalid_input` where it is something else.
    pub(super) async fn read(path: &Path) -> Result<Self> {
        let text = data::read(path).await?;
        let malformed = || {
            let file = path.display();
            Error::invalid(format!("{file} is not what `chatbot eval --json` prints."))
        };
        let json: Value = serde_json::from_str(&text).map_err(|_| malformed())?;
        Self::parse(json).ok_or_else(malformed)
    }

    /// The entries, where it has the form of them.
    pub(super) fn parse(json: Value) -> Option<Self> {
        let Value::Object(mut one) = json else { return None };
        let all = match one.remove("results") {
            Some(Value::Array(all)) => all,
            Some(_) => return None,
            None => vec![Value::Object(one)],
        };
        let entries: Option<Vec<_>> = all.into_iter().map(Former::parse).collect();
        entries.filter(|entries| !entries.is_empty()).map(|entries| Self { entries })
    }

    /// What an entry's figure was.
    pub(super) fn value(&self, entry: &Entry, name: &str) -> Option<f64> {
        self.of(entry)?.figures.get(name)?.as_f64()
    }

    fn of(&self, entry: &Entry) -> Option<&Former> {
        self.entries.iter().find(|former| former.is_about(entry))
    }

    /// What is worse now by more than `tolerance`, and what has no counterpart.
    pub(super) fn compare(&self, entries: &[Entry], tolerance: f64) -> Comparison {
        let mut found = Comparison::default();
        for entry in entries {
            match self.of(entry) {
                Some(former) => former.compare(entry, tolerance, &mut found),
                None => found.notes.push(format!("{}: not in the baseline.", name(entry))),
            }
        }
        let gone = |former: &&Former| !entries.iter().any(|entry| former.is_about(entry));
        for former in self.entries.iter().filter(gone) {
            let note = format!("{}: in the baseline, but not measured now.", former.name());
            found.notes.push(note);
        }
        found
    }
}

impl Former {
    fn parse(json: Value) -> Option<Self> {
        let Value::Object(figures) = json else { return None };
        figures.get("queries")?.as_u64()?;
        let set = figures.get("set").and_then(Value::as_str).map(str::to_owned);
        let strategy = match figures.get("strategy") {
            Some(name) => Some(serde_json::from_value(name.clone()).ok()?),
            None => None,
        };
        Some(Self { set, strategy, figures })
    }

    fn is_about(&self, entry: &Entry) -> bool {
        self.set.as_ref().is_none_or(|set| *set == entry.set)
            && self.strategy.is_none_or(|strategy| strategy == entry.strategy)
    }

    fn name(&self) -> String {
        let strategy = self.strategy.map_or("any strategy", Strategy::as_str);
        format!("{}, {strategy}", self.set.as_deref().unwrap_or("the set"))
    }

    fn compare(&self, entry: &Entry, tolerance: f64, found: &mut Comparison) {
        let (then, now) = (self.figures.get("queries").and_then(Value::as_u64), entry.n_queries);
        if then != u64::try_from(now).ok() {
            let then = then.unwrap_or_default();
            found.notes.push(format!("{}: {now} questions, {then} in the baseline.", name(entry)));
        }
        for figure in &entry.figures {
            let sign = match figure.role {
                Role::Higher => 1.0,
                Role::Lower => -1.0,
                Role::Told | Role::Time => continue,
            };
            let before = self.figures.get(figure.name).and_then(Value::as_f64);
            let place = format!("{}: {}", name(entry), figure.name);
            match (before, figure.value) {
                (Some(before), Some(now)) => {
                    found.n_compared += 1;
                    if sign * (before - now) > tolerance + ROUNDING {
                        found.fell.push(format!("{place} was {before:.4} and is {now:.4}."));
                    }
                }
                (Some(before), None) => {
                    found.fell.push(format!("{place} was {before:.4} and is not measured now."));
                }
                (None, Some(_)) => found.notes.push(format!("{place} is not in the baseline.")),
                (None, None) => {}
            }
        }
    }
}

fn name(entry: &Entry) -> String {
    format!("{}, {}", entry.set, entry.strategy.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::entry::Figure;
    use super::*;
    use serde_json::json;

    fn entry(set: &str, strategy: Strategy, ndcg: impl Into<Option<f64>>) -> Entry {
        Entry {
            set: set.to_owned(),
            strategy,
            n_queries: 3,
            figures: vec![
                Figure::higher("ndcg@10", ndcg),
                Figure::lower("abstained_answerable", 0.2),
                Figure::told("answered", 0.1),
                Figure::time("p50_ms", 9.0),
            ],
        }
    }

    fn former(ndcg: f64, abstained: f64) -> Value {
        json!({"set": "town", "strategy": "lexical", "queries": 3, "ndcg@10": ndcg,
            "abstained_answerable": abstained, "answered": 0.9, "p50_ms": 1.0})
    }

    fn compared(json: Value, entries: &[Entry], tolerance: f64) -> Comparison {
        Baseline::parse(json).unwrap().compare(entries, tolerance)
    }

    #[test]
    fn only_what_is_worse_by_more_than_the_tolerance_fell() {
        let now = [entry("town", Strategy::Lexical, 0.5)];
        let fell = |ndcg, abstained, tolerance| {
            compared(json!({"results": [former(ndcg, abstained)]}), &now, tolerance).fell
        };
        assert!(fell(0.5, 0.2, 0.0).is_empty());
        assert!(fell(0.4, 0.3, 0.0).is_empty(), "better is no loss");
        assert!(fell(0.51, 0.19, 0.01).is_empty());
        let worse = fell(0.52, 0.2, 0.01);
        assert_eq!(worse, ["town, lexical: ndcg@10 was 0.5200 and is 0.5000."]);
        let abstains_more = fell(0.5, 0.1, 0.01);
        assert!(abstains_more[0].contains("abstained_answerable was 0.1000 and is 0.2000"));
        let gone = compared(former(0.5, 0.2), &[entry("town", Strategy::Lexical, None)], 1.0);
        assert!(gone.fell[0].contains("not measured now"), "{gone:?}");
    }

    #[test]
    fn what_has_no_counterpart_is_said() {
        let now = [entry("town", Strategy::Auto, 0.5)];
        let found = compared(json!({"results": [former(0.9, 0.2)]}), &now, 0.0);
        assert_eq!((found.n_compared, found.fell.len()), (0, 0));
        assert_eq!(
            found.notes,
            [
                "town, auto: not in the baseline.",
                "town, lexical: in the baseline, but not measured now.",
            ]
        );
        let fewer = json!({"strategy": "auto", "queries": 9, "ndcg@10": 0.5});
        let found = compared(fewer, &now, 0.0);
        assert_eq!(found.n_compared, 1, "one alone says no set");
        assert_eq!(
            found.notes,
            [
                "town, auto: 3 questions, 9 in the baseline.",
                "town, auto: abstained_answerable is not in the baseline.",
            ]
        );
    }

    #[test]
    fn something_else_is_no_baseline() {
        for json in [json!([]), json!({}), json!({"results": []}), json!({"results": [{"a": 1}]})] {
            assert!(Baseline::parse(json).is_none());
        }
    }
}
