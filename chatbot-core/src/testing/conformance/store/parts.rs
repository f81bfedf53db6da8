//! Documents inside documents: added with the one that they lie in, replaced with it, gone with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bench::{Bench, Fresh, TTL, first, kind, lost, metadata, principal, publication};
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::traits::{AcceptVersion, StagedPart};
use crate::types::{
    BlobHash, Document, DocumentId, DocumentPatch, DocumentStatus, Job, JobOutcome, ListDocuments,
    MediaType,
};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn parts(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    parts_appear_with_the_document_around_them(make).await;
    a_later_try_replaces_what_was_staged(make).await;
    a_new_version_replaces_parts_by_name(make).await;
    going_back_brings_parts_back(make).await;
    parts_go_with_the_document_around_them(make).await;
    a_part_may_go_alone(make).await;
    the_host_s_facts_are_shared(make).await;
    parts_of_parts_are_counted_and_go_too(make).await;
    originals_of_parts_are_kept_as_long_as_somebody_lists_them(make).await;
}

fn part(name: &str, text: &str) -> StagedPart {
    StagedPart {
        name: name.to_owned(),
        declared: Some(MediaType::TEXT),
        blob: BlobHash::of(text.as_bytes()),
        size_bytes: text.len() as u64,
    }
}

impl Bench {
    async fn stage_inside(&self, job: &Job, inside: &[(&str, &str)]) {
        self.stage(job, "around\n").await;
        let inside = inside.iter().map(|(name, text)| part(name, text)).collect();
        self.store.stage_parts(&Context::system(), &job.lease, inside).await.unwrap();
    }

    /// Does the oldest job, whose document has this inside.
    async fn work_with(&self, inside: &[(&str, &str)]) -> Job {
        let job = self.lease().await;
        self.stage_inside(&job, inside).await;
        self.publish(&job, "around\n").await;
        self.finish(&job, JobOutcome::Ready).await;
        job
    }

    /// Does every job that is left, none of which has anything inside.
    async fn work_off(&self) -> Vec<String> {
        let mut done = Vec::new();
        while let Some(job) = self.store.lease_job(&Context::system(), TTL).await.unwrap() {
            self.stage(&job, "inside\n").await;
            self.publish(&job, "inside\n").await;
            self.finish(&job, JobOutcome::Ready).await;
            done.push(job.source);
        }
        done
    }

    async fn archive(&self, ctx: &Context, title: &str, inside: &[(&str, &str)]) -> DocumentId {
        let id = self.accept(ctx, title, title).await.document.id;
        self.work_with(inside).await;
        id
    }

    async fn inside(&self, ctx: &Context, id: DocumentId) -> BTreeMap<String, Document> {
        let list = ListDocuments { parent_id: Some(id), ..ListDocuments::default() };
        let set = self.read_set(ctx).await;
        let found = self.store.documents(ctx, &set, &list, &first(100)).await.unwrap().items;
        let name = |source: &str| source.rsplit('/').next().unwrap_or_default().to_owned();
        found.into_iter().map(|part| (name(&part.source), part)).collect()
    }

    async fn n_counted(&self, ctx: &Context) -> u64 {
        let (set, id) = (self.read_set(ctx).await, self.default_collection(ctx).await);
        self.store.collection(ctx, &set, id).await.unwrap().document_count
    }
}

