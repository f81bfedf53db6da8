//! Copies for backups: what is in one, and what it refers to.

use std::sync::Arc;

use super::bench::{Bench, Fresh, kind, principal, upload};
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::traits::StoreCopy;
use crate::types::{BlobHash, StoreCounts};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn snapshots(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    a_copy_holds_what_can_be_read(make).await;
    each_original_is_named_once(make).await;
    what_was_acknowledged_is_copied_while_others_write(make).await;
    a_copy_replaces_nothing_and_can_be_stopped(make).await;
}

async fn copy(bench: &Bench) -> StoreCopy {
    let folder = tempfile::tempdir().unwrap();
    bench.store.copy_to(&Context::system(), &folder.path().join("copy")).await.unwrap()
}

fn hashes(copy: &StoreCopy) -> Vec<BlobHash> {
    copy.originals.iter().map(|blob| blob.hash).collect()
}

async fn a_copy_holds_what_can_be_read(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system) = (principal("ada"), Context::system());
    let empty = copy(&bench).await;
    assert_eq!((empty.counts, empty.originals.len()), (StoreCounts::default(), 0));
    let doomed = bench.add(&ada, "A", "doomed\n").await;
    let kept = bench.add(&ada, "B", "one\ntwo\n").await;
    let turn = bench.begin(&ada, "Which?").await;
    bench.answer(&ada, &turn, "This one.").await;
    bench.begin(&ada, "And now?").await;
    let set = bench.read_set(&ada).await;
    bench.store.delete_document(&ada, &set, doomed.document.id).await.unwrap();
    let copy = copy(&bench).await;
    let counts = StoreCounts { collections: 1, documents: 1, chunks: 2, sessions: 2, messages: 4 };
    assert_eq!(copy.counts, counts);
    assert_eq!(hashes(&copy), [kept.document.sha256], "deleted means deleted");
    assert_eq!(copy.originals[0].size_bytes, 8);
    assert_eq!(copy.lineage, bench.store.lineage(&system).await.unwrap());
    assert!(copy.schema_version > 0 && copy.schema_version == empty.schema_version);
}

async fn each_original_is_named_once(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let ada = principal("ada");
    let live = bench.add(&ada, "A", "old\n").await;
    bench.replace(&ada, live.document.id, "new\n").await;
    let elsewhere = bench.collection(&ada, "Elsewhere").await;
    bench.store.accept_document(&ada, upload(elsewhere, "B", "new\n")).await.unwrap();
    let mut both = [BlobHash::of(b"old\n"), BlobHash::of(b"new\n")];
    both.sort_unstable_by_key(|hash| *hash.as_bytes());
    assert_eq!(hashes(&copy(&bench).await), both, "one answers, the other is worked on");
}

async fn what_was_acknowledged_is_copied_while_others_write(
    make: &impl AsyncFn(Arc<FixedClock>) -> Fresh,
) {
    let bench = Bench::new(make).await;
    let ada = principal("ada");
    for number in 0..20 {
        bench.accept(&ada, &format!("before {number}"), &format!("before {number}")).await;
    }
    let write = async {
        for number in 0..20 {
            bench.accept(&ada, &format!("during {number}"), &format!("during {number}")).await;
        }
    };
    let (copy, ()) = tokio::join!(copy(&bench), write);
    assert!((20..=40).contains(&copy.counts.documents), "{copy:?}");
    assert_eq!(copy.originals.len() as u64, copy.counts.documents, "each with its original");
}

async fn a_copy_replaces_nothing_and_can_be_stopped(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there");
    std::fs::write(&there, "something else").unwrap();
    bench.store.copy_to(&Context::system(), &there).await.unwrap_err();
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "something else");
    let stopped = Context::system();
    stopped.cancel();
    let refused = bench.store.copy_to(&stopped, &folder.path().join("new")).await;
    assert_eq!(kind(refused), ErrorKind::Cancelled);
}
