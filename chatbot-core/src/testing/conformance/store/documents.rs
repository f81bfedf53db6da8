//! Documents: taken in, shown, listed, changed, cancelled.

use std::collections::HashSet;
use std::sync::Arc;

use super::bench::{Bench, Fresh, first, key, kind, metadata, principal, publication, upload};
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::types::{
    ChangeKind, DocumentFailure, DocumentId, DocumentPatch, DocumentStatus, Filter, JobOutcome,
    ListDocuments, PageRequest, Stage,
};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn documents(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    a_document_goes_from_queued_to_ready(make).await;
    the_same_again_is_a_duplicate(make).await;
    what_failed_is_tried_again(make).await;
    keys_make_uploads_happen_once(make).await;
    lists_are_paged_and_narrowed(make).await;
    lists_bear_documents_that_come_and_go(make).await;
    readers_see_only_what_is_theirs(make).await;
    changes_by_the_host_last(make).await;
    a_moved_document_is_the_same(make).await;
    metadata_are_filtered(make).await;
    work_can_be_cancelled(make).await;
}

async fn a_document_goes_from_queued_to_ready(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system) = (principal("ada"), Context::system());
    let accepted = bench.accept(&ada, "Title", "text\n").await;
    let id = accepted.document.id;
    assert!(accepted.job.is_some() && !accepted.document.duplicate);
    assert_eq!(accepted.document.status, DocumentStatus::Queued);
    assert_eq!((accepted.document.title.as_str(), accepted.document.version), ("Title", 1));

    let job = bench.lease().await;
    assert_eq!((job.document, job.title.as_deref()), (id, Some("Title")));
    bench.store.set_stage(&system, &job.lease, Stage::Chunking, 0.5).await.unwrap();
    let shown = bench.document(&ada, id).await;
    assert_eq!(shown.status, DocumentStatus::Processing);
    assert_eq!((shown.stage, shown.progress), (Some(Stage::Chunking), 0.5));
    assert_eq!(shown.coverage.lexical, 0.0);

    bench.stage(&job, "text\n").await;
    bench.publish(&job, "text\n").await;
    bench.finish(&job, JobOutcome::Ready).await;
    let shown = bench.document(&ada, id).await;
    assert_eq!((shown.status, shown.stage), (DocumentStatus::Ready, None));
    assert_eq!((shown.coverage.lexical, shown.coverage.dense), (1.0, 1.0));
    assert_eq!((shown.chunk_count, shown.page_count), (1, Some(2)));
    assert_eq!(shown.language.as_deref(), Some("eng"));
    assert_eq!(shown.title, "Title", "the host's title stays");
    let collection = shown.collection_id;
    let set = bench.read_set(&ada).await;
    let counted = bench.store.collection(&ada, &set, collection).await.unwrap();
    assert_eq!(counted.document_count, 1);
}

async fn the_same_again_is_a_duplicate(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let one = bench.accept(&ada, "A", "same\n").await;
    let again = bench.accept(&ada, "A", "same\n").await;
    assert_eq!((again.document.id, again.document.duplicate), (one.document.id, true));
    assert_eq!(again.job, None);
    let other_title = bench.accept(&ada, "B", "same\n").await;
    assert_ne!(other_title.document.id, one.document.id);
    let other_place = upload(bench.collection(&ada, "Elsewhere").await, "A", "same\n");
    let other_place = store.accept_document(&ada, other_place).await.unwrap();
    assert!(!other_place.document.duplicate);

    let collection = bench.default_collection(&ada).await;
    let untitled = |source: &str| {
        let source = source.to_owned();
        crate::traits::AcceptDocument { title: None, source, ..upload(collection, "", "same\n") }
    };
    let named = store.accept_document(&ada, untitled("x/report.txt")).await.unwrap();
    assert!(!named.document.duplicate, "a title that was given is another than none");
    assert_eq!(named.document.title, "report.txt");
    let again = store.accept_document(&ada, untitled("x/report.txt")).await.unwrap();
    assert_eq!(again.document.id, named.document.id);
    let elsewhere = store.accept_document(&ada, untitled("y/report.txt")).await.unwrap();
    assert!(!elsewhere.document.duplicate);
}

