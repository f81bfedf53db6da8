//! What became of the files: how many, and of those that failed why.

use std::collections::BTreeMap;

use chatbot_core::types::{Document, DocumentFailure};
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::api::Taken;
use crate::cli::output::Output;

/// Files that are named for one reason; the rest is counted.
const MAX_NAMED: usize = 20;

/// How a document came to say what its file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum How {
    Added,
    Changed,
    Same,
}

/// What became of the files.
#[derive(Debug, Default)]
pub(in crate::cli) struct Report {
    documents: Vec<Document>,
    n_changed: usize,
    n_same: usize,
    pub(in crate::cli) failures: Failures,
}

impl Report {
    /// Nothing could be taken in.
    pub(in crate::cli) const fn is_useless(&self) -> bool {
        self.documents.is_empty()
    }

    /// Nothing has become of anything yet.
    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.failures.is_empty()
    }

    pub(in crate::cli) fn documents(&self) -> &[Document] {
        &self.documents
    }

    pub(in crate::cli) fn documents_mut(&mut self) -> &mut [Document] {
        &mut self.documents
    }

    pub(in crate::cli) fn add(&mut self, place: &str, how: How, taken: Taken) {
        match taken {
            Ok(document) => {
                let is_same = how == How::Same || document.duplicate;
                self.n_same += usize::from(is_same);
                self.n_changed += usize::from(how == How::Changed && !is_same);
                self.documents.push(document);
            }
            Err(failure) => self.failures.add(place, failure),
        }
    }

    const fn n_added(&self) -> usize {
        self.documents.len() - self.n_changed - self.n_same
    }

    pub(in crate::cli) fn show(&self, output: &Output) {
        let mut line = format!("{} documents added", self.n_added());
        if self.n_changed > 0 {
            line.push_str(&format!(", {} changed", self.n_changed));
        }
        let (n_same, n_failed) = (self.n_same, self.failures.len());
        output.line(&format!("{line}, {n_same} were there before, {n_failed} failed."));
        self.failures.show(output);
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Report", 5)?;
        report.serialize_field("documents", &self.documents)?;
        report.serialize_field("added", &self.n_added())?;
        report.serialize_field("changed", &self.n_changed)?;
        report.serialize_field("unchanged", &self.n_same)?;
        report.serialize_field("failed", &self.failures)?;
        report.end()
    }
}

/// What failed, and why: the last word on each place.
#[derive(Debug, Default)]
pub(in crate::cli) struct Failures {
    by_place: BTreeMap<String, DocumentFailure>,
}

#[derive(Serialize)]
struct Failed<'a> {
    path: &'a str,
    #[serde(flatten)]
    failure: &'a DocumentFailure,
}

impl Failures {
    pub(in crate::cli) fn add(&mut self, place: &str, failure: DocumentFailure) {
        self.by_place.insert(place.to_owned(), failure);
    }

    /// It fails no more, and neither does what lies inside it.
    pub(in crate::cli) fn forget(&mut self, place: &str) {
        self.by_place.remove(place);
        let below = format!("{place}/");
        let inside = self.by_place.range(below.clone()..).map(|(inside, _)| inside);
        let inside: Vec<_> =
            inside.take_while(|inside| inside.starts_with(&below)).cloned().collect();
        inside.iter().for_each(|inside| drop(self.by_place.remove(inside)));
    }

    pub(in crate::cli) fn len(&self) -> usize {
        self.by_place.len()
    }

    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.by_place.is_empty()
    }

    /// Each reason once, with what can be done about it and the files that it is about.
    pub(in crate::cli) fn show(&self, output: &Output) {
        for line in self.lines() {
            output.note(&line);
        }
    }

    /// As [`show`](Self::show), unless nothing but the result is wanted.
    pub(in crate::cli) fn tell(&self, output: &Output) {
        for line in self.lines() {
            output.event(&line);
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for ((kind, message), places) in self.by_reason() {
            let files = if places.len() == 1 { "file" } else { "files" };
            lines.push(format!("{} {files}, {kind}: {message}", places.len()));
            lines.extend(places.iter().take(MAX_NAMED).map(|place| format!("  {place}")));
            let n_more = places.len().saturating_sub(MAX_NAMED);
            if n_more > 0 {
                lines.push(format!("  and {n_more} more"));
            }
        }
        lines
    }

    /// The places by kind and sentence.
    fn by_reason(&self) -> BTreeMap<(String, &str), Vec<&str>> {
        let mut reasons: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for (place, failure) in &self.by_place {
            let kind = match failure.reason {
                Some(reason) => format!("{} ({})", failure.code.code(), reason.code()),
                None => failure.code.code().to_owned(),
            };
            reasons.entry((kind, failure.message.as_str())).or_default().push(place);
        }
        reasons
    }
}

impl Serialize for Failures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = self.by_place.iter().map(|(path, failure)| Failed { path, failure });
        serializer.collect_seq(all)
    }
}

#[cfg(test)]
mod tests {
    use chatbot_core::{ErrorKind, Reason};

    use super::*;

    #[test]
    fn failures_are_grouped_by_what_can_be_done() {
        let scanned = DocumentFailure {
            code: ErrorKind::ParseFailed,
            reason: Some(Reason::NoTextLayer),
            message: "Run text recognition on it.".to_owned(),
        };
        let large = DocumentFailure {
            code: ErrorKind::TooLarge,
            reason: None,
            message: "Split it.".to_owned(),
        };
        let mut failures = Failures::default();
        for n in 10..32 {
            failures.add(&format!("{n}.pdf"), scanned.clone());
        }
        failures.add("a.txt", large);
        let lines = failures.lines();
        assert_eq!(lines[0], "22 files, parse_failed (no_text_layer): Run text recognition on it.");
        assert_eq!(lines[1], "  10.pdf");
        assert_eq!(lines[MAX_NAMED + 1], "  and 2 more");
        assert_eq!(lines[MAX_NAMED + 2], "1 file, too_large: Split it.");
        assert_eq!(lines[MAX_NAMED + 3], "  a.txt");
        failures.forget("a.txt");
        assert_eq!(failures.len(), 22);
    }
}