async fn parts_appear_with_the_document_around_them(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, bob, store) = (principal("ada"), principal("bob"), &bench.store);
    let id = bench.accept(&ada, "zip", "zip").await.document.id;
    let job = bench.lease().await;
    bench.stage_inside(&job, &[("a.txt", "a"), ("b/c.txt", "c")]).await;
    assert!(bench.inside(&ada, id).await.is_empty(), "not before it is published");
    let seq = bench.publish(&job, "around\n").await;
    assert_eq!(bench.publish(&job, "around\n").await, seq, "and once");
    bench.finish(&job, JobOutcome::Ready).await;
    let around = bench.document(&ada, id).await;
    assert_eq!((around.part_count, around.parent_id), (2, None));
    let inside = bench.inside(&ada, id).await;
    let a = &inside["a.txt"];
    assert_eq!(a.source, "folder/zip.txt/a.txt");
    assert_eq!(inside["c.txt"].source, "folder/zip.txt/b/c.txt");
    assert_eq!((a.parent_id, a.status), (Some(id), DocumentStatus::Queued));
    assert_eq!((a.created_by.clone(), a.collection_id), (around.created_by, around.collection_id));
    assert_eq!((a.title.as_str(), a.size_bytes, a.sha256), ("a.txt", 1, BlobHash::of(b"a")));
    let set = bench.read_set(&bob).await;
    let list = ListDocuments { parent_id: Some(id), ..ListDocuments::default() };
    assert!(store.documents(&bob, &set, &list, &first(9)).await.unwrap().items.is_empty());
    assert_eq!(kind(store.parts_of(&bob, &set, id).await), ErrorKind::NotFound);
    let job = bench.lease().await;
    assert_eq!((job.document, job.depth, &job.title), (a.id, 1, &None), "each has its own job");
    bench.finish(&job, JobOutcome::Failed(super::documents::failure("damaged"))).await;
    assert_eq!(bench.work_off().await, ["folder/zip.txt/b/c.txt"]);
    let inside = bench.inside(&ada, id).await;
    assert_eq!(inside["a.txt"].error.as_ref().unwrap().message, "damaged");
    assert_eq!(inside["c.txt"].status, DocumentStatus::Ready);
    assert_eq!(bench.document(&ada, id).await.status, DocumentStatus::Ready);
    assert_eq!(bench.n_counted(&ada).await, 3);
}

async fn a_later_try_replaces_what_was_staged(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system) = (principal("ada"), Context::system());
    let id = bench.accept(&ada, "zip", "zip").await.document.id;
    let zombie = bench.lease().await;
    bench.stage_inside(&zombie, &[("a.txt", "a"), ("gone.txt", "gone")]).await;
    bench.clock.advance(TTL);
    let job = bench.lease().await;
    let late = bench.store.stage_parts(&system, &zombie.lease, vec![part("late", "late")]).await;
    assert!(lost(late));
    bench.stage_inside(&job, &[("a.txt", "a"), ("b.txt", "b")]).await;
    bench.publish(&job, "around\n").await;
    bench.finish(&job, JobOutcome::Ready).await;
    let names: Vec<_> = bench.inside(&ada, id).await.into_keys().collect();
    assert_eq!(names, ["a.txt", "b.txt"]);
    let late = bench.store.stage_parts(&system, &job.lease, vec![part("c", "c")]).await;
    assert!(late.is_err(), "what answers is not added to");
    let swept = bench.store.sweep(&system, 1000).await.unwrap();
    assert_eq!(swept.orphans, [BlobHash::of(b"gone")], "nobody refers to what was not taken");
}