async fn what_failed_is_tried_again(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let ada = principal("ada");
    let id = bench.accept(&ada, "A", "same\n").await.document.id;
    let job = bench.lease().await;
    bench.finish(&job, JobOutcome::Failed(failure("encrypted"))).await;
    let shown = bench.document(&ada, id).await;
    assert_eq!(shown.status, DocumentStatus::Failed);
    assert_eq!(shown.error.map(|error| error.message), Some("encrypted".to_owned()));

    let again = bench.accept(&ada, "A", "same\n").await;
    assert_eq!((again.document.id, again.document.status), (id, DocumentStatus::Queued));
    assert!(again.job.is_some());
    bench.work("same\n").await;
    let shown = bench.document(&ada, id).await;
    assert_eq!((shown.status, shown.error, shown.version), (DocumentStatus::Ready, None, 1));
}

async fn keys_make_uploads_happen_once(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let collection = bench.default_collection(&ada).await;
    let keyed = |title: &str, body| {
        let idempotency = Some(key("upload", body));
        crate::traits::AcceptDocument { idempotency, ..upload(collection, title, "text\n") }
    };
    let (one, two) = tokio::join!(
        store.accept_document(&ada, keyed("A", 1)),
        store.accept_document(&ada, keyed("A", 1))
    );
    assert_eq!(one.unwrap().document.id, two.unwrap().document.id);
    let other = store.accept_document(&ada, keyed("B", 2)).await;
    assert_eq!(kind(other), ErrorKind::Conflict);
}

async fn lists_are_paged_and_narrowed(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    for n in 0..5 {
        bench.accept(&ada, &format!("Größe {n}"), &format!("{n}\n")).await;
    }
    let other = bench.collection(&ada, "Other").await;
    store.accept_document(&ada, upload(other, "Elsewhere", "e\n")).await.unwrap();
    bench.work("0\n").await;
    let set = bench.read_set(&ada).await;
    let titles = async |list: ListDocuments| -> Vec<String> {
        let page = store.documents(&ada, &set, &list, &first(50)).await.unwrap();
        page.items.into_iter().map(|document| document.title).collect()
    };
    let all = titles(ListDocuments::default()).await;
    assert_eq!(all.len(), 6);
    assert_eq!((all[0].as_str(), all[5].as_str()), ("Elsewhere", "Größe 0"), "newest first");
    let narrowed = ListDocuments { collection_id: Some(other), ..ListDocuments::default() };
    assert_eq!(titles(narrowed).await, ["Elsewhere"]);
    let status = Some(DocumentStatus::Ready);
    assert_eq!(titles(ListDocuments { status, ..ListDocuments::default() }).await, ["Größe 0"]);
    let q = Some("GRÖSSE".to_owned());
    assert!(titles(ListDocuments { q, ..ListDocuments::default() }).await.is_empty());
    let q = Some("GRÖße 3".to_owned());
    assert_eq!(titles(ListDocuments { q, ..ListDocuments::default() }).await, ["Größe 3"]);
    let q = Some("%".to_owned());
    assert!(titles(ListDocuments { q, ..ListDocuments::default() }).await.is_empty());
    let foreign = PageRequest::new(2, Some(crate::types::Cursor::new("nonsense"))).unwrap();
    let refused = store.documents(&ada, &set, &ListDocuments::default(), &foreign).await;
    assert_eq!(kind(refused), ErrorKind::InvalidInput);
}

async fn lists_bear_documents_that_come_and_go(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let mut ids: Vec<DocumentId> = Vec::new();
    for n in 0..6 {
        ids.push(bench.accept(&ada, &n.to_string(), &format!("{n}\n")).await.document.id);
    }
    let set = bench.read_set(&ada).await;
    let list = ListDocuments::default();
    let page = store.documents(&ada, &set, &list, &first(2)).await.unwrap();
    let mut seen: Vec<DocumentId> = page.items.iter().map(|document| document.id).collect();
    bench.accept(&ada, "new", "new\n").await;
    store.delete_document(&ada, &set, seen[1]).await.unwrap();
    store.delete_document(&ada, &set, ids[2]).await.unwrap();
    let mut cursor = page.next_cursor;
    while let Some(at) = cursor {
        let page = PageRequest::new(2, Some(at)).unwrap();
        let page = store.documents(&ada, &set, &list, &page).await.unwrap();
        seen.extend(page.items.iter().map(|document| document.id));
        cursor = page.next_cursor;
    }
    assert_eq!(seen, [ids[5], ids[4], ids[3], ids[1], ids[0]]);
}

