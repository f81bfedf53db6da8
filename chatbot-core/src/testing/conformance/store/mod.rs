//! What every [`Store`](crate::traits::Store) must do. Call [`store`] with yours, or its themes one by one.
//!
//! Each case gets a store of its own and a clock that it moves itself; nothing depends on how long a call takes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a suite reports by panicking, as every test does"
)]

mod bench;
mod changes;
mod collections;
mod deletion;
mod documents;
mod embeddings;
mod jobs;
mod ledger;
mod parts;
mod sessions;
mod snapshots;
mod summaries;
mod texts;
mod turns;
mod versions;

pub use bench::Fresh;
pub use changes::changes;
pub use collections::collections;
pub use deletion::deletion;
pub use documents::documents;
pub use embeddings::embeddings;
pub use jobs::jobs;
pub use ledger::ledger;
pub use parts::parts;
pub use sessions::sessions;
pub use snapshots::snapshots;
pub use summaries::summaries;
pub use texts::texts;
pub use turns::turns;
pub use versions::versions;

use std::sync::Arc;

use crate::testing::FixedClock;

/// Runs the whole suite; `make` opens an empty store that tells the time by the given clock.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn store(make: impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    collections(&make).await;
    documents(&make).await;
    versions(&make).await;
    parts(&make).await;
    jobs(&make).await;
    texts(&make).await;
    changes(&make).await;
    deletion(&make).await;
    embeddings(&make).await;
    sessions(&make).await;
    turns(&make).await;
    ledger(&make).await;
    summaries(&make).await;
    snapshots(&make).await;
}
