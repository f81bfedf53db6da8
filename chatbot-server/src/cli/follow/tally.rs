//! What became of the files of followed folders, since it was begun.

use std::fmt;

use chatbot_core::types::DocumentFailure;
use serde::{Serialize, Serializer};

use crate::cli::ingest::Failures;
use crate::cli::output::Output;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Added,
    Changed,
    Moved,
    Deleted,
    Same,
}

/// How often what happened, and what fails now.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Counts,
    failed: Failures,
    round: Round,
}

/// What happened in this round.
#[derive(Debug, Default)]
struct Round {
    /// Whether it is the first one: what is the same later was there before, or was counted.
    is_first: bool,
    counts: Counts,
    failed: Failures,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Counts {
    added: usize,
    changed: usize,
    moved: usize,
    deleted: usize,
    unchanged: usize,
}

impl Tally {
    pub(super) fn begin_round(&mut self, is_first: bool) {
        self.round = Round { is_first, ..Round::default() };
    }

    pub(super) fn count(&mut self, place: &str, what: What) {
        self.failed.forget(place);
        if what != What::Same || self.round.is_first {
            self.counts.count(what);
            self.round.counts.count(what);
        }
    }

    pub(super) fn fail(&mut self, place: &str, failure: DocumentFailure) {
        self.round.failed.add(place, failure.clone());
        self.failed.add(place, failure);
    }

    /// There is nothing any more that could fail.
    pub(super) fn forget(&mut self, place: &str) {
        self.failed.forget(place);
    }

    /// What this round has done, where it has done something.
    pub(super) fn tell(&self, output: &Output) {
        let Round { counts, failed, .. } = &self.round;
        if counts.n_done() + failed.len() > 0 {
            output.event(&format!("{counts}, {} failed.", failed.len()));
            failed.tell(output);
        }
    }

    pub(super) fn show(&self, output: &Output) {
        let (n_failed, n_same) = (self.failed.len(), self.counts.unchanged);
        let counts = &self.counts;
        output.line(&format!("{counts}, {n_failed} failed. {n_same} were there before."));
        self.failed.show(output);
    }
}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            #[serde(flatten)]
            counts: Counts,
            failed: &'a Failures,
        }
        Shown { counts: self.counts, failed: &self.failed }.serialize(serializer)
    }
}

impl Counts {
    const fn count(&mut self, what: What) {
        match what {
            What::Added => self.added += 1,
            What::Changed => self.changed += 1,
            What::Moved => self.moved += 1,
            What::Deleted => self.deleted += 1,
            What::Same => self.unchanged += 1,
        }
    }

    const fn n_done(&self) -> usize {
        self.added + self.changed + self.moved + self.deleted
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, changed, moved, deleted, .. } = self;
        write!(f, "{added} added, {changed} changed, {moved} moved, {deleted} deleted")
    }
}
