//! Vectors: asked for once, stored with their change, fenced, and gone with their texts.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Answering, Bench, Fresh, TTL, kind, lost, principal};
use super::documents::failure;
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::traits::{EmbedderInfo, NewEmbeddings};
use crate::types::{
    ChangeKind, DocumentPatch, EmbeddingJob, EmbeddingOutcome, Stage, Unembedded, VersionId,
};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn embeddings(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    coverage_grows_with_each_batch(make).await;
    a_passage_is_embedded_once_wherever_it_is(make).await;
    a_lease_that_was_taken_over_writes_nothing(make).await;
    who_was_given_back_waits_behind_others(make).await;
    deleting_replacing_and_cancelling_void_the_job(make).await;
    another_space_begins_anew_and_never_mixes(make).await;
    what_was_refused_is_tried_again_later(make).await;
    loose_vectors_are_swept(make).await;
}

fn space(fingerprint: &str) -> EmbedderInfo {
    EmbedderInfo {
        name: "scripted".to_owned(),
        dimensions: 2,
        max_tokens: None,
        fingerprint: fingerprint.to_owned(),
        languages: None,
    }
}

impl Bench {
    /// A store that uses a space.
    async fn with_space(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) -> Self {
        let bench = Self::new(make).await;
        bench.use_space(Some("a")).await;
        bench
    }

    async fn use_space(&self, fingerprint: Option<&str>) {
        let info = fingerprint.map(space);
        let system = Context::system();
        self.store.use_embedder(&system, info.as_ref()).await.unwrap();
        while self.store.queue_embeddings(&system).await.unwrap() {}
    }

    async fn lease_embedding(&self) -> Option<EmbeddingJob> {
        self.store.lease_embedding(&Context::system(), TTL).await.unwrap()
    }

    async fn unembedded(&self, job: &EmbeddingJob, limit: u32) -> Vec<Unembedded> {
        self.store.unembedded(&Context::system(), &job.lease, limit).await.unwrap()
    }

    async fn embed(&self, job: &EmbeddingJob, limit: u32) -> usize {
        let chunks = self.unembedded(job, limit).await;
        if let Some(new) = vectors(&chunks) {
            self.store.store_embeddings(&Context::system(), &job.lease, new).await.unwrap();
        }
        chunks.len()
    }

    async fn end_embedding(&self, job: &EmbeddingJob, outcome: EmbeddingOutcome) {
        let system = Context::system();
        self.store.finish_embedding(&system, &job.lease, outcome).await.unwrap();
    }

    /// Embeds everything; returns how many passages that took.
    async fn embed_all(&self) -> usize {
        let mut n_embedded = 0;
        while let Some(job) = self.lease_embedding().await {
            n_embedded += self.embed(&job, 99).await;
            self.end_embedding(&job, EmbeddingOutcome::Done).await;
        }
        n_embedded
    }

    async fn dense(&self, ctx: &Context, answering: &Answering) -> f32 {
        self.document(ctx, answering.document.id).await.coverage.dense
    }

    async fn n_vectors(&self, version: VersionId, fingerprint: &str) -> usize {
        let system = Context::system();
        let found = self.store.vectors_of(&system, version, fingerprint, 0..99, 99).await;
        found.unwrap().len()
    }
}

fn vectors(chunks: &[Unembedded]) -> Option<NewEmbeddings> {
    let last = chunks.last()?;
    let vectors = chunks.iter().map(|chunk| (chunk.hash, vec![1.0, 0.0])).collect();
    Some(NewEmbeddings { next_ordinal: last.ordinal + 1, vectors })
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-6
}

