//! The projector: keeps the index equal to the store.
//!
//! It follows the change feed from the index's own checkpoint, which the index writes together with what it applied.
//! Where that checkpoint is missing, of another life of the store, or older than what the feed still has, it starts
//! over from the live versions. Applying a change again changes nothing, so it may die anywhere.

use std::sync::Weak;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::Engine;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::text::analyse;
use crate::traits::{IndexBatch, IndexEntry, Signal};
use crate::types::{Change, ChangeKind, Checkpoint, Chunk, Lineage, VersionId};

/// How the index's checkpoint is called in the store.
const INDEX_NAME: &str = "local";
/// Changes read at a time.
const CHANGES_PER_STEP: u32 = 256;
/// Chunks read, analysed and applied at a time: bounds memory to a few megabytes.
const CHUNKS_PER_STEP: u32 = 1_000;
/// How long the projector relies on signals before it looks for itself.
const IDLE_POLL: Duration = Duration::from_secs(5);
/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Works until the engine is closed or gone.
pub(super) async fn run(weak: Weak<Engine>, ctx: Context) {
    let Some(mut signals) = weak.upgrade().map(|engine| engine.parts.bus.subscribe()) else {
        return;
    };
    loop {
        let Some(engine) = weak.upgrade() else { return };
        let followed = engine.follow_changes(&ctx).await;
        drop(engine);
        let pause = match followed {
            _ if ctx.is_cancelled() => return,
            Ok(()) => IDLE_POLL,
            Err(error) => {
                tracing::warn!(%error, ?error, "following the store failed; it is tried again");
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

impl Engine {
    /// Applies all changes that the index does not have yet.
    async fn follow_changes(&self, ctx: &Context) -> Result<()> {
        let lineage = self.store().lineage(ctx).await?;
        let mut at = self.starting_point(ctx, lineage).await?;
        self.projected.send_replace(at);
        while let Some(changes) = self.store().changes_after(ctx, at, CHANGES_PER_STEP).await? {
            let Some(last) = changes.last().map(|change| change.seq) else { return Ok(()) };
            let mut pending = Pending::default();
            for change in changes {
                self.collect(ctx, change, &mut pending).await?;
            }
            at = last;
            self.apply(ctx, pending, Some(Checkpoint { lineage, seq: at })).await?;
            self.projected.send_replace(at);
        }
        // The feed was trimmed behind us: the next round starts over.
        self.parts.index.clear(ctx).await
    }

    /// The index's place in the feed; after a rebuild where it has none.
    async fn starting_point(&self, ctx: &Context, lineage: Lineage) -> Result<u64> {
        let newest = self.store().last_change(ctx).await?;
        let known = self.parts.index.checkpoint(ctx).await?;
        match known.filter(|known| known.lineage == lineage && known.seq <= newest) {
            Some(known) if self.store().changes_after(ctx, known.seq, 1).await?.is_some() => {
                Ok(known.seq)
            }
            _ => self.rebuild(ctx, Checkpoint { lineage, seq: newest }).await,
        }
    }

    /// Starts over from the live versions. Changes after `checkpoint` are followed as usual.
    async fn rebuild(&self, ctx: &Context, checkpoint: Checkpoint) -> Result<u64> {
        self.parts.index.clear(ctx).await?;
        let mut after = None;
        let mut n_versions = 0_usize;
        loop {
            let versions = self.store().live_versions(ctx, after, CHANGES_PER_STEP).await?;
            let Some(last) = versions.last() else { break };
            after = Some(last.version);
            n_versions += versions.len();
            let mut pending = Pending::default();
            for version in versions {
                self.collect_version(ctx, version.version, &mut pending).await?;
            }
            self.apply(ctx, pending, None).await?;
        }
        self.apply(ctx, Pending::default(), Some(checkpoint)).await?;
        if n_versions > 0 {
            tracing::info!(n_versions, "the index was rebuilt from the store");
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
            ChangeKind::Embedded { .. } => Ok(()),
        }
    }

    /// Adds the chunks of a version, where it is still live.
    async fn collect_version(
        &self,
        ctx: &Context,
        version: VersionId,
        pending: &mut Pending,
    ) -> Result<()> {
        let mut ordinal = 0;
        loop {
            ctx.check()?;
            let chunks = self.store().chunks_of(ctx, version, ordinal, CHUNKS_PER_STEP).await?;
            let Some(last) = chunks.last() else { return Ok(()) };
            ordinal = last.ordinal.saturating_add(1);
            let complete = chunks.len() < CHUNKS_PER_STEP as usize;
            pending.chunks.extend(chunks.into_iter().map(|chunk| (version, chunk)));
            if pending.chunks.len() >= CHUNKS_PER_STEP as usize {
                self.apply(ctx, std::mem::take(pending), None).await?;
            }
            if complete {
                return Ok(());
            }
        }
    }

    async fn apply(
        &self,
        ctx: &Context,
        pending: Pending,
        checkpoint: Option<Checkpoint>,
    ) -> Result<()> {
        let Pending { deletes, chunks } = pending;
        let upserts = tokio::task::spawn_blocking(move || chunks.iter().map(entry).collect())
            .await
            .map_err(|error| Error::internal("Analysing chunks failed.").with_source(error))?;
        self.parts.index.apply(ctx, IndexBatch { deletes, upserts, checkpoint }).await?;
        if let Some(checkpoint) = checkpoint {
            self.store().record_checkpoint(ctx, INDEX_NAME, checkpoint).await?;
        }
        Ok(())
    }
}

/// Changes that were read but not applied yet.
#[derive(Debug, Default)]
struct Pending {
    deletes: Vec<VersionId>,
    chunks: Vec<(VersionId, Chunk)>,
}

impl Pending {
    fn delete(&mut self, version: VersionId) {
        self.chunks.retain(|(other, _)| *other != version);
        self.deletes.push(version);
    }
}

fn entry((version, chunk): &(VersionId, Chunk)) -> IndexEntry {
    let heading = chunk.heading.as_deref().unwrap_or_default();
    IndexEntry {
        chunk: chunk.id,
        version: *version,
        document: chunk.document_id,
        collection: chunk.collection_id,
        terms: analyse(&[&chunk.title, heading, &chunk.text], chunk.language.as_ref()),
    }
}
