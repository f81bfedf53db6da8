//! What ran, how long it took, and how it ended: a heading for each part, a table at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How a part ended, where it did not fail.
pub(crate) enum Ended {
    /// It ran.
    Passed,
    /// It did not run, and this is why.
    Skipped(String),
}

/// A part's result; the error is one line that says what to do.
pub(crate) type Outcome = Result<Ended, String>;

/// The parts that were run.
#[derive(Default)]
pub(crate) struct Report {
    parts: Vec<(&'static str, Outcome, Duration)>,
}

impl Report {
    /// Runs a part under a heading. Returns whether the rest may rely on it.
    pub(crate) fn part(&mut self, name: &'static str, work: impl FnOnce() -> Outcome) -> bool {
        println!("\n== {name}");
        let begun = Instant::now();
        let outcome = work();
        let took = begun.elapsed();
        println!("-- {}", line(name, &outcome, took));
        let usable = outcome.is_ok();
        self.parts.push((name, outcome, took));
        usable
    }

    /// Prints the table, what was skipped and what failed; the exit code of the program.
    pub(crate) fn close(self) -> ExitCode {
        if self.parts.len() > 1 {
            println!("\n== Summary");
            for (name, outcome, took) in &self.parts {
                println!("{}", line(name, outcome, *took));
            }
        }
        let n_failed = self.parts.iter().filter(|(_, outcome, _)| outcome.is_err()).count();
        if n_failed == 0 {
            return ExitCode::SUCCESS;
        }
        println!("\n{n_failed} of {} parts failed.", self.parts.len());
        ExitCode::FAILURE
    }
}

fn line(name: &str, outcome: &Outcome, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    match outcome {
        Ok(Ended::Passed) => format!("passed   {name} ({seconds:.1} s)"),
        Ok(Ended::Skipped(why)) => format!("SKIPPED  {name}: {why}"),
        Err(why) => format!("FAILED   {name} ({seconds:.1} s): {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_part_fails_the_whole_and_the_others_still_run() {
        let mut report = Report::default();
        assert!(!report.part("first", || Err("broken".to_owned())));
        assert!(report.part("second", || Ok(Ended::Skipped("no tool".to_owned()))));
        assert!(report.part("third", || Ok(Ended::Passed)));
        assert_eq!(report.parts.len(), 3);
        assert_eq!(report.close(), ExitCode::FAILURE);
    }

    #[test]
    fn a_skipped_part_says_why() {
        let skipped = Ok(Ended::Skipped("Node is not installed".to_owned()));
        let line = line("web", &skipped, Duration::ZERO);
        assert_eq!(line, "SKIPPED  web: Node is not installed");
    }
}
