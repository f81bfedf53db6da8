//! The projector: keeps an index equal to the store. There is one for each index.
//!
//! It follows the change feed from the index's own checkpoint, which the index writes together with what it applied.
//! Where that checkpoint is missing, of another life of the store, or older than what the feed still has, it starts
//! over from the live versions. Applying a change again changes nothing, so it may die anywhere. What it reads of a
//! version is what the index can do something with: texts, of which it makes terms, or vectors.

mod pending;
#[cfg(all(feature = "sqlite", feature = "local-index"))]
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::watch;

use self::pending::{Pending, entry_of_vector};
use super::Engine;
use crate::background;
use crate::context::Context;
use crate::crash;
use crate::error::{Error, Result};
use crate::traits::{Index, IndexBatch, Signal, Store};
use crate::types::{Change, ChangeKind, Checkpoint, Lineage, VersionId};

/// Changes read at a time.
const CHANGES_PER_STEP: u32 = 256;
/// Chunks read, analysed and applied at a time: bounds memory to a few megabytes.
const CHUNKS_PER_STEP: u32 = 1_000;
/// How long the projector relies on signals before it looks for itself.
const IDLE_POLL: Duration = Duration::from_secs(5);
/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// An index, and how far it is.
#[derive(Debug)]
pub(super) struct Projection {
    /// How its checkpoint is called in the store.
    pub(super) name: &'static str,
    pub(super) index: Arc<dyn Index>,
    /// The last change that it has.
    pub(super) applied: watch::Sender<u64>,
    standing: watch::Sender<Standing>,
}

/// How an index stands to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody has looked yet: for the first moments of a process.
    Unknown,
    /// It has what is live, but for the newest changes.
    Following,
    /// It is filled again from the store, and has a part of it.
    Rebuilding,
    /// It cannot be brought up to date.
    Failing,
}

impl Projection {
    pub(super) fn new(name: &'static str, index: Arc<dyn Index>) -> Arc<Self> {
        let standing = watch::Sender::new(Standing::Unknown);
        Arc::new(Self { name, index, applied: watch::Sender::new(0), standing })
    }

    /// How the index stands; waits for the first look at it.
    pub(super) async fn standing(&self) -> Standing {
        let mut standing = self.standing.subscribe();
        let known = standing.wait_for(|standing| *standing != Standing::Unknown).await;
        known.map_or(Standing::Failing, |known| *known)
    }

    /// Waits until the index has the change `seq`.
    pub(super) async fn reached(&self, seq: u64) -> Result<()> {
        let mut applied = self.applied.subscribe();
        let waited = applied.wait_for(|applied| *applied >= seq).await;
        waited.map(drop).map_err(|_| Error::internal("The projector has stopped."))
    }
}

