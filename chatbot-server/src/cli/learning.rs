//! Waiting until documents answer by meaning, and saying how long that will take.

use std::time::Instant;

use chatbot_core::types::Document;
use chatbot_core::{ErrorKind, Result};
use futures_util::StreamExt as _;

use super::client::Client;
use super::ingest::api::states;
use super::output::Output;
use super::progress::left;

/// Follows each document until nothing more happens to it. One that somebody removes meanwhile stays as it was.
pub(super) async fn finish(
    client: &Client,
    documents: &mut [Document],
    output: &Output,
) -> Result<()> {
    let mut learning = Learning::new(documents);
    for document in documents.iter_mut().filter(|document| n_missing(document) > 0) {
        let mut states = match states(client, document.id).await {
            Ok(states) => Box::pin(states),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        while let Some(next) = states.next().await {
            let next = next?;
            learning.note(n_missing(document), n_missing(&next));
            *document = Document { duplicate: document.duplicate, ..next };
            output.progress(&learning.line());
        }
    }
    Ok(())
}

/// Passages of a document that are found by their words only.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a count, between 0 and the count"
)]
fn n_missing(document: &Document) -> u64 {
    let share = f64::from((1.0 - document.coverage.dense).clamp(0.0, 1.0));
    (f64::from(document.chunk_count) * share).round() as u64
}

struct Learning {
    began: Instant,
    n_total: u64,
    /// Passages that lacked their meaning at the beginning.
    n_missing: u64,
    n_learned: u64,
}

impl Learning {
    fn new(documents: &[Document]) -> Self {
        Self {
            began: Instant::now(),
            n_total: documents.iter().map(|document| u64::from(document.chunk_count)).sum(),
            n_missing: documents.iter().map(n_missing).sum(),
            n_learned: 0,
        }
    }

    const fn note(&mut self, before: u64, now: u64) {
        self.n_learned += before.saturating_sub(now);
    }

    fn line(&self) -> String {
        let n_left = self.n_missing.saturating_sub(self.n_learned);
        let n_done = self.n_total.saturating_sub(n_left);
        let line = format!("{n_done} of {} passages are found by meaning too", self.n_total);
        match left(self.began.elapsed().as_secs_f64(), self.n_learned, n_left) {
            Some(left) => format!("{line}, about {left} left"),
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_counts_as_done() {
        let learning = Learning { began: Instant::now(), n_total: 10, n_missing: 4, n_learned: 4 };
        assert_eq!(learning.line(), "10 of 10 passages are found by meaning too");
    }
}
