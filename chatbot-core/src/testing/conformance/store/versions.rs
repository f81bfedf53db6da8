//! New versions of a document: the old one answers until the new one does.

use std::sync::Arc;

use super::bench::{Bench, Fresh, first, kind, lost, principal};
use super::documents::failure;
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::types::{ChangeKind, DocumentStatus, JobOutcome, Span, Stage};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn versions(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    the_old_version_answers_until_the_new_one_does(make).await;
    a_version_that_fails_leaves_the_old_one(make).await;
    a_newer_upload_cancels_the_one_in_the_making(make).await;
    what_has_answered_can_be_quoted_until_its_document_goes(make).await;
    the_same_bytes_change_nothing(make).await;
    reindexing_makes_the_next_version(make).await;
    a_kept_version_can_be_restored(make).await;
}

async fn a_kept_version_can_be_restored(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store, system) = (principal("ada"), &bench.store, Context::system());
    store.keep_versions(&system, 1).await.unwrap();
    let old = bench.add(&ada, "A", "same\nold\n").await;
    let id = old.document.id;
    bench.replace(&ada, id, "same\nnew\nnewer\n").await;
    let (_, _, seq) = bench.work("same\nnew\nnewer\n").await;
    while store.sweep(&system, 100).await.unwrap().n_rows > 0 {}
    let set = bench.read_set(&ada).await;
    let versions = store.versions(&ada, &set, id).await.unwrap();
    let changes = versions[0].changes.unwrap();
    let counted = (changes.since_version, changes.kept, changes.added, changes.removed);
    assert_eq!(counted, (1, 1, 2, 1));
    assert!(versions[1].restorable && !versions[0].restorable);

    bench.replace(&ada, id, "in the making\n").await;
    let job = bench.lease().await;
    let back = store.restore_version(&ada, &set, id, 1).await.unwrap();
    assert_eq!((back.version, back.status, back.stage), (1, DocumentStatus::Ready, None));
    assert!(lost(store.stage_text(&system, &job.lease, 0, "x".to_owned()).await));
    assert_eq!(bench.hydrated(&ada, &old.chunks).await, ["same\n", "old\n"]);
    let told = store.changes_after(&system, seq, 9).await.unwrap().unwrap();
    assert!(matches!(told[0].kind, ChangeKind::Published { version, replaced, .. }
        if Some(version) == versions[1].id && replaced == versions[0].id));
    store.restore_version(&ada, &set, id, 1).await.unwrap();
    assert_eq!(store.last_change(&system).await.unwrap(), told[0].seq, "it is live already");
    assert_eq!(kind(store.restore_version(&ada, &set, id, 3).await), ErrorKind::NotFound);

    store.keep_versions(&system, 0).await.unwrap();
    while store.sweep(&system, 100).await.unwrap().n_rows > 0 {}
    assert_eq!(kind(store.restore_version(&ada, &set, id, 2).await), ErrorKind::Conflict);
    let quoted = store.text(&ada, &set, id, Some(2), None).await.unwrap();
    assert_eq!(quoted, "same\nnew\nnewer\n");
    assert_eq!(bench.hydrated(&ada, &old.chunks).await, ["same\n", "old\n"]);
}

async fn the_old_version_answers_until_the_new_one_does(
    make: &impl AsyncFn(Arc<FixedClock>) -> Fresh,
) {
    let bench = Bench::new(make).await;
    let (ada, store, system) = (principal("ada"), &bench.store, Context::system());
    let old = bench.add(&ada, "A", "old one\n").await;
    let id = old.document.id;
    bench.replace(&ada, id, "new one\n").await;
    let job = bench.lease().await;
    store.set_stage(&system, &job.lease, Stage::Parsing, 0.25).await.unwrap();
    let fresh = bench.stage(&job, "new one\n").await;

    let set = bench.read_set(&ada).await;
    let shown = bench.document(&ada, id).await;
    assert_eq!((shown.status, shown.version), (DocumentStatus::Ready, 1));
    assert_eq!(shown.stage, Some(Stage::Parsing), "and says what is being done");
    assert_eq!(bench.hydrated(&ada, &[old.chunks[0], fresh[0]]).await, ["old one\n"]);
    assert_eq!(store.text(&ada, &set, id, None, None).await.unwrap(), "old one\n");
    let unseen = store.text(&ada, &set, id, Some(2), None).await;
    assert_eq!(kind(unseen), ErrorKind::NotFound, "a version is whole or invisible");

    let seq = bench.publish(&job, "new one\n").await;
    assert_eq!(bench.publish(&job, "new one\n").await, seq, "publishing again changes nothing");
    assert_eq!(bench.hydrated(&ada, &[old.chunks[0], fresh[0]]).await, ["new one\n"]);
    let late = store.stage_text(&system, &job.lease, 0, "x".to_owned()).await;
    assert_eq!(kind(late), ErrorKind::Conflict, "what answers is not written over");
    bench.finish(&job, JobOutcome::Ready).await;
    let shown = bench.document(&ada, id).await;
    assert_eq!((shown.status, shown.version, shown.stage), (DocumentStatus::Ready, 2, None));

    let versions = store.versions(&ada, &set, id).await.unwrap();
    let numbers: Vec<_> = versions.iter().map(|version| (version.version, version.live)).collect();
    assert_eq!(numbers, [(2, true), (1, false)]);
    let changes = store.changes_after(&system, old.seq, 9).await.unwrap().unwrap();
    assert_eq!(changes.len(), 1);
    assert!(matches!(changes[0].kind, ChangeKind::Published { document, version, replaced, .. }
        if document == id && version == job.version && replaced == versions[1].id));
    let chunks = store.chunks(&ada, &set, id, Some(2), &first(5)).await.unwrap();
    assert_eq!(chunks.items[0].text, "new one\n");
}

