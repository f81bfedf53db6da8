//! The index that lives in the process.
//!
//! One lexical index for all collections, over tantivy: ten thousand small collections cost no more than a large one.
//! Tantivy keeps the postings; the scoring is this module's own (see `scoring`), and so is the read-set, which is
//! looked at for every chunk that could be among the best, before it is taken. Nothing of a text is stored here but
//! its terms.

mod failure;
mod place;
mod schema;
mod scoring;
mod search;
mod segments;
mod summed;
#[cfg(test)]
mod tests;
mod writing;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::AbortHandle;

use self::place::Place;
use self::segments::Snapshot;
use self::writing::Writing;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::text::ANALYSER;
use crate::traits::{
    Find, Index, IndexBatch, IndexCapabilities, IndexContent, IndexQuery, IndexReply,
};
use crate::types::Checkpoint;

/// How long the writer, which holds some 20 MB, is kept after the last change.
const WRITER_IDLE: Duration = Duration::from_secs(10);

/// The lexical index that lives in the process, in a folder or in memory.
///
/// # Example
/// ```
/// # use chatbot_core::indexes::LocalIndex;
/// # use chatbot_core::traits::Index as _;
/// let index = LocalIndex::open(None)?;
/// assert!(index.capabilities().lexical);
/// # Ok::<(), chatbot_core::Error>(())
/// ```
#[derive(Debug)]
pub struct LocalIndex {
    shared: Arc<Shared>,
    /// Lets go of the writer when nothing came for a while.
    idle: Mutex<Option<AbortHandle>>,
}

/// What the blocking work needs.
#[derive(Debug)]
struct Shared {
    place: Place,
    snapshot: Mutex<Arc<Snapshot>>,
    writing: Mutex<Writing>,
}

impl LocalIndex {
    /// Opens the index in `folder`, or a new one there; in memory without a folder. What cannot be read there, or was
    /// made by another analyser, is thrown away: the index is then empty and has no checkpoint.
    ///
    /// # Errors
    /// `storage` where the folder cannot be made, read or written.
    pub fn open(folder: Option<&Path>) -> Result<Self> {
        let (place, snapshot, checkpoint) = Place::open(folder)?;
        Ok(Self {
            shared: Arc::new(Shared {
                place,
                snapshot: Mutex::new(Arc::new(snapshot)),
                writing: Mutex::new(Writing::new(checkpoint)),
            }),
            idle: Mutex::new(None),
        })
    }

    /// Runs `work` beside the async threads; it goes on to its end where the caller does not wait for it.
    async fn blocking<T: Send + 'static>(
        &self,
        ctx: &Context,
        work: impl FnOnce(&Shared) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || work(&shared));
        ctx.run(async { done.await.unwrap_or_else(|panic| Err(failure::broken(panic))) }).await
    }

    fn rest_after_a_while(&self) {
        let shared = Arc::downgrade(&self.shared);
        let task = tokio::spawn(async move {
            tokio::time::sleep(WRITER_IDLE).await;
            let Some(shared) = shared.upgrade() else { return };
            let rested = tokio::task::spawn_blocking(move || shared.rest()).await;
            if let Ok(Err(error)) = rested {
                tracing::warn!(?error, "the index's writer could not be closed cleanly");
            }
        });
        let before = lock(&self.idle).replace(task.abort_handle());
        if let Some(before) = before {
            before.abort();
        }
    }
}

impl Drop for LocalIndex {
    fn drop(&mut self) {
        if let Some(idle) = lock(&self.idle).take() {
            idle.abort();
        }
    }
}

impl Shared {
    fn apply(&self, batch: IndexBatch) -> Result<()> {
        let committed = lock(&self.writing).apply(&self.place, batch)?;
        if committed { self.reload() } else { Ok(()) }
    }

    fn clear(&self) -> Result<()> {
        lock(&self.writing).clear(&self.place)?;
        self.reload()
    }

    fn rest(&self) -> Result<()> {
        lock(&self.writing).rest(&self.place)?;
        self.reload()
    }

    fn scrub(&self) -> Result<bool> {
        if !lock(&self.writing).scrub(&self.place)? {
            return Ok(true);
        }
        // Files that a searcher holds stay: it must have let go of them before they are removed.
        self.reload()?;
        lock(&self.writing).remove_files(&self.place)?;
        Ok(true)
    }

    /// Makes what was committed searchable.
    fn reload(&self) -> Result<()> {
        self.place.reload()?;
        let mut snapshot = lock(&self.snapshot);
        *snapshot = Arc::new(Snapshot::new(self.place.searcher(), Some(&snapshot))?);
        Ok(())
    }
}

#[async_trait]
impl Index for LocalIndex {
    fn capabilities(&self) -> IndexCapabilities {
        IndexCapabilities {
            lexical: true,
            analyser: Some(ANALYSER.to_owned()),
            ..IndexCapabilities::default()
        }
    }

    async fn checkpoint(&self, ctx: &Context) -> Result<Option<Checkpoint>> {
        self.blocking(ctx, |shared| Ok(lock(&shared.writing).checkpoint())).await
    }

    async fn apply(&self, ctx: &Context, batch: IndexBatch) -> Result<()> {
        ctx.check()?;
        if batch.upserts.iter().any(|entry| !matches!(entry.content, IndexContent::Terms(_))) {
            return Err(only_terms());
        }
        self.rest_after_a_while();
        self.blocking(ctx, move |shared| shared.apply(batch)).await
    }

    async fn clear(&self, ctx: &Context) -> Result<()> {
        ctx.check()?;
        self.rest_after_a_while();
        self.blocking(ctx, Shared::clear).await
    }

    async fn search(&self, ctx: &Context, query: &IndexQuery) -> Result<IndexReply> {
        ctx.check()?;
        if !matches!(query.find, Find::Terms(_)) {
            return Err(only_terms());
        }
        let (query, ctx_inside) = (query.clone(), ctx.clone());
        let search = move |shared: &Shared| {
            let snapshot = Arc::clone(&lock(&shared.snapshot));
            search::search(&ctx_inside, &snapshot, shared.place.fields(), &query)
        };
        self.blocking(ctx, search).await
    }

    async fn scrub(&self, ctx: &Context) -> Result<bool> {
        ctx.check()?;
        self.rest_after_a_while();
        self.blocking(ctx, Shared::scrub).await
    }

    async fn close(&self) -> Result<()> {
        if let Some(idle) = lock(&self.idle).take() {
            idle.abort();
        }
        self.blocking(&Context::system(), Shared::rest).await
    }
}

/// Locks, also after a panic: what the locks guard is replaced as a whole, never left half changed.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn only_terms() -> Error {
    Error::new(ErrorKind::Unsupported, "This index finds chunks by their terms, not by vectors.")
}

/// A defect: the index lacks something it was made with.
fn incomplete() -> Error {
    Error::internal("The search index lacks one of its own fields.")
}
