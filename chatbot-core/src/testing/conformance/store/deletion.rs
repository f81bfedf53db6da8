//! Deleted means deleted: from every read at once, from messages, and by and by from the disk.

use std::sync::Arc;

use super::bench::{Answering, Bench, Fresh, first, kind, lost, principal, publication, source};
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::traits::BegunTurn;
use crate::types::{BlobHash, Citation, ListDocuments, ListSessions, Message, MessageState};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn deletion(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    a_deleted_document_is_nowhere(make).await;
    a_job_of_a_deleted_document_is_void(make).await;
    messages_lose_the_text_of_deleted_documents(make).await;
    an_answer_that_ends_after_a_deletion_has_no_text_of_it(make).await;
    a_purge_empties_the_answers(make).await;
    what_was_removed_is_scrubbed(make).await;
    sweeping_names_originals_nobody_needs(make).await;
    sweeping_names_originals_without_a_row(make).await;
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
    let answer = answer_from(&turn, &[(&doomed, "secret\n"), (&kept, "open\n")]);
    let sources = answer.sources.clone();
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

/// An answer that cites these documents.
fn answer_from(turn: &BegunTurn, from: &[(&Answering, &str)]) -> Message {
    let sources: Vec<_> = from.iter().map(|(document, text)| source(document, text)).collect();
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
    Message {
        content: "An answer.".to_owned(),
        state: MessageState::Complete,
        citations: citations.collect(),
        sources: sources.clone(),
        ..turn.assistant_message.clone()
    }
}

async fn an_answer_that_ends_after_a_deletion_has_no_text_of_it(
    make: &impl AsyncFn(Arc<FixedClock>) -> Fresh,
) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let doomed = bench.add(&ada, "Doomed", "secret\n").await;
    let turn = bench.begin(&ada, "What is it?").await;
    let (lease, id) = (turn.lease.as_ref().unwrap(), doomed.document.id);
    store.note_sources(&ada, lease, [id].into()).await.unwrap();
    store.delete_document(&ada, &bench.read_set(&ada).await, id).await.unwrap();
    while store.sweep(&system, 100).await.unwrap().n_rows > 0 {}
    let stored = bench.end(&ada, &turn, answer_from(&turn, &[(&doomed, "secret\n")])).await;
    assert!(stored.sources[0].deleted && stored.sources[0].text.is_empty());
    assert!(stored.citations[0].quote.is_empty());
    let list = ListSessions { q: Some("an answer".to_owned()) };
    let found = store.sessions(&ada, &list, &first(9)).await.unwrap();
    assert!(found.items.is_empty(), "no search finds what it says");
    assert!(lost(store.note_sources(&ada, lease, [id].into()).await));
}

async fn a_purge_empties_the_answers(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let doomed = bench.add(&ada, "Doomed", "secret\n").await;
    let kept = bench.add(&ada, "Kept", "open\n").await;
    let turn = bench.begin(&ada, "What is secret?").await;
    let answer = answer_from(&turn, &[(&doomed, "secret\n"), (&kept, "open\n")]);
    let gone = bench.end(&ada, &turn, answer).await;
    let turn = bench.begin(&ada, "What is open?").await;
    let stays = bench.end(&ada, &turn, answer_from(&turn, &[(&kept, "open\n")])).await;
    let open = bench.begin(&ada, "And what is being answered?").await;
    let lease = open.lease.as_ref().unwrap();
    store.note_sources(&ada, lease, [doomed.document.id].into()).await.unwrap();
    store.append_turn(&ada, lease, "The secret is".to_owned(), super::bench::TTL).await.unwrap();

    let set = bench.read_set(&ada).await;
    store.purge_document(&ada, &set, doomed.document.id).await.unwrap();
    assert_eq!(kind(store.document(&ada, &set, doomed.document.id).await), ErrorKind::NotFound);
    for id in [gone.id, open.assistant_message.id] {
        let message = store.message(&ada, id).await.unwrap();
        assert!(message.content.is_empty() && message.sources.is_empty());
        assert!(message.citations.is_empty() && message.state.is_final());
        assert_eq!(message.warnings[0].code, "purged");
    }
    let late = store.append_turn(&ada, lease, " out".to_owned(), super::bench::TTL).await;
    assert!(lost(late), "nothing is added to it any more");
    assert_eq!(store.message(&ada, stays.id).await.unwrap().content, "An answer.");
    let listed = store.messages(&ada, gone.session_id, None, &first(9)).await.unwrap();
    assert_eq!(listed.items[0].content, "What is secret?", "the question is its writer's");
    assert_eq!(
        kind(store.purge_document(&ada, &set, doomed.document.id).await),
        ErrorKind::NotFound
    );
}

async fn what_was_removed_is_scrubbed(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let doomed = bench.add(&ada, "Doomed", "secret\n").await;
    assert_eq!(store.unscrubbed_since(&system).await.unwrap(), None);
    store.delete_document(&ada, &bench.read_set(&ada).await, doomed.document.id).await.unwrap();
    while store.sweep(&system, 100).await.unwrap().n_rows > 0 {}
    assert!(store.unscrubbed_since(&system).await.unwrap().is_some());
    store.scrub(&system).await.unwrap();
    assert_eq!(store.unscrubbed_since(&system).await.unwrap(), None);
    let next = bench.add(&ada, "Next", "open\n").await;
    assert_eq!(bench.hydrated(&ada, &next.chunks).await, ["open\n"], "and all goes on");
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

async fn sweeping_names_originals_without_a_row(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    bench.add(&ada, "A", "needed\n").await;
    let (needed, late) = (BlobHash::of(b"needed\n"), BlobHash::of(b"late\n"));
    let loose = BlobHash::of(b"its upload broke off\n");
    store.note_unreferenced(&system, vec![needed, loose, late]).await.unwrap();
    bench.add(&ada, "B", "late\n").await;
    let swept = store.sweep(&system, 1000).await.unwrap();
    assert_eq!(swept.orphans, [loose], "the others have a row, or have got one");
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
