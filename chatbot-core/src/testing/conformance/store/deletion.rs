//! Deleted means deleted: from every read at once, from messages, and by and by from the disk.

use std::sync::Arc;

use super::bench::{Bench, Fresh, first, kind, lost, principal, publication, source};
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::types::{BlobHash, Citation, ListDocuments, Message, MessageState};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn deletion(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    a_deleted_document_is_nowhere(make).await;
    a_job_of_a_deleted_document_is_void(make).await;
    messages_lose_the_text_of_deleted_documents(make).await;
    sweeping_names_originals_nobody_needs(make).await;
    sweeping_goes_in_steps(make).await;
    sweeping_spares_what_is_needed(make).await;
}

async fn a_deleted_document_is_nowhere(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let doomed = bench.add(&ada, "A", "text\n").await;
    let (set, id) = (bench.read_set(&ada).await, doomed.document.id);
    store.delete_document(&ada, &set, id).await.unwrap();
    assert_eq!(kind(store.document(&ada, &set, id).await), ErrorKind::NotFound);
    assert_eq!(kind(store.versions(&ada, &set, id).await), ErrorKind::NotFound);
    assert_eq!(kind(store.text(&ada, &set, id, None, None).await), ErrorKind::NotFound);
    assert_eq!(kind(store.delete_document(&ada, &set, id).await), ErrorKind::NotFound);
    assert!(bench.hydrated(&ada, &doomed.chunks).await.is_empty());
    let list = store.documents(&ada, &set, &ListDocuments::default(), &first(9)).await.unwrap();
    assert!(list.items.is_empty());
    let collection = doomed.document.collection_id;
    let counted = store.collection(&ada, &set, collection).await.unwrap();
    assert_eq!(counted.document_count, 0);
    let again = bench.accept(&ada, "A", "text\n").await;
    assert!(!again.document.duplicate && again.document.id != id, "it is no duplicate of it");
}

async fn a_job_of_a_deleted_document_is_void(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let id = bench.accept(&ada, "A", "text\n").await.document.id;
    let job = bench.lease().await;
    let chunks = bench.stage(&job, "text\n").await;
    store.delete_document(&ada, &bench.read_set(&ada).await, id).await.unwrap();
    let late = store.publish_version(&system, &job.lease, publication(&job, "text\n")).await;
    assert!(lost(late));
    assert!(bench.hydrated(&ada, &chunks).await.is_empty());
    assert_eq!(store.last_change(&system).await.unwrap(), 0);
}

async fn messages_lose_the_text_of_deleted_documents(
    make: &impl AsyncFn(Arc<FixedClock>) -> Fresh,
) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let doomed = bench.add(&ada, "Doomed", "secret\n").await;
    let kept = bench.add(&ada, "Kept", "open\n").await;
    let turn = bench.begin(&ada, "What is secret?").await;
    let sources = vec![source(&doomed, "secret\n"), source(&kept, "open\n")];
    let citations = sources.iter().map(|source| Citation {
        index: source.index,
        text_start: 0,
        text_end: 3,
        quote: source.text.clone(),
        document_id: source.document_id,
        document_version: 1,
        page: None,
        byte_start: 0,
        byte_end: source.byte_end,
        verified: true,
    });
    let answer = Message {
        content: "An answer.".to_owned(),
        state: MessageState::Complete,
        citations: citations.collect(),
        sources: sources.clone(),
        ..turn.assistant_message.clone()
    };
    let stored = bench.end(&ada, &turn, answer).await;
    assert_eq!(stored.sources, sources);

    store.delete_document(&ada, &bench.read_set(&ada).await, doomed.document.id).await.unwrap();
    let at_once = store.message(&ada, stored.id).await.unwrap();
    while store.sweep(&system, 100).await.unwrap().n_rows > 0 {}
    let swept = store.message(&ada, stored.id).await.unwrap();
    for message in [&at_once, &swept] {
        assert_eq!(message.content, "An answer.", "the answer stays for its reader");
        let shown: Vec<_> = message.sources.iter().map(|s| (s.deleted, s.text.as_str())).collect();
        assert_eq!(shown, [(true, ""), (false, "open\n")]);
        let quotes: Vec<&str> = message.citations.iter().map(|c| c.quote.as_str()).collect();
        assert_eq!(quotes, ["", "open\n"]);
        assert_eq!(message.sources[0].title, "Doomed");
    }
    let listed = store.messages(&ada, turn.session.id, None, &first(9)).await.unwrap();
    assert!(listed.items[1].sources[0].deleted);
}

async fn sweeping_names_originals_nobody_needs(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let doomed = bench.add(&ada, "A", "only here\n").await;
    let shared = bench.add(&ada, "B", "in two places\n").await;
    bench.add(&ada, "C", "in two places\n").await;
    let set = bench.read_set(&ada).await;
    assert_eq!(store.sweep(&system, 1000).await.unwrap(), crate::traits::Swept::default());
    for id in [doomed.document.id, shared.document.id] {
        store.delete_document(&ada, &set, id).await.unwrap();
    }
    let swept = store.sweep(&system, 1000).await.unwrap();
    assert!(swept.n_rows > 0);
    assert_eq!(swept.orphans, [BlobHash::of(b"only here\n")], "the other is still needed");
    let again = store.sweep(&system, 1000).await.unwrap();
    assert!(again.orphans.is_empty(), "whoever sweeps again has deleted them");
}

async fn sweeping_goes_in_steps(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let text = "a line\n".repeat(3000);
    let doomed = bench.add(&ada, "A", &text).await;
    store.delete_document(&ada, &bench.read_set(&ada).await, doomed.document.id).await.unwrap();
    let mut steps = 0;
    let mut rows = 0;
    loop {
        let swept = store.sweep(&system, 100).await.unwrap();
        if swept.n_rows == 0 {
            break;
        }
        rows += swept.n_rows;
        steps += 1;
    }
    assert!(rows >= 3000 && steps > 1, "{rows} rows in {steps} steps");
}

async fn sweeping_spares_what_is_needed(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let replaced = bench.add(&ada, "A", "old\n").await;
    bench.replace(&ada, replaced.document.id, "new\n").await;
    let (_, chunks, _) = bench.work("new\n").await;
    let failed = bench.accept(&ada, "B", "failed\n").await.document.id;
    let job = bench.lease().await;
    bench.stage(&job, "failed\n").await;
    let failure = super::documents::failure("damaged");
    bench.finish(&job, crate::types::JobOutcome::Failed(failure)).await;

    let swept = store.sweep(&system, 1000).await.unwrap();
    assert_eq!(swept.orphans, [BlobHash::of(b"old\n")], "what failed can be tried again");
    assert_eq!(bench.hydrated(&ada, &chunks).await, ["new\n"]);
    let set = bench.read_set(&ada).await;
    let versions = store.versions(&ada, &set, replaced.document.id).await.unwrap();
    assert_eq!(versions.len(), 2, "the history stays");
    store.reindex_document(&ada, &set, failed).await.unwrap();
    let (_, chunks, _) = bench.work("failed\n").await;
    while store.sweep(&system, 1000).await.unwrap().n_rows > 0 {}
    assert_eq!(bench.hydrated(&ada, &chunks).await, ["failed\n"]);
}