async fn coverage_grows_with_each_batch(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let (bench, ada, system) = (Bench::with_space(make).await, principal("ada"), Context::system());
    let one = bench.add(&ada, "A", "one\ntwo\nthree\nfour\n").await;
    let shown = bench.document(&ada, one.document.id).await;
    assert!(near(shown.coverage.dense, 0.0) && near(shown.coverage.lexical, 1.0));
    assert_eq!(shown.stage, Some(Stage::Embedding));

    let job = bench.lease_embedding().await.expect("it was queued when it was published");
    assert!(bench.lease_embedding().await.is_none(), "a job is held by one");
    assert!(bench.store.lease_job(&system, TTL).await.unwrap().is_none(), "and is no other job");
    let first = bench.unembedded(&job, 2).await;
    assert_eq!(first[0].text, "Made from the file\nHeading\none\n", "under title and headings");
    assert_eq!(bench.embed(&job, 3).await, 3);
    let shown = bench.document(&ada, one.document.id).await;
    assert!(near(shown.coverage.dense, 0.75) && near(shown.progress, 0.75));
    let early = bench.store.finish_embedding(&system, &job.lease, EmbeddingOutcome::Done).await;
    assert_eq!(kind(early), ErrorKind::Conflict, "a passage is missing");
    let set = bench.read_set(&ada).await;
    let count = bench.store.embedding_count(&system, &set).await.unwrap();
    assert_eq!((count.n_done, count.n_total), (3, 4));

    assert_eq!(bench.embed(&job, 3).await, 1);
    assert!(bench.unembedded(&job, 3).await.is_empty());
    bench.end_embedding(&job, EmbeddingOutcome::Done).await;
    let shown = bench.document(&ada, one.document.id).await;
    assert_eq!((shown.stage, near(shown.coverage.dense, 1.0)), (None, true));
    let changes = bench.store.changes_after(&system, one.seq, 9).await.unwrap().unwrap();
    let ranges: Vec<_> = changes.into_iter().map(|change| change.kind).collect();
    let embedded = |ordinals| ChangeKind::Embedded { version: job.version, ordinals };
    assert_eq!(ranges, [embedded(0..3), embedded(3..4)]);
    assert_eq!(bench.n_vectors(job.version, "a").await, 4);
}

async fn a_passage_is_embedded_once_wherever_it_is(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let (bench, ada, system) = (Bench::with_space(make).await, principal("ada"), Context::system());
    let one = bench.add(&ada, "A", "same\nother\nsame\n").await;
    let job = bench.lease_embedding().await.unwrap();
    assert_eq!(bench.embed(&job, 2).await, 2);
    assert!(bench.unembedded(&job, 9).await.is_empty(), "the third says what the first says");
    bench.end_embedding(&job, EmbeddingOutcome::Done).await;
    let changes = bench.store.changes_after(&system, one.seq, 9).await.unwrap().unwrap();
    assert_eq!(changes.len(), 2, "what was passed over is named too");

    let again = bench.add(&ada, "B", "same\nother\n").await;
    assert!(near(bench.dense(&ada, &again).await, 1.0), "it lacks nothing from the start");
    let part = bench.add(&ada, "C", "new\nsame\n").await;
    assert!(near(bench.dense(&ada, &part).await, 0.5));
    assert_eq!(bench.embed_all().await, 1);
    assert!(near(bench.dense(&ada, &part).await, 1.0));

    let patch = DocumentPatch { title: Some("Renamed".to_owned()), ..DocumentPatch::default() };
    let set = bench.read_set(&ada).await;
    bench.store.update_document(&ada, &set, part.document.id, patch).await.unwrap();
    assert!(near(bench.dense(&ada, &part).await, 1.0), "a new title embeds nothing again");
}