async fn readers_see_only_what_is_theirs(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, bob, store) = (principal("ada"), principal("bob"), &bench.store);
    let adas = bench.add(&ada, "Ada's", "ada's secret\n").await;
    let bobs = bench.add(&bob, "Bob's", "bob's secret\n").await;
    let (set, id) = (bench.read_set(&bob).await, adas.document.id);

    assert_eq!(kind(store.document(&bob, &set, id).await), ErrorKind::NotFound);
    assert_eq!(kind(store.versions(&bob, &set, id).await), ErrorKind::NotFound);
    assert_eq!(kind(store.text(&bob, &set, id, None, None).await), ErrorKind::NotFound);
    assert_eq!(kind(store.chunks(&bob, &set, id, None, &first(9)).await), ErrorKind::NotFound);
    assert_eq!(kind(store.delete_document(&bob, &set, id).await), ErrorKind::NotFound);
    assert_eq!(kind(store.cancel_document(&bob, &set, id).await), ErrorKind::NotFound);
    assert_eq!(kind(store.reindex_document(&bob, &set, id).await), ErrorKind::NotFound);
    let patch = DocumentPatch::default();
    assert_eq!(kind(store.update_document(&bob, &set, id, patch).await), ErrorKind::NotFound);

    let both = [adas.chunks[0], bobs.chunks[0]];
    assert_eq!(bench.hydrated(&bob, &both).await, ["bob's secret\n"]);
    let listed = store.documents(&bob, &set, &ListDocuments::default(), &first(1)).await.unwrap();
    assert_eq!(listed.items.len(), 1, "the limit counts what may be read");
    assert_eq!((listed.items[0].id, listed.next_cursor), (bobs.document.id, None));
    let nothing = set.narrowed(&[]);
    assert!(store.hydrate(&bob, &nothing, &both).await.unwrap().is_empty());
    let elsewhere = Filter::parse(&serde_json::json!({"op": "exists", "key": "x", "value": false}));
    let matching = store.matching_documents(&bob, &set, &elsewhere.unwrap()).await.unwrap();
    assert_eq!(matching, HashSet::from([bobs.document.id]));
}

async fn changes_by_the_host_last(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store, system) = (principal("ada"), &bench.store, Context::system());
    let collection = bench.default_collection(&ada).await;
    let new = crate::traits::AcceptDocument {
        title: None,
        metadata: metadata(serde_json::json!({"year": 2020})),
        ..upload(collection, "report", "text\n")
    };
    let id = store.accept_document(&ada, new).await.unwrap().document.id;
    let job = bench.lease().await;
    bench.stage(&job, "text\n").await;
    let mut publish = publication(&job, "text\n");
    publish.metadata = metadata(serde_json::json!({"year": 1999, "author": "A. Writer"}));
    let seq = store.publish_version(&system, &job.lease, publish).await.unwrap();
    bench.finish(&job, JobOutcome::Ready).await;
    let shown = bench.document(&ada, id).await;
    assert_eq!(shown.title, "Made from the file");
    let both = serde_json::json!({"year": 2020, "author": "A. Writer"});
    assert_eq!(shown.metadata, metadata(both), "keys of the host stay the host's");

    let set = bench.read_set(&ada).await;
    let patch = DocumentPatch { title: Some("Renamed".to_owned()), ..DocumentPatch::default() };
    let renamed = store.update_document(&ada, &set, id, patch.clone()).await.unwrap();
    assert_eq!(renamed.title, "Renamed");
    let changes = store.changes_after(&system, seq, 9).await.unwrap().unwrap();
    let [change] = changes.as_slice() else { panic!("a new title is one change") };
    assert!(matches!(change.kind, ChangeKind::Published { version, replaced, .. }
        if version == job.version && replaced == Some(version)));
    store.update_document(&ada, &set, id, patch).await.unwrap();
    assert_eq!(store.last_change(&system).await.unwrap(), change.seq, "the same title is none");

    bench.replace(&ada, id, "new text\n").await;
    bench.work("new text\n").await;
    assert_eq!(bench.document(&ada, id).await.title, "Renamed", "a new version does not undo it");
}