async fn a_new_version_replaces_parts_by_name(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let ada = principal("ada");
    let id = bench.archive(&ada, "zip", &[("same", "1"), ("other", "2"), ("gone", "3")]).await;
    bench.work_off().await;
    let before = bench.inside(&ada, id).await;
    bench.replace(&ada, id, "zip 2").await;
    bench.work_with(&[("new", "4"), ("same", "1"), ("other", "22")]).await;
    let after = bench.inside(&ada, id).await;
    assert_eq!(after.keys().collect::<Vec<_>>(), ["new", "other", "same"]);
    assert_eq!(after["same"], before["same"], "the same bytes are left alone");
    assert_eq!(after["other"].id, before["other"].id);
    assert_eq!(after["other"].status, DocumentStatus::Ready, "the old one answers meanwhile");
    assert_eq!(bench.work_off().await.len(), 2, "the new one and the other one");
    assert_eq!(bench.inside(&ada, id).await["other"].version, 2);
    assert_eq!(bench.n_counted(&ada).await, 4);
    let set = bench.read_set(&ada).await;
    let gone = bench.store.document(&ada, &set, before["gone"].id).await;
    assert_eq!(kind(gone), ErrorKind::NotFound);
    let new = AcceptVersion {
        document: after["new"].id,
        source: None,
        declared: None,
        blob: BlobHash::of(b"x"),
        size_bytes: 1,
    };
    let alone = bench.store.accept_version(&ada, &set, new).await;
    assert_eq!(kind(alone), ErrorKind::Conflict, "a part is replaced with what is around it");
    bench.replace(&ada, id, "zip 3").await;
    let job = bench.lease().await;
    bench.stage_inside(&job, &[("none of these", "5")]).await;
    bench.finish(&job, JobOutcome::Failed(super::documents::failure("damaged"))).await;
    assert_eq!(bench.inside(&ada, id).await.len(), 3, "a version that fails changes nothing");
}

async fn going_back_brings_parts_back(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    store.keep_versions(&system, 3).await.unwrap();
    let id = bench.archive(&ada, "zip", &[("same", "1"), ("old", "2")]).await;
    bench.work_off().await;
    let before = bench.inside(&ada, id).await;
    bench.replace(&ada, id, "zip 2").await;
    bench.work_with(&[("same", "1"), ("new", "3")]).await;
    bench.work_off().await;
    while store.sweep(&system, 1000).await.unwrap().n_rows > 0 {}
    let swept = store.sweep(&system, 1000).await.unwrap();
    assert!(swept.orphans.is_empty(), "the originals wait for the way back");
    store.restore_version(&ada, &bench.read_set(&ada).await, id, 1).await.unwrap();
    let after = bench.inside(&ada, id).await;
    assert_eq!(after.keys().collect::<Vec<_>>(), ["old", "same"]);
    assert_eq!(after["same"], before["same"]);
    assert_eq!(after["old"].sha256, before["old"].sha256);
    assert_eq!(bench.work_off().await, ["folder/zip.txt/old"], "it is read again");
}

async fn parts_go_with_the_document_around_them(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    for purge in [false, true] {
        let bench = Bench::new(make).await;
        let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
        let id = bench.archive(&ada, "zip", &[("a", "1"), ("b", "2"), ("c", "3")]).await;
        let open = bench.lease().await;
        bench.work_off().await;
        let inside = bench.inside(&ada, id).await;
        let set = bench.read_set(&ada).await;
        let mut listed = store.parts_of(&ada, &set, id).await.unwrap();
        listed.sort_unstable();
        let mut ids: Vec<_> = inside.values().map(|part| part.id).collect();
        ids.sort_unstable();
        assert_eq!(listed, ids);
        let before = store.last_change(&system).await.unwrap();
        match purge {
            true => store.purge_document(&ada, &set, id).await.unwrap(),
            false => store.delete_document(&ada, &set, id).await.unwrap(),
        }
        for id in ids {
            assert_eq!(kind(store.document(&ada, &set, id).await), ErrorKind::NotFound);
        }
        let changes = store.changes_after(&system, before, 9).await.unwrap().unwrap();
        assert_eq!(changes.len(), 3, "one for each that answered");
        assert!(lost(store.publish_version(&system, &open.lease, publication(&open, "x\n")).await));
        assert_eq!(bench.n_counted(&ada).await, 0);
        let mut orphans = store.sweep(&system, 1000).await.unwrap().orphans;
        orphans.sort_unstable();
        let mut expected = [&b"zip"[..], b"1", b"2", b"3"].map(BlobHash::of);
        expected.sort_unstable();
        assert_eq!(orphans, expected);
    }
}

