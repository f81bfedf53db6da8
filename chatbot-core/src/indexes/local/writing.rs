//! Changes to the index: what comes in a batch becomes visible with its checkpoint, in one step.

use serde::{Deserialize, Serialize};
use tantivy::IndexWriter;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use uuid::Uuid;

use super::failure::failed;
use super::place::Place;
use super::schema::fingerprint;
use crate::error::Result;
use crate::traits::IndexBatch;
use crate::types::{Checkpoint, Lineage};

/// Terms that are held before a segment is written. Tantivy takes no less than 15 MB; what it holds beyond that buys
/// larger segments, and merging them is cheap here.
const WRITER_BYTES: usize = 15_000_000;

/// The writer, while there is one, and how far the index is.
#[derive(Debug)]
pub(super) struct Writing {
    writer: Option<Writer>,
    checkpoint: Option<Checkpoint>,
    /// Whether something was added or deleted since the last commit.
    uncommitted: bool,
}

/// Keeps tantivy's writer, which cannot be printed.
struct Writer(IndexWriter);

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

/// What each commit says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Payload {
    pub(super) made_with: String,
    lineage: Option<Uuid>,
    seq: u64,
    /// Of all the others: tantivy sums up its files, but not the one that names them, where this is written.
    checksum: u32,
}

impl Payload {
    pub(super) fn parse(json: Option<&str>) -> Option<Self> {
        let parsed: Self = serde_json::from_str(json?).ok()?;
        (parsed.sum() == parsed.checksum).then_some(parsed)
    }

    fn sum(&self) -> u32 {
        let lineage = self.lineage.map_or([0; 16], Uuid::into_bytes);
        let made_with = self.made_with.as_bytes();
        crc32fast::hash(&[&lineage, self.seq.to_le_bytes().as_slice(), made_with].concat())
    }

    pub(super) fn checkpoint(&self) -> Option<Checkpoint> {
        Some(Checkpoint { lineage: Lineage(self.lineage?), seq: self.seq })
    }

    fn new(checkpoint: Option<Checkpoint>) -> Self {
        let unsummed = Self {
            made_with: fingerprint(),
            lineage: checkpoint.map(|checkpoint| checkpoint.lineage.0),
            seq: checkpoint.map_or(0, |checkpoint| checkpoint.seq),
            checksum: 0,
        };
        Self { checksum: unsummed.sum(), ..unsummed }
    }
}

impl Writing {
    pub(super) fn new(checkpoint: Option<Checkpoint>) -> Self {
        Self { writer: None, checkpoint, uncommitted: false }
    }

    pub(super) fn checkpoint(&self) -> Option<Checkpoint> {
        self.checkpoint
    }

    /// Applies a batch; says whether there is something new to search. After a failure nothing of what was not
    /// committed is kept, so that whoever follows the feed starts again at the checkpoint.
    pub(super) fn apply(&mut self, place: &Place, batch: IndexBatch) -> Result<bool> {
        let applied = self.try_apply(place, batch);
        if applied.is_err() {
            self.forget_uncommitted();
        }
        applied
    }

    fn try_apply(&mut self, place: &Place, batch: IndexBatch) -> Result<bool> {
        let fields = *place.fields();
        let n_changes = batch.deletes.len() + batch.upserts.len();
        if n_changes > 0 {
            self.uncommitted = true;
            let writer = self.writer(place)?;
            for version in batch.deletes {
                writer.delete_term(fields.version(version));
            }
            for entry in &batch.upserts {
                writer.delete_term(fields.chunk(entry.chunk));
                writer.add_document(fields.document(entry)).map_err(failed)?;
            }
        }
        match batch.checkpoint {
            Some(checkpoint) if self.uncommitted || self.checkpoint != Some(checkpoint) => {
                self.commit(place, Some(checkpoint))?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Forgets everything, the checkpoint included.
    pub(super) fn clear(&mut self, place: &Place) -> Result<()> {
        self.forget_uncommitted();
        self.writer(place)?.delete_all_documents().map_err(failed)?;
        self.commit(place, None)
    }

    /// Lets go of the writer; merges that have begun are finished. What was not committed is, under the old
    /// checkpoint: it will come again, and applying it again changes nothing.
    pub(super) fn rest(&mut self, place: &Place) -> Result<()> {
        if self.uncommitted {
            self.commit(place, self.checkpoint)?;
        }
        match self.writer.take() {
            Some(writer) => writer.0.wait_merging_threads().map_err(failed),
            None => Ok(()),
        }
    }

    fn commit(&mut self, place: &Place, checkpoint: Option<Checkpoint>) -> Result<()> {
        let payload = serde_json::to_string(&Payload::new(checkpoint)).unwrap_or_default();
        let mut commit = self.writer(place)?.prepare_commit().map_err(failed)?;
        commit.set_payload(&payload);
        commit.commit().map_err(failed)?;
        (self.checkpoint, self.uncommitted) = (checkpoint, false);
        Ok(())
    }

    fn forget_uncommitted(&mut self) {
        // Dropping a writer drops what it has not committed, also where it is too broken to roll back.
        self.writer = None;
        self.uncommitted = false;
    }

    fn writer(&mut self, place: &Place) -> Result<&mut IndexWriter> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => Writer(new_writer(place)?),
        };
        Ok(&mut self.writer.insert(writer).0)
    }
}

fn new_writer(place: &Place) -> Result<IndexWriter> {
    let options = IndexWriterOptions::builder()
        .num_worker_threads(1)
        .num_merge_threads(1)
        .memory_budget_per_thread(WRITER_BYTES)
        .build();
    let writer: IndexWriter = place.index().writer_with_options(options).map_err(failed)?;
    writer.set_merge_policy(Box::new(merge_policy()));
    Ok(writer)
}

/// Few segments, because each costs a search about 20 µs: up to 2,000 chunks are merged whenever six segments have
/// gathered, larger ones by powers of about three; a third of deleted chunks is merged away.
fn merge_policy() -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(6);
    policy.set_min_layer_size(2_000);
    policy.set_level_log_size(1.5);
    policy.set_del_docs_ratio_before_merge(0.34);
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_that_was_changed_is_none() {
        let checkpoint = Checkpoint { lineage: Lineage(Uuid::nil()), seq: 12 };
        let json = serde_json::to_string(&Payload::new(Some(checkpoint))).unwrap();
        let parsed = Payload::parse(Some(&json)).and_then(|payload| payload.checkpoint());
        assert_eq!(parsed, Some(checkpoint));
        let changed = json.replace("\"seq\":12", "\"seq\":13");
        assert_ne!(changed, json);
        assert!(Payload::parse(Some(&changed)).is_none());
    }
}
