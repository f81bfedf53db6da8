//! The feed that indexes follow, and what a rebuild reads.

use std::sync::Arc;

use uuid::Uuid;

use super::bench::{Bench, Fresh, kind, principal};
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::types::{ChangeKind, Checkpoint, Lineage, VersionId};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn changes(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    changes_come_in_order_without_gaps(make).await;
    what_every_index_has_seen_is_trimmed(make).await;
    a_rebuild_reads_what_is_live(make).await;
}

async fn changes_come_in_order_without_gaps(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    assert_eq!(store.last_change(&system).await.unwrap(), 0);
    assert_eq!(store.changes_after(&system, 0, 9).await.unwrap(), Some(Vec::new()));
    let one = bench.add(&ada, "1", "1\n").await;
    let two = bench.add(&ada, "2", "2\n").await;
    let set = bench.read_set(&ada).await;
    store.delete_document(&ada, &set, one.document.id).await.unwrap();
    let all = store.changes_after(&system, 0, 9).await.unwrap().unwrap();
    let numbers: Vec<u64> = all.iter().map(|change| change.seq).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!((one.seq, two.seq), (1, 2));
    assert_eq!(store.last_change(&system).await.unwrap(), 3);
    assert!(
        matches!(all[2].kind, ChangeKind::Deleted { document, .. } if document == one.document.id)
    );
    let some = store.changes_after(&system, 1, 1).await.unwrap().unwrap();
    assert_eq!(some, all[1..2]);
    assert_eq!(store.changes_after(&system, 4, 9).await.unwrap(), None, "ahead of the store");

    // What was never seen leaves nothing to undo.
    let waiting = bench.accept(&ada, "3", "3\n").await.document.id;
    store.delete_document(&ada, &set, waiting).await.unwrap();
    assert_eq!(store.last_change(&system).await.unwrap(), 3);
}

async fn what_every_index_has_seen_is_trimmed(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    for n in 0..4 {
        bench.add(&ada, &n.to_string(), &format!("{n}\n")).await;
    }
    let lineage = store.lineage(&system).await.unwrap();
    let note = async |index: &str, seq| {
        store.record_checkpoint(&system, index, Checkpoint { lineage, seq }).await.unwrap();
    };
    note("slow", 1).await;
    note("fast", 4).await;
    assert_eq!(store.changes_after(&system, 0, 9).await.unwrap(), None, "it must be rebuilt");
    assert_eq!(store.changes_after(&system, 1, 9).await.unwrap().map(|some| some.len()), Some(3));
    note("slow", 4).await;
    assert_eq!(store.changes_after(&system, 1, 9).await.unwrap(), None);
    assert_eq!(store.changes_after(&system, 4, 9).await.unwrap(), Some(Vec::new()));
    let next = bench.add(&ada, "next", "next\n").await;
    assert_eq!(next.seq, 5, "a number is never used again");

    store.forget_checkpoints(&system, &["fast"]).await.unwrap();
    note("fast", 5).await;
    let behind = store.changes_after(&system, 4, 9).await.unwrap();
    assert_eq!(behind, None, "an index that is no longer used holds nothing back");

    let other = Checkpoint { lineage: Lineage(Uuid::nil()), seq: 5 };
    let refused = store.record_checkpoint(&system, "fast", other).await;
    assert_eq!(kind(refused), ErrorKind::Conflict, "another life's numbers mean nothing");
}

async fn a_rebuild_reads_what_is_live(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let mut live = Vec::new();
    for n in 0..3 {
        live.push(bench.add(&ada, &n.to_string(), &format!("{n}\nand {n}\n")).await);
    }
    bench.accept(&ada, "waiting", "waiting\n").await;
    let set = bench.read_set(&ada).await;
    let gone = live.remove(1);
    let gone_version = store.versions(&ada, &set, gone.document.id).await.unwrap()[0].id.unwrap();
    store.delete_document(&ada, &set, gone.document.id).await.unwrap();

    let mut seen = Vec::new();
    let mut after: Option<VersionId> = None;
    loop {
        let some = store.live_versions(&system, after, 1).await.unwrap();
        let Some(last) = some.last() else { break };
        after = Some(last.version);
        seen.extend(some);
    }
    assert!(seen.is_sorted_by_key(|found| found.version));
    let mut documents: Vec<_> = seen.iter().map(|found| found.document).collect();
    documents.sort();
    assert_eq!(documents, [live[0].document.id, live[1].document.id]);
    let chunks = store.chunks_of(&system, seen[0].version, 1, 9).await.unwrap();
    let texts: Vec<&str> = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
    assert_eq!(texts, ["and 0\n"]);
    assert!(store.chunks_of(&system, gone_version, 0, 9).await.unwrap().is_empty());
}