async fn a_lease_that_was_taken_over_writes_nothing(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let (bench, ada, system) = (Bench::with_space(make).await, principal("ada"), Context::system());
    let one = bench.add(&ada, "A", "one\ntwo\n").await;
    let asleep = bench.lease_embedding().await.unwrap();
    let new = vectors(&bench.unembedded(&asleep, 1).await).unwrap();
    bench.store.renew_embedding(&system, &asleep.lease, TTL).await.unwrap();
    assert!(bench.store.release_leases(&system).await.unwrap() >= 1);
    let job = bench.lease_embedding().await.unwrap();
    assert!(lost(bench.store.store_embeddings(&system, &asleep.lease, new).await));
    assert!(lost(bench.store.unembedded(&system, &asleep.lease, 1).await));
    assert!(lost(bench.store.renew_embedding(&system, &asleep.lease, TTL).await));
    let wrong = NewEmbeddings {
        next_ordinal: 1,
        vectors: vec![(bench.unembedded(&job, 1).await[0].hash, vec![1.0; 3])],
    };
    let refused = bench.store.store_embeddings(&system, &job.lease, wrong).await;
    assert_eq!(kind(refused), ErrorKind::DimensionMismatch);
    assert!(near(bench.dense(&ada, &one).await, 0.0));
}

async fn who_was_given_back_waits_behind_others(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let (bench, ada) = (Bench::with_space(make).await, principal("ada"));
    let huge = bench.add(&ada, "A", "one\ntwo\nthree\n").await;
    let small = bench.add(&ada, "B", "four\n").await;
    let job = bench.lease_embedding().await.unwrap();
    assert_eq!(job.document, huge.document.id, "the oldest is first");
    bench.embed(&job, 1).await;
    bench.end_embedding(&job, EmbeddingOutcome::Later).await;
    let next = bench.lease_embedding().await.unwrap();
    assert_eq!(next.document, small.document.id);
    let again = bench.lease_embedding().await.unwrap();
    assert_eq!(bench.unembedded(&again, 9).await.len(), 2, "and goes on where it was");
}

async fn deleting_replacing_and_cancelling_void_the_job(
    make: &impl AsyncFn(Arc<FixedClock>) -> Fresh,
) {
    let (bench, ada, system) = (Bench::with_space(make).await, principal("ada"), Context::system());
    let gone = bench.add(&ada, "A", "one\n").await;
    let set = bench.read_set(&ada).await;
    let job = bench.lease_embedding().await.unwrap();
    let new = vectors(&bench.unembedded(&job, 1).await).unwrap();
    bench.store.delete_document(&ada, &set, gone.document.id).await.unwrap();
    assert!(lost(bench.store.store_embeddings(&system, &job.lease, new).await));
    assert!(bench.lease_embedding().await.is_none());

    let old = bench.add(&ada, "B", "two\n").await;
    let job = bench.lease_embedding().await.unwrap();
    bench.replace(&ada, old.document.id, "three\n").await;
    bench.work("three\n").await;
    assert!(lost(bench.store.unembedded(&system, &job.lease, 1).await));
    assert_eq!(bench.embed_all().await, 1, "only the new version is embedded");

    let stopped = bench.add(&ada, "C", "four\n").await;
    let id = stopped.document.id;
    let shown = bench.store.cancel_document(&ada, &set, id).await.unwrap();
    assert_eq!(shown.stage, None);
    assert_eq!(shown.error.map(|error| error.code), Some(ErrorKind::Cancelled));
    assert!(bench.lease_embedding().await.is_none());
    bench.use_space(Some("a")).await;
    assert!(bench.lease_embedding().await.is_none(), "what a person stopped stays stopped");
    let again = bench.store.cancel_document(&ada, &set, id).await;
    assert_eq!(kind(again), ErrorKind::Conflict);
}

