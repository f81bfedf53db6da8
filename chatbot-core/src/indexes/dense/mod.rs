//! The index that finds chunks by their vectors, in the process.
//!
//! Vectors are kept as 8-bit codes in segments that never change, and a search reads all of them that may be read, with any
//! filter, as fast as memory. What the codes leave of each component lies beside them in 8 bits more: the best are put in
//! order by both, which is exact to five digits and asks nobody else. No graph is built: below some hundred thousand chunks
//! reading everything is as fast, and there is nothing to build, tune or repair.

mod part;
mod place;
mod quantise;
mod search;
mod segment;
mod writing;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use self::part::Part;
use self::place::Place;
use self::writing::Writing;
use crate::context::{Context, ReadSet};
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{
    Find, Index, IndexBatch, IndexCapabilities, IndexContent, IndexQuery, IndexReply,
};
use crate::types::{Checkpoint, ChunkId};

/// The index that finds chunks by their vectors, in a folder or in memory.
///
/// # Example
/// ```
/// # use chatbot_core::indexes::DenseIndex;
/// # use chatbot_core::traits::Index as _;
/// let index = DenseIndex::open(None, "my-model/1", 384)?;
/// assert!(index.capabilities().dense);
/// # Ok::<(), chatbot_core::Error>(())
/// ```
#[derive(Debug)]
pub struct DenseIndex {
    shared: Arc<Shared>,
}

/// What the blocking work needs.
#[derive(Debug)]
struct Shared {
    place: Place,
    snapshot: Mutex<Arc<Vec<Part>>>,
    writing: Mutex<Writing>,
}

impl DenseIndex {
    /// Opens the index of the vectors that the embedder with this fingerprint makes in `folder`, or a new one there; in
    /// memory without a folder. What cannot be read there, or holds other vectors, is thrown away: the index is then
    /// empty and has no checkpoint.
    ///
    /// # Errors
    /// `storage` where the folder cannot be made, read or written.
    pub fn open(
        folder: Option<&Path>,
        fingerprint: impl Into<String>,
        dimensions: usize,
    ) -> Result<Self> {
        let (place, (parts, checkpoint)) = Place::open(folder, fingerprint.into(), dimensions)?;
        Ok(Self {
            shared: Arc::new(Shared {
                place,
                snapshot: Mutex::new(Arc::new(parts.clone())),
                writing: Mutex::new(Writing::new(parts, checkpoint)),
            }),
        })
    }

    /// Whether the index in `folder` holds the vectors of the embedder with this fingerprint.
    #[must_use]
    pub fn is_of(folder: &Path, fingerprint: &str) -> bool {
        place::is_of(folder, fingerprint)
    }

    /// Removes the index in `folder`, where there is one.
    ///
    /// # Errors
    /// `storage`.
    pub fn remove(folder: &Path) -> Result<()> {
        place::remove(folder)
    }

    /// Runs `work` beside the async threads; it goes on to its end where the caller does not wait for it.
    async fn blocking<T: Send + 'static>(
        &self,
        ctx: &Context,
        work: impl FnOnce(&Shared) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || work(&shared));
        ctx.run(async { done.await.unwrap_or_else(|panic| Err(broken(panic))) }).await
    }
}

impl Shared {
    fn apply(&self, batch: IndexBatch) -> Result<()> {
        let mut writing = lock(&self.writing);
        if writing.apply(&self.place, batch)? {
            self.show(&writing);
        }
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        let mut writing = lock(&self.writing);
        writing.clear(&self.place)?;
        self.show(&writing);
        Ok(())
    }

    fn scrub(&self) -> Result<bool> {
        let mut writing = lock(&self.writing);
        let clean = writing.scrub(&self.place)?;
        self.show(&writing);
        Ok(clean)
    }

    /// What can be searched now.
    fn searchable(&self) -> Arc<Vec<Part>> {
        Arc::clone(&lock(&self.snapshot))
    }

    /// The vector, where it is of this index's dimensions.
    fn fitting(&self, vector: &[f32]) -> Result<Vec<f32>> {
        let dimensions = self.place.dimensions();
        if vector.len() != dimensions {
            return Err(other_dimensions(vector.len(), dimensions));
        }
        Ok(vector.to_vec())
    }

    /// Makes what was committed searchable.
    fn show(&self, writing: &Writing) {
        *lock(&self.snapshot) = Arc::new(writing.parts().to_vec());
    }
}

#[async_trait]
impl Index for DenseIndex {
    fn capabilities(&self) -> IndexCapabilities {
        IndexCapabilities {
            dense: true,
            embedder: Some(self.shared.place.fingerprint().to_owned()),
            ..IndexCapabilities::default()
        }
    }

    async fn checkpoint(&self, ctx: &Context) -> Result<Option<Checkpoint>> {
        self.blocking(ctx, |shared| Ok(lock(&shared.writing).checkpoint())).await
    }

    async fn apply(&self, ctx: &Context, batch: IndexBatch) -> Result<()> {
        ctx.check()?;
        if batch.upserts.iter().any(|entry| !matches!(entry.content, IndexContent::Vector(_))) {
            return Err(only_vectors());
        }
        self.blocking(ctx, move |shared| shared.apply(batch)).await
    }

    async fn clear(&self, ctx: &Context) -> Result<()> {
        ctx.check()?;
        self.blocking(ctx, Shared::clear).await
    }

    async fn scrub(&self, ctx: &Context) -> Result<bool> {
        ctx.check()?;
        self.blocking(ctx, Shared::scrub).await
    }

    async fn search(&self, ctx: &Context, query: &IndexQuery) -> Result<IndexReply> {
        ctx.check()?;
        let Find::Vector(vector) = &query.find else { return Err(only_vectors()) };
        let vector = self.shared.fitting(vector)?;
        let (query, ctx_inside) = (query.clone(), ctx.clone());
        let search = move |shared: &Shared| {
            search::search(&ctx_inside, &shared.searchable(), &query, &vector)
        };
        self.blocking(ctx, search).await
    }

    async fn similarities(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        vector: &[f32],
        chunks: &[ChunkId],
    ) -> Result<Vec<Option<f32>>> {
        ctx.check()?;
        let vector = self.shared.fitting(vector)?;
        let (read_set, chunks, ctx_inside) = (read_set.clone(), chunks.to_vec(), ctx.clone());
        let compare = move |shared: &Shared| {
            search::similarities(&ctx_inside, &shared.searchable(), &read_set, &vector, &chunks)
        };
        self.blocking(ctx, compare).await
    }
}

/// Locks, also after a panic: what the locks guard is replaced as a whole, never left half changed.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn only_vectors() -> Error {
    Error::new(ErrorKind::Unsupported, "This index finds chunks by their vectors, not by terms.")
}

fn other_dimensions(n_found: usize, n_expected: usize) -> Error {
    Error::new(
        ErrorKind::DimensionMismatch,
        format!("The vector has {n_found} components, and those of this index have {n_expected}."),
    )
}

/// Work that panicked: the files hold something that no writer writes.
fn broken(panic: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Storage, "The dense index cannot be read. Restart to rebuild it.")
        .with_source(panic)
}