async fn a_part_may_go_alone(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    store.keep_versions(&system, 3).await.unwrap();
    let id = bench.archive(&ada, "zip", &[("a", "1"), ("b", "2")]).await;
    bench.work_off().await;
    let set = bench.read_set(&ada).await;
    let doomed = bench.inside(&ada, id).await["a"].id;
    store.delete_document(&ada, &set, doomed).await.unwrap();
    assert_eq!(bench.document(&ada, id).await.part_count, 1);
    let swept = store.sweep(&system, 1000).await.unwrap();
    assert_eq!(swept.orphans, [BlobHash::of(b"1")], "its original goes as well");
    bench.replace(&ada, id, "zip 2").await;
    bench.work_with(&[("b", "2")]).await;
    store.restore_version(&ada, &set, id, 1).await.unwrap();
    assert_eq!(bench.inside(&ada, id).await.into_keys().collect::<Vec<_>>(), ["b"]);
    // A person's own upload of the same bytes is another document.
    let own = bench.accept(&ada, "own", "2").await;
    assert!(!own.document.duplicate && own.document.parent_id.is_none());
}

async fn the_host_s_facts_are_shared(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let id = bench.archive(&ada, "zip", &[("a", "1"), ("b", "2")]).await;
    bench.work_off().await;
    let set = bench.read_set(&ada).await;
    let patch = |n: u32| DocumentPatch {
        metadata: Some(metadata(serde_json::json!({ "year": n }))),
        ..DocumentPatch::default()
    };
    let b = bench.inside(&ada, id).await["b"].id;
    store.update_document(&ada, &set, b, patch(1)).await.unwrap();
    store.update_document(&ada, &set, id, patch(2)).await.unwrap();
    let inside = bench.inside(&ada, id).await;
    assert_eq!(inside["a"].metadata["year"], 2);
    assert_eq!(inside["b"].metadata["year"], 1, "it has its own");
    bench.replace(&ada, id, "zip 2").await;
    bench.work_with(&[("a", "1"), ("b", "2"), ("new", "3")]).await;
    assert_eq!(bench.inside(&ada, id).await["new"].metadata["year"], 2);
}

async fn parts_of_parts_are_counted_and_go_too(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let id = bench.archive(&ada, "zip", &[("mail", "1"), ("note", "2")]).await;
    let mail = bench.work_with(&[("x", "3"), ("y", "4")]).await;
    bench.work_with(&[]).await;
    let deep = bench.lease().await;
    assert_eq!((deep.depth, deep.source.as_str()), (2, "folder/zip.txt/mail/x"));
    assert_eq!(store.n_parts_around(&system, deep.document).await.unwrap(), 4);
    assert_eq!(store.n_parts_around(&system, mail.document).await.unwrap(), 2);
    assert_eq!(store.n_parts_around(&system, id).await.unwrap(), 2);
    let set = bench.read_set(&ada).await;
    assert_eq!(store.parts_of(&ada, &set, id).await.unwrap().len(), 4);
    assert_eq!(bench.inside(&ada, id).await["mail"].part_count, 2);
    store.delete_document(&ada, &set, id).await.unwrap();
    let all = store.documents(&ada, &set, &ListDocuments::default(), &first(9)).await.unwrap();
    assert!(all.items.is_empty());
}

async fn originals_of_parts_are_kept_as_long_as_somebody_lists_them(
    make: &impl AsyncFn(Arc<FixedClock>) -> Fresh,
) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    store.keep_versions(&system, 1).await.unwrap();
    let id = bench.archive(&ada, "zip", &[("a", "1")]).await;
    bench.work_off().await;
    for (n, text) in ["2", "3"].into_iter().enumerate() {
        bench.replace(&ada, id, &format!("zip {n}")).await;
        bench.work_with(&[("a", text)]).await;
        bench.work_off().await;
    }
    let mut orphans = store.sweep(&system, 1000).await.unwrap().orphans;
    orphans.sort_unstable();
    let mut expected = [&b"zip"[..], b"1"].map(BlobHash::of);
    expected.sort_unstable();
    assert_eq!(orphans, expected, "the oldest version is one too many");
}
