//! What every program that measures does: read its options, print figures as they come, write them to a file, and end with
//! a code that says whether each is within its bar.
#![allow(clippy::print_stdout, reason = "these programs print a table")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::figure::Figure;
use crate::{Failure, Result};

/// Where the public evaluation sets are, where nothing says so.
const USUAL_DATA: &str = "../shared/data";

/// Options of the form `--name value`.
#[derive(Debug, Clone, Default)]
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// Reads the program's arguments; `names` are those it has, without their dashes.
    ///
    /// # Errors
    /// Where one is not known, or has no value.
    pub fn read(names: &[&str]) -> Result<Self> {
        Self::of(std::env::args().skip(1), names)
    }

    fn of(mut words: impl Iterator<Item = String>, names: &[&str]) -> Result<Self> {
        let mut options = BTreeMap::new();
        while let Some(word) = words.next() {
            let known = word.strip_prefix("--").filter(|name| names.contains(name));
            let name = known.ok_or_else(|| {
                format!("there is no option `{word}`; there are --{}", names.join(", --"))
            })?;
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
            options.insert(name.to_owned(), value);
        }
        Ok(Self(options))
    }

    /// What was given under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether the part `name` is to be measured: all are, unless `--only` names one.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.get("only").is_none_or(|only| only == name)
    }

    /// A number; this one where none is given.
    ///
    /// # Errors
    /// Where it is none.
    pub fn number(&self, name: &str, usual: u64) -> Result<u64> {
        let number = self.get(name).map(|text| {
            text.parse().map_err(|_| Failure::from(format!("`--{name} {text}` is no number")))
        });
        number.unwrap_or(Ok(usual))
    }

    /// The server to be measured.
    ///
    /// # Errors
    /// Where `--server` names no file.
    pub fn server(&self) -> Result<PathBuf> {
        let path = self.get("server").map(PathBuf::from).filter(|path| path.is_file());
        path.ok_or_else(|| {
            Failure::from("--server names no file; build it with `cargo build --release`")
        })
    }

    /// The folder of the public evaluation sets: `--data`, or the variable `CHATBOT_EVAL_DATA`, or the usual place.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        let named = self.get("data").map(PathBuf::from);
        let variable = || std::env::var_os("CHATBOT_EVAL_DATA").map(PathBuf::from);
        named.or_else(variable).unwrap_or_else(|| PathBuf::from(USUAL_DATA))
    }
}

/// Figures, each printed as it comes.
#[derive(Debug, Clone, Default)]
pub struct Table {
    rows: Vec<Figure>,
    /// What the file holds beside them.
    notes: serde_json::Map<String, Value>,
}

impl Table {
    /// Adds a figure.
    pub fn row(&mut self, figure: Figure) {
        if self.rows.is_empty() {
            println!("{:<52} {:>9}     {:>8}", "figure", "measured", "bar");
        }
        println!("{figure}");
        self.rows.push(figure);
    }

    /// Adds a figure without a bar.
    pub fn told(&mut self, name: &str, value: f64, unit: &'static str, detail: &str) {
        self.row(Figure::new(name, value, unit, f64::INFINITY).with_detail(detail));
    }

    /// Adds something for programs alone.
    pub fn note(&mut self, name: &str, value: Value) {
        self.notes.insert(name.to_owned(), value);
    }

    fn n_missed(&self) -> usize {
        self.rows.iter().filter(|figure| !figure.holds()).count()
    }

    fn to_json(&self) -> Value {
        let figures: Vec<Value> = self.rows.iter().map(Figure::to_json).collect();
        let n_cpus = std::thread::available_parallelism().map_or(0, usize::from);
        let mut all = self.notes.clone();
        all.insert("cpus".to_owned(), json!(n_cpus));
        all.insert("os".to_owned(), json!(std::env::consts::OS));
        all.insert("figures".to_owned(), Value::Array(figures));
        Value::Object(all)
    }
}

/// Runs a program that measures: `names` are its options, `--json FILE` among them.
pub async fn run(
    names: &[&str],
    measure: impl AsyncFnOnce(&Options, &mut Table) -> Result<()>,
) -> ExitCode {
    match measured(names, measure).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measured(
    names: &[&str],
    measure: impl AsyncFnOnce(&Options, &mut Table) -> Result<()>,
) -> Result<bool> {
    let options = Options::read(names)?;
    let mut table = Table::default();
    let outcome = measure(&options, &mut table).await;
    println!("\n{} of {} figures miss their bar", table.n_missed(), table.rows.len());
    if let Some(file) = options.get("json") {
        std::fs::write(file, format!("{:#}\n", table.to_json()))?;
    }
    // What was measured before that is not lost.
    outcome?;
    Ok(table.n_missed() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Result<Options> {
        Options::of(words.iter().map(|word| (*word).to_owned()), &["server", "json", "only", "n"])
    }

    #[test]
    fn options_are_known_and_have_values() {
        let options = of(&["--json", "a.json", "--only", "start", "--n", "7"]).unwrap();
        assert_eq!((options.get("json"), options.get("server")), (Some("a.json"), None));
        assert!(options.wants("start") && !options.wants("size"));
        assert!(of(&[]).unwrap().wants("size"));
        assert_eq!((options.number("n", 1).unwrap(), options.number("m", 1).unwrap()), (7, 1));
        assert!(options.number("json", 1).is_err() && options.server().is_err());
        for words in [&["--json"][..], &["--other", "a"], &["json", "a"]] {
            assert!(of(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn the_file_has_the_figures_and_whether_they_hold() {
        let mut table = Table::default();
        table.row(Figure::new("a", 1.0, "s", 2.0));
        table.told("b", 3.0, "s", "of 4");
        assert_eq!(table.n_missed(), 0);
        table.row(Figure::new("c", 5.0, "s", 2.0));
        table.note("kinds", json!(["x"]));
        assert_eq!(table.n_missed(), 1);
        let json = table.to_json();
        assert_eq!((&json["kinds"][0], &json["figures"][2]["holds"]), (&json!("x"), &json!(false)));
    }
}