async fn another_space_begins_anew_and_never_mixes(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let (bench, ada) = (Bench::new(make).await, principal("ada"));
    let one = bench.add(&ada, "A", "one\ntwo\n").await;
    assert!(near(bench.dense(&ada, &one).await, 1.0), "nothing is missing without a space");
    assert!(bench.lease_embedding().await.is_none());
    bench.use_space(Some("a")).await;
    assert!(near(bench.dense(&ada, &one).await, 0.0));
    let version = bench.lease_embedding().await.map(|job| job.version).unwrap();
    bench.store.release_leases(&Context::system()).await.unwrap();
    assert_eq!(bench.embed_all().await, 2);
    bench.use_space(Some("b")).await;
    assert_eq!((bench.n_vectors(version, "a").await, bench.n_vectors(version, "b").await), (2, 0));
    bench.use_space(Some("a")).await;
    assert!(near(bench.dense(&ada, &one).await, 1.0), "going back costs nothing");
    bench.use_space(Some("b")).await;
    assert_eq!(bench.embed_all().await, 2);
    let wider = EmbedderInfo { dimensions: 3, ..space("b") };
    let refused = bench.store.use_embedder(&Context::system(), Some(&wider)).await;
    assert_eq!(kind(refused), ErrorKind::DimensionMismatch);
    assert!(bench.store.is_embedded(&Context::system()).await.unwrap());
    let swept = bench.store.sweep_embeddings(&Context::system(), 99).await.unwrap();
    assert_eq!(swept, 0, "for a while the way back is open");
    bench.clock.advance(Duration::from_secs(32 * 24 * 60 * 60));
    assert_eq!(bench.store.sweep_embeddings(&Context::system(), 99).await.unwrap(), 2);
    assert_eq!((bench.n_vectors(version, "a").await, bench.n_vectors(version, "b").await), (0, 2));
    bench.use_space(None).await;
    assert!(near(bench.dense(&ada, &one).await, 1.0) && bench.lease_embedding().await.is_none());
}

async fn what_was_refused_is_tried_again_later(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let (bench, ada) = (Bench::with_space(make).await, principal("ada"));
    let one = bench.add(&ada, "A", "one\ntwo\n").await;
    let job = bench.lease_embedding().await.unwrap();
    bench.embed(&job, 1).await;
    bench.end_embedding(&job, EmbeddingOutcome::Failed(failure("refused"))).await;
    let shown = bench.document(&ada, one.document.id).await;
    assert_eq!(shown.error.map(|error| error.message), Some("refused".to_owned()));
    assert_eq!((shown.stage, near(shown.coverage.dense, 0.5)), (None, true));
    assert!(bench.lease_embedding().await.is_none());
    bench.use_space(Some("a")).await;
    assert_eq!(bench.embed_all().await, 1);
    let shown = bench.document(&ada, one.document.id).await;
    assert!(shown.error.is_none() && near(shown.coverage.dense, 1.0));
}

async fn loose_vectors_are_swept(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let (bench, ada, system) = (Bench::with_space(make).await, principal("ada"), Context::system());
    let kept = bench.add(&ada, "A", "one\nshared\n").await;
    let set = bench.read_set(&ada).await;
    let version = bench.lease_embedding().await.map(|job| job.version).unwrap();
    bench.store.release_leases(&system).await.unwrap();
    let gone = bench.add(&ada, "B", "two\nshared\n").await;
    assert_eq!(bench.embed_all().await, 3);
    assert_eq!(bench.store.sweep_embeddings(&system, 99).await.unwrap(), 0);
    bench.store.delete_document(&ada, &set, gone.document.id).await.unwrap();
    while bench.store.sweep(&system, 99).await.unwrap().n_rows > 0 {}

    bench.accept(&ada, "C", "two\n").await;
    let swept = bench.store.sweep_embeddings(&system, 99).await.unwrap();
    assert_eq!(swept, 0, "a document is taken in that may say it again");
    bench.work("two\n").await;
    assert!(bench.lease_embedding().await.is_none(), "and it does");
    assert_eq!(bench.store.sweep_embeddings(&system, 99).await.unwrap(), 0);
    let again = bench.accept(&ada, "C", "two\n").await.document.id;
    bench.store.delete_document(&ada, &set, again).await.unwrap();
    while bench.store.sweep(&system, 99).await.unwrap().n_rows > 0 {}
    assert_eq!(bench.store.sweep_embeddings(&system, 99).await.unwrap(), 1);
    assert_eq!(bench.n_vectors(version, "a").await, 2);
    assert!(near(bench.dense(&ada, &kept).await, 1.0));
}