async fn a_version_that_fails_leaves_the_old_one(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let ada = principal("ada");
    let old = bench.add(&ada, "A", "old\n").await;
    bench.replace(&ada, old.document.id, "broken\n").await;
    let job = bench.lease().await;
    bench.finish(&job, JobOutcome::Failed(failure("damaged"))).await;
    let shown = bench.document(&ada, old.document.id).await;
    assert_eq!((shown.status, shown.version), (DocumentStatus::Ready, 1));
    assert_eq!(shown.error.map(|error| error.message), Some("damaged".to_owned()));
    assert_eq!(bench.hydrated(&ada, &old.chunks).await, ["old\n"]);
}

async fn a_newer_upload_cancels_the_one_in_the_making(
    make: &impl AsyncFn(Arc<FixedClock>) -> Fresh,
) {
    let bench = Bench::new(make).await;
    let ada = principal("ada");
    let id = bench.accept(&ada, "A", "one\n").await.document.id;
    let overtaken = bench.lease().await;
    bench.stage(&overtaken, "one\n").await;
    bench.replace(&ada, id, "two\n").await;
    let publish = super::bench::publication(&overtaken, "one\n");
    let late = bench.store.publish_version(&Context::system(), &overtaken.lease, publish).await;
    assert!(lost(late));
    let (_, chunks, _) = bench.work("two\n").await;
    assert_eq!(bench.hydrated(&ada, &chunks).await, ["two\n"]);
    assert_eq!(bench.document(&ada, id).await.version, 2);
}

async fn what_has_answered_can_be_quoted_until_its_document_goes(
    make: &impl AsyncFn(Arc<FixedClock>) -> Fresh,
) {
    let bench = Bench::new(make).await;
    let (ada, bob, store, system) =
        (principal("ada"), principal("bob"), &bench.store, Context::system());
    let old = bench.add(&ada, "A", "old one\n").await;
    let id = old.document.id;
    bench.replace(&ada, id, "broken\n").await;
    let job = bench.lease().await;
    bench.stage(&job, "broken\n").await;
    bench.finish(&job, JobOutcome::Failed(failure("damaged"))).await;
    bench.replace(&ada, id, "new one\n").await;
    bench.work("new one\n").await;
    while store.sweep(&system, 100).await.unwrap().n_rows > 0 {}

    let (set, bobs) = (bench.read_set(&ada).await, bench.read_set(&bob).await);
    let text = async |set, version, span| store.text(&ada, set, id, Some(version), span).await;
    assert_eq!(text(&set, 1, None).await.unwrap(), "old one\n");
    assert_eq!(text(&set, 1, Some(Span::new(4, 7))).await.unwrap(), "one");
    assert_eq!(text(&set, 3, None).await.unwrap(), "new one\n");
    assert_eq!(kind(text(&set, 2, None).await), ErrorKind::NotFound, "it never answered");
    assert_eq!(kind(text(&bobs, 1, None).await), ErrorKind::NotFound);
    assert!(bench.hydrated(&ada, &old.chunks).await.is_empty(), "it answers no search");
    let chunks = store.chunks(&ada, &set, id, Some(1), &first(5)).await;
    assert_eq!(kind(chunks), ErrorKind::NotFound);
    store.delete_document(&ada, &set, id).await.unwrap();
    assert_eq!(kind(text(&set, 1, None).await), ErrorKind::NotFound);
}

async fn the_same_bytes_change_nothing(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system) = (principal("ada"), Context::system());
    let old = bench.add(&ada, "A", "one\n").await;
    let again = bench.replace(&ada, old.document.id, "one\n").await;
    assert_eq!((again.job, again.document.version), (None, 1));

    // Back to what answers, while another version is in the making: that one is stopped.
    let two = bench.replace(&ada, old.document.id, "two\n").await;
    let twice = bench.replace(&ada, old.document.id, "two\n").await;
    assert_eq!((twice.job, twice.document.duplicate), (two.job, true), "the work on them goes on");
    let back = bench.replace(&ada, old.document.id, "one\n").await;
    assert_eq!((back.job, back.document.status), (None, DocumentStatus::Ready));
    assert_eq!(bench.store.next_job_due(&system).await.unwrap(), None);
    assert_eq!(bench.hydrated(&ada, &old.chunks).await, ["one\n"]);
}

async fn reindexing_makes_the_next_version(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let old = bench.add(&ada, "A", "text\n").await;
    let set = bench.read_set(&ada).await;
    let queued = store.reindex_document(&ada, &set, old.document.id).await.unwrap();
    assert_eq!(queued.document.status, DocumentStatus::Ready, "it answers meanwhile");
    let twice = store.reindex_document(&ada, &set, old.document.id).await.unwrap();
    assert_eq!(queued.job, twice.job, "what waits is not queued twice");
    let (job, ..) = bench.work("text\n").await;
    assert_eq!(job.blob, old.document.sha256);
    assert_eq!(bench.document(&ada, old.document.id).await.version, 2);
}