async fn a_moved_document_is_the_same(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store, system) = (principal("ada"), &bench.store, Context::system());
    let collection = bench.default_collection(&ada).await;
    let lying = |source: &str| crate::traits::AcceptDocument {
        title: None,
        source: source.to_owned(),
        ..upload(collection, "a", "text\n")
    };
    let id = store.accept_document(&ada, lying("/old/a.txt")).await.unwrap().document.id;
    let job = bench.lease().await;
    bench.stage(&job, "text\n").await;
    let mut publish = publication(&job, "text\n");
    publish.title = "a.txt".to_owned();
    let seq = store.publish_version(&system, &job.lease, publish).await.unwrap();
    bench.finish(&job, JobOutcome::Ready).await;

    let set = bench.read_set(&ada).await;
    let to = |source: &str| DocumentPatch {
        source: Some(source.to_owned()),
        ..DocumentPatch::default()
    };
    let moved = store.update_document(&ada, &set, id, to("/new/a.txt")).await.unwrap();
    assert_eq!((moved.source.as_str(), moved.title.as_str()), ("/new/a.txt", "a.txt"));
    assert_eq!(store.last_change(&system).await.unwrap(), seq, "nothing that is searched changed");
    let renamed = store.update_document(&ada, &set, id, to("/new/b.txt")).await.unwrap();
    assert_eq!((renamed.title.as_str(), renamed.version), ("b.txt", 1));
    assert_eq!(store.last_change(&system).await.unwrap(), seq + 1);
    let list = ListDocuments { q: Some("/new/b".to_owned()), ..ListDocuments::default() };
    assert_eq!(store.documents(&ada, &set, &list, &first(9)).await.unwrap().items.len(), 1);

    let again = store.accept_document(&ada, lying("/new/b.txt")).await.unwrap();
    assert_eq!((again.document.id, again.document.duplicate), (id, true));
    let other = store.accept_document(&ada, lying("/old/a.txt")).await.unwrap();
    assert!(!other.document.duplicate, "nothing lies there any more");

    let named = DocumentPatch { title: Some("Mine".to_owned()), ..DocumentPatch::default() };
    store.update_document(&ada, &set, id, named).await.unwrap();
    let kept = store.update_document(&ada, &set, id, to("/new/c.txt")).await.unwrap();
    assert_eq!(kept.title, "Mine", "a title that the host gave stays");
}

async fn metadata_are_filtered(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let (old, new) = (bench.add(&ada, "Old", "old\n").await, bench.add(&ada, "New", "new\n").await);
    let waiting = bench.accept(&ada, "Waiting", "waiting\n").await.document.id;
    let set = bench.read_set(&ada).await;
    for (id, year) in [(old.document.id, 1990), (new.document.id, 2024), (waiting, 2024)] {
        let metadata = Some(metadata(serde_json::json!({"year": year})));
        let patch = DocumentPatch { metadata, ..DocumentPatch::default() };
        store.update_document(&ada, &set, id, patch).await.unwrap();
    }
    let filter = serde_json::json!({"op": "gte", "key": "year", "value": 2000});
    let filter = Filter::parse(&filter).unwrap();
    let found = store.matching_documents(&ada, &set, &filter).await.unwrap();
    assert_eq!(found, HashSet::from([new.document.id]), "only what answers");
}

async fn work_can_be_cancelled(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let id = bench.accept(&ada, "A", "text\n").await.document.id;
    let job = bench.lease().await;
    let set = bench.read_set(&ada).await;
    let cancelled = store.cancel_document(&ada, &set, id).await.unwrap();
    assert_eq!((cancelled.status, cancelled.stage), (DocumentStatus::Cancelled, None));
    let late = store.publish_version(&Context::system(), &job.lease, publication(&job, "")).await;
    assert!(super::bench::lost(late));
    assert_eq!(kind(store.cancel_document(&ada, &set, id).await), ErrorKind::Conflict);
    assert_eq!(store.next_job_due(&Context::system()).await.unwrap(), None);
    let again = store.reindex_document(&ada, &set, id).await.unwrap();
    assert_eq!((again.document.status, again.document.version), (DocumentStatus::Queued, 1));
    bench.work("text\n").await;
    assert_eq!(bench.document(&ada, id).await.status, DocumentStatus::Ready);
}

pub(super) fn failure(message: &str) -> DocumentFailure {
    DocumentFailure { code: ErrorKind::ParseFailed, reason: None, message: message.to_owned() }
}
