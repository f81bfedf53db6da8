//! Jobs: leased, fenced, retried, given up.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, Fresh, TTL, lost, principal, publication, staged};
use super::documents::failure;
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::traits::Clock as _;
use crate::types::{DocumentStatus, JobOutcome, Stage};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn jobs(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    the_oldest_job_is_leased_to_one(make).await;
    a_zombie_writes_nothing(make).await;
    a_lease_nobody_took_is_still_good(make).await;
    a_retry_waits_for_its_time(make).await;
    poison_is_given_up(make).await;
    a_published_version_is_only_finished(make).await;
    leases_of_the_dead_are_released(make).await;
    a_later_try_starts_anew(make).await;
}

async fn the_oldest_job_is_leased_to_one(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    assert_eq!(store.lease_job(&system, TTL).await.unwrap(), None);
    assert_eq!(store.next_job_due(&system).await.unwrap(), None);
    let one = bench.accept(&ada, "1", "1\n").await.document.id;
    let two = bench.accept(&ada, "2", "2\n").await.document.id;
    assert_eq!(store.next_job_due(&system).await.unwrap(), Some(bench.clock.now()));
    let (a, b) = tokio::join!(store.lease_job(&system, TTL), store.lease_job(&system, TTL));
    let mut documents = [a.unwrap().unwrap().document, b.unwrap().unwrap().document];
    documents.sort();
    assert_eq!(documents, [one, two]);
    assert_eq!(store.lease_job(&system, TTL).await.unwrap(), None);
}

async fn a_zombie_writes_nothing(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let id = bench.accept(&ada, "A", "text\n").await.document.id;
    let zombie = bench.lease().await;
    bench.stage(&zombie, "text\n").await;
    bench.clock.advance(TTL);
    let job = bench.lease().await;
    assert_eq!((job.document, job.attempts), (id, 1));
    assert!(job.lease.token > zombie.lease.token, "a later holder's token is greater");

    let lease = &zombie.lease;
    assert!(lost(store.renew_lease(&system, lease, TTL).await));
    assert!(lost(store.set_stage(&system, lease, Stage::Parsing, 0.0).await));
    assert!(lost(store.stage_text(&system, lease, 0, "other".to_owned()).await));
    assert!(lost(store.stage_chunks(&system, lease, staged("other")).await));
    assert!(lost(store.publish_version(&system, lease, publication(&zombie, "")).await));
    assert!(lost(store.finish_job(&system, lease, JobOutcome::Cancelled).await));

    let chunks = bench.stage(&job, "text\n").await;
    bench.publish(&job, "text\n").await;
    bench.finish(&job, JobOutcome::Ready).await;
    assert_eq!(bench.hydrated(&ada, &chunks).await, ["text\n"]);
    assert!(lost(store.finish_job(&system, &job.lease, JobOutcome::Ready).await), "it has ended");
}

async fn a_lease_nobody_took_is_still_good(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    bench.accept(&ada, "A", "text\n").await;
    let job = bench.lease().await;
    bench.clock.advance(TTL * 3);
    let renewed = store.renew_lease(&system, &job.lease, TTL).await.unwrap();
    assert_eq!(renewed.expires_at, bench.clock.now().plus_millis(60_000));
    assert_eq!(store.lease_job(&system, TTL).await.unwrap(), None, "it is held again");
    assert_eq!(store.next_job_due(&system).await.unwrap(), Some(renewed.expires_at));
}

async fn a_retry_waits_for_its_time(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let id = bench.accept(&ada, "A", "text\n").await.document.id;
    let job = bench.lease().await;
    let at = bench.clock.now().plus_millis(5_000);
    bench.finish(&job, JobOutcome::Retry(failure("busy"), at)).await;
    let shown = bench.document(&ada, id).await;
    assert_eq!((shown.status, shown.error), (DocumentStatus::Queued, None));
    assert_eq!(store.next_job_due(&system).await.unwrap(), Some(at));
    assert_eq!(store.lease_job(&system, TTL).await.unwrap(), None);
    bench.clock.advance(Duration::from_secs(5));
    assert_eq!(bench.lease().await.attempts, 1);
}

async fn poison_is_given_up(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let poison = bench.accept(&ada, "Poison", "poison\n").await.document.id;
    let healthy = bench.accept(&ada, "Healthy", "healthy\n").await.document.id;
    let (mut tries, mut others) = (0, 0);
    while let Some(job) = store.lease_job(&system, TTL).await.unwrap() {
        if job.document == poison {
            tries += 1;
            bench.clock.advance(TTL);
        } else {
            others += 1;
            assert_eq!(job.document, healthy);
            bench.stage(&job, "healthy\n").await;
            bench.publish(&job, "healthy\n").await;
            bench.finish(&job, JobOutcome::Ready).await;
        }
    }
    assert_eq!((tries, others), (5, 1));
    let shown = bench.document(&ada, poison).await;
    assert_eq!(shown.status, DocumentStatus::Failed);
    assert_eq!(shown.error.map(|error| error.code), Some(ErrorKind::Internal));
    assert_eq!(bench.document(&ada, healthy).await.status, DocumentStatus::Ready);
}

async fn a_published_version_is_only_finished(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let id = bench.accept(&ada, "A", "text\n").await.document.id;
    let job = bench.lease().await;
    let early = store.finish_job(&system, &job.lease, JobOutcome::Ready).await;
    assert_eq!(super::bench::kind(early), ErrorKind::Conflict, "nothing answers yet");
    bench.stage(&job, "text\n").await;
    let seq = bench.publish(&job, "text\n").await;
    assert_eq!(bench.document(&ada, id).await.status, DocumentStatus::Processing);
    bench.clock.advance(TTL);
    let next = bench.lease().await;
    assert_eq!(next.published_seq, Some(seq), "the next one knows how far it had come");
    bench.finish(&next, JobOutcome::Failed(failure("late"))).await;
    let shown = bench.document(&ada, id).await;
    assert_eq!((shown.status, shown.error), (DocumentStatus::Ready, None), "it goes on answering");
}

async fn leases_of_the_dead_are_released(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    bench.accept(&ada, "A", "text\n").await;
    let dead = bench.lease().await;
    assert_eq!(store.release_leases(&system).await.unwrap(), 1);
    assert!(lost(store.renew_lease(&system, &dead.lease, TTL).await));
    assert_eq!(bench.lease().await.document, dead.document);
}

async fn a_later_try_starts_anew(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let ada = principal("ada");
    let id = bench.accept(&ada, "A", "text\n").await.document.id;
    let first_try = bench.lease().await;
    let stale = bench.stage(&first_try, &"a longer text\n".repeat(2000)).await;
    bench.clock.advance(TTL);
    let (_, chunks, _) = bench.work("text\n").await;
    let set = bench.read_set(&ada).await;
    assert_eq!(bench.store.text(&ada, &set, id, None, None).await.unwrap(), "text\n");
    assert!(bench.hydrated(&ada, &stale[1..]).await.is_empty());
    assert_eq!(bench.hydrated(&ada, &chunks).await, ["text\n"]);
}
