//! What every evaluation ends with: the table, the JSON, the page, and the comparison with a baseline.

use chatbot_core::{Error, Result};
use serde::Serialize;

use super::super::Outcome;
use super::super::args::EvalOptions;
use super::super::output::Output;
use super::baseline::Baseline;
use super::entry::{Alone, Entry};
use super::{page, table};

/// How the results of an evaluation are shown.
#[derive(Debug)]
pub(super) struct Shown {
    /// What was measured, as a title.
    pub(super) title: &'static str,
    /// The figures that have a chart, the most telling one first.
    pub(super) charts: &'static [&'static str],
    /// Whether a single result says which strategy it is of.
    pub(super) names_strategy: bool,
}

/// Several entries, as programs read them.
#[derive(Debug, Serialize)]
struct Results<'a> {
    results: &'a [Entry],
}

/// Reads the baseline, before anything takes long.
///
/// # Errors
/// As [`Baseline::read`].
pub(super) async fn baseline(options: &EvalOptions) -> Result<Option<Baseline>> {
    match &options.baseline {
        Some(path) => Baseline::read(path).await.map(Some),
        None => Ok(None),
    }
}

/// Shows the entries everywhere they were asked for.
///
/// # Errors
/// `invalid_input` with the list where a figure is worse than in the baseline, or where nothing could be compared;
/// `storage` where the page cannot be written.
pub(super) async fn conclude(
    entries: &[Entry],
    baseline: Option<&Baseline>,
    (shown, options): (&Shown, &EvalOptions),
    output: &Output,
) -> Result<Outcome> {
    for line in table::lines(entries) {
        output.line(&line);
    }
    match entries {
        [entry] => output.document(&Alone { entry, names_strategy: shown.names_strategy }),
        _ => output.document(&Results { results: entries }),
    }
    if let Some(file) = &options.report {
        tokio::fs::write(file, page::page(entries, baseline, shown)).await?;
    }
    if let Some(baseline) = baseline {
        check(entries, baseline, options.tolerance, output)?;
    }
    Ok(Outcome::Done)
}

fn check(entries: &[Entry], baseline: &Baseline, tolerance: f64, output: &Output) -> Result<()> {
    let found = baseline.compare(entries, tolerance);
    for note in &found.notes {
        output.note(note);
    }
    if found.n_compared == 0 && found.fell.is_empty() {
        return Err(Error::invalid("The baseline has none of the figures that were measured."));
    }
    if found.fell.is_empty() {
        let n_compared = found.n_compared;
        output.note(&format!(
            "None of {n_compared} figures is worse than in the baseline by more than {tolerance}."
        ));
        return Ok(());
    }
    let (n_fell, list) = (found.fell.len(), found.fell.join("\n"));
    Err(Error::invalid(format!(
        "Worse than in the baseline by more than {tolerance}, {n_fell} figures:\n{list}"
    )))
}
