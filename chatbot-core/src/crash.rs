//! Where would it hurt most to die? Named moments between two writes, at which a drill ends the process.
//!
//! With the feature `testing`, a process whose environment says `CHATBOT_CRASH_AT=publish/before`, or `publish/before:3`
//! for the third time, ends at that moment as if the system had killed it: nothing is unwound, flushed or closed. Without
//! the feature, which no release has, a point is nothing at all. This is the only state that is shared by all engines of
//! a process, and it is read only.

#[cfg(any(test, feature = "testing"))]
use std::sync::OnceLock;
#[cfg(any(test, feature = "testing"))]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Every point. The drills walk over all of them, so that one that is never reached is noticed.
#[cfg(any(test, feature = "testing"))]
pub(crate) const POINTS: &[&str] = &[
    "migration/before",
    "migration/script_run",
    "migration/before_commit",
    "migration/after_commit",
    "start/leases_released",
    "start/turns_closed",
    "start/embedder_noted",
    "original/before_rename",
    "original/after_rename",
    "accept/after_commit",
    "accept/version_after_commit",
    "delete/after_commit",
    "ingest/leased",
    "ingest/parsed",
    "ingest/text_staged",
    "ingest/chunks_staged",
    "parts/noted",
    "parts/originals_stored",
    "publish/before",
    "publish/after",
    "ingest/before_ready",
    "ingest/after_ready",
    "writer/before_commit",
    "writer/after_commit",
    "log/before_copy",
    "log/after_copy",
    "embedding/leased",
    "embedding/before_store",
    "embedding/stored",
    "embedding/finished",
    "turn/begun",
    "turn/appended",
    "turn/before_finish",
    "turn/after_finish",
    "index/before_commit",
    "index/after_commit",
    "index/before_note",
    "index/after_note",
    "index/cleared",
    "index/rebuilding",
    "dense/segment_written",
    "dense/before_manifest",
    "dense/after_manifest",
    "dense/others_removed",
    "sweep/step",
    "sweep/orphans_named",
    "sweep/original_deleted",
    "sweep/vectors_removed",
];

/// Ends the process here, where the environment says so.
#[cfg(not(any(test, feature = "testing")))]
#[inline]
pub(crate) const fn point(_name: &'static str) {}

#[cfg(any(test, feature = "testing"))]
pub(crate) fn point(name: &'static str) {
    debug_assert!(POINTS.contains(&name), "{name} is not in the list of points");
    let wanted = WANTED.get_or_init(|| {
        let said = std::env::var("CHATBOT_CRASH_AT").ok()?;
        let (name, times) = said.split_once(':').unwrap_or((&said, "1"));
        Some((name.to_owned(), AtomicU64::new(times.parse().ok()?)))
    });
    if let Some((wanted, times)) = wanted
        && wanted == name
        && times.fetch_sub(1, Ordering::SeqCst) == 1
    {
        std::process::abort();
    }
}

/// The point that is wanted, and how often it is still passed before.
#[cfg(any(test, feature = "testing"))]
static WANTED: OnceLock<Option<(String, AtomicU64)>> = OnceLock::new();

/// `usual`, or what the environment of a drill says instead: so that it need not wait for the janitor.
#[cfg(not(any(test, feature = "testing")))]
pub(crate) const fn janitor_interval(usual: Duration) -> Duration {
    usual
}

#[cfg(any(test, feature = "testing"))]
pub(crate) fn janitor_interval(usual: Duration) -> Duration {
    let said = std::env::var("CHATBOT_DRILL_JANITOR_MS").ok().and_then(|ms| ms.parse().ok());
    said.map_or(usual, Duration::from_millis)
}