/// Works until the engine is closed or gone.
pub(super) async fn run(weak: Weak<Engine>, ctx: Context, projection: Arc<Projection>) {
    let Some(mut signals) = weak.upgrade().map(|engine| engine.parts.bus.subscribe()) else {
        return;
    };
    loop {
        let Some(engine) = weak.upgrade() else { return };
        let followed = Projector::new(&engine, &projection).follow_changes(&ctx).await;
        drop(engine);
        let pause = match followed {
            _ if ctx.is_cancelled() => return,
            Ok(()) => IDLE_POLL,
            Err(error) => {
                projection.standing.send_replace(Standing::Failing);
                tracing::warn!(index = projection.name, %error, ?error,
                    "following the store failed; it is tried again");
                RETRY
            }
        };
        let changed =
            async { while signals.next().await.is_some_and(|signal| signal != Signal::Changed) {} };
        tokio::select! {
            () = ctx.cancelled() => return,
            () = changed => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One round of work.
struct Projector<'e> {
    store: &'e dyn Store,
    projection: &'e Projection,
    /// The fingerprint of the vectors that the index holds; `None` where it holds terms.
    embedder: Option<String>,
}

impl<'e> Projector<'e> {
    fn new(engine: &'e Engine, projection: &'e Projection) -> Self {
        let capabilities = projection.index.capabilities();
        let embedder = capabilities.embedder.filter(|_| capabilities.dense);
        Self { store: engine.store(), projection, embedder }
    }

    /// Applies all changes that the index does not have yet.
    async fn follow_changes(&self, ctx: &Context) -> Result<()> {
        let lineage = self.store.lineage(ctx).await?;
        let mut at = self.starting_point(ctx, lineage).await?;
        self.projection.standing.send_replace(Standing::Following);
        self.projection.applied.send_replace(at);
        while let Some(changes) = self.store.changes_after(ctx, at, CHANGES_PER_STEP).await? {
            let Some(last) = changes.last().map(|change| change.seq) else { return Ok(()) };
            let mut pending = Pending::default();
            for change in changes {
                self.collect(ctx, change, &mut pending).await?;
            }
            at = last;
            self.apply(ctx, pending, Some(Checkpoint { lineage, seq: at })).await?;
            self.projection.applied.send_replace(at);
        }
        // The feed was trimmed behind us: the next round starts over.
        self.projection.index.clear(ctx).await
    }

    /// The index's place in the feed; after a rebuild where it has none.
    async fn starting_point(&self, ctx: &Context, lineage: Lineage) -> Result<u64> {
        let newest = self.store.last_change(ctx).await?;
        let known = self.projection.index.checkpoint(ctx).await?;
        if known.is_some_and(|known| known.lineage == lineage && known.seq > newest) {
            // It only ever follows what was flushed, so this is not a lag: a damaged log was cut off when it was read.
            tracing::error!(
                index = self.projection.name,
                newest,
                "the index knows of changes that the store has lost; it is rebuilt"
            );
        }
        match known.filter(|known| known.lineage == lineage && known.seq <= newest) {
            Some(known) if self.store.changes_after(ctx, known.seq, 1).await?.is_some() => {
                // Said once, also where nothing is to be applied: others must not trim what comes next.
                let is_first = *self.projection.applied.borrow() == 0;
                if is_first {
                    self.store.record_checkpoint(ctx, self.projection.name, known).await?;
                }
                Ok(known.seq)
            }
            _ => self.rebuild(ctx, Checkpoint { lineage, seq: newest }).await,
        }
    }

    /// Starts over from the live versions. Changes after `checkpoint` are followed as usual.
    async fn rebuild(&self, ctx: &Context, checkpoint: Checkpoint) -> Result<u64> {
        self.projection.index.clear(ctx).await?;
        crash::point("index/cleared");
        // Before the work: another index that is ahead must not trim what comes meanwhile.
        self.store.record_checkpoint(ctx, self.projection.name, checkpoint).await?;
        let mut after = None;
        let mut n_versions = 0_usize;
        loop {
            let versions = self.store.live_versions(ctx, after, CHANGES_PER_STEP).await?;
            let Some(last) = versions.last() else { break };
            self.projection.standing.send_replace(Standing::Rebuilding);
            after = Some(last.version);
            n_versions += versions.len();
            let mut pending = Pending::default();
            for version in versions {
                self.collect_version(ctx, version.version, &mut pending).await?;
            }
            self.apply(ctx, pending, None).await?;
            crash::point("index/rebuilding");
        }
        self.apply(ctx, Pending::default(), Some(checkpoint)).await?;
        if n_versions > 0 {
            let index = self.projection.name;
            tracing::info!(index, n_versions, "the index was rebuilt from the store");
        }
        Ok(checkpoint.seq)
    }

    async fn collect(&self, ctx: &Context, change: Change, pending: &mut Pending) -> Result<()> {
        match change.kind {
            ChangeKind::Published { version, replaced, .. } => {
                if let Some(replaced) = replaced {
                    pending.delete(replaced);
                }
                // Before it is added again, so that doing this twice changes nothing.
                pending.delete(version);
                self.collect_version(ctx, version, pending).await
            }
            ChangeKind::Deleted { version, .. } => {
                pending.delete(version);
                Ok(())
            }
            ChangeKind::Embedded { version, ordinals } => match &self.embedder {
                Some(embedder) => {
                    self.collect_vectors(ctx, version, (embedder, ordinals), pending).await
                }
                None => Ok(()),
            },
        }
    }

    /// Adds what the index wants of a version, where that is still live.
    async fn collect_version(
        &self,
        ctx: &Context,
        version: VersionId,
        pending: &mut Pending,
    ) -> Result<()> {
        match &self.embedder {
            Some(embedder) => {
                self.collect_vectors(ctx, version, (embedder, 0..u32::MAX), pending).await
            }
            None => self.collect_chunks(ctx, version, pending).await,
        }
    }

    async fn collect_chunks(
        &self,
        ctx: &Context,
        version: VersionId,
        pending: &mut Pending,
    ) -> Result<()> {
        let mut ordinal = 0;
        loop {
            ctx.check()?;
            let chunks = self.store.chunks_of(ctx, version, ordinal, CHUNKS_PER_STEP).await?;
            let Some(last) = chunks.last() else { return Ok(()) };
            ordinal = last.ordinal.saturating_add(1);
            let complete = chunks.len() < CHUNKS_PER_STEP as usize;
            pending.chunks.extend(chunks.into_iter().map(|chunk| (version, chunk)));
            self.apply_if_full(ctx, pending).await?;
            if complete {
                return Ok(());
            }
        }
    }

    async fn collect_vectors(
        &self,
        ctx: &Context,
        version: VersionId,
        (embedder, mut ordinals): (&str, Range<u32>),
        pending: &mut Pending,
    ) -> Result<()> {
        loop {
            ctx.check()?;
            let vectors = self
                .store
                .vectors_of(ctx, version, embedder, ordinals.clone(), CHUNKS_PER_STEP)
                .await?;
            let Some(last) = vectors.last() else { return Ok(()) };
            ordinals.start = last.ordinal.saturating_add(1);
            let complete = vectors.len() < CHUNKS_PER_STEP as usize;
            pending.vectors.extend(vectors.into_iter().map(|one| entry_of_vector(version, one)));
            self.apply_if_full(ctx, pending).await?;
            if complete {
                return Ok(());
            }
        }
    }

    async fn apply_if_full(&self, ctx: &Context, pending: &mut Pending) -> Result<()> {
        if pending.len() < CHUNKS_PER_STEP as usize {
            return Ok(());
        }
        self.apply(ctx, std::mem::take(pending), None).await
    }

    async fn apply(
        &self,
        ctx: &Context,
        pending: Pending,
        checkpoint: Option<Checkpoint>,
    ) -> Result<()> {
        let (deletes, upserts) = background::run(move || pending.analysed()).await?;
        self.projection.index.apply(ctx, IndexBatch { deletes, upserts, checkpoint }).await?;
        if let Some(checkpoint) = checkpoint {
            crash::point("index/before_note");
            self.store.record_checkpoint(ctx, self.projection.name, checkpoint).await?;
            crash::point("index/after_note");
        }
        Ok(())
    }
}
