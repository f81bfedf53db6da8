//! Clears up behind everybody: rows nobody can read, originals nobody refers to, turns whose process died, and what was
//! deleted but still lies in a file.
//!
//! What was deleted stops answering at once. Its rows are gone within a minute; then the files in which copies of them
//! lie are written anew, at a moment when no answer is being made. That holds up writes, for seconds where the store is
//! large, so that it is done for a thousandth of the time at the most.

use std::sync::{Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Engine;
use crate::context::Context;
use crate::crash;
use crate::error::{Error, ErrorKind, Result};

/// How often the janitor looks.
const INTERVAL: Duration = Duration::from_secs(30);
/// Rows removed in one step: a few milliseconds of the writer's time.
const SWEEP_ROWS: u32 = 500;
/// Vectors removed in one round, in steps of a few milliseconds.
const SWEEP_VECTORS: u32 = 10_000;
/// How many times as long as it took the files are left alone before they are written anew again.
const SCRUB_PAUSE: u32 = 1_000;
/// How long they are left alone at least, also after it failed.
const MIN_SCRUB_PAUSE: Duration = Duration::from_secs(60);
/// How long it waits for a moment without a turn; then it is done anyway.
const MAX_SCRUB_DELAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How often all originals are compared with the rows: an upload that broke off leaves one without, once in a while.
const LIST_ORIGINALS: Duration = Duration::from_secs(24 * 60 * 60);
/// Originals compared at once.
const LISTED: usize = 500;
/// How long the indexes have to follow the store before the files are left for the next round.
const CATCH_UP: Duration = Duration::from_secs(10);

/// When what takes long is done again.
#[derive(Debug, Default)]
pub(super) struct Janitor {
    rest_until: Mutex<Option<Instant>>,
    listed_at: Mutex<Option<Instant>>,
}

impl Janitor {
    fn rests(&self) -> bool {
        let until = self.rest_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn rest_after(&self, took: Duration) {
        let until =
            Instant::now().checked_add(took.saturating_mul(SCRUB_PAUSE).max(MIN_SCRUB_PAUSE));
        *self.rest_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Whether the originals have not been compared for long, or not yet; from then on they have.
    fn lists_originals(&self) -> bool {
        let mut listed_at = self.listed_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = listed_at.is_none_or(|at| at.elapsed() >= LIST_ORIGINALS);
        if is_due {
            *listed_at = Some(Instant::now());
        }
        is_due
    }
}

/// Works until the engine is closed or gone.
pub(super) async fn run(engine: Weak<Engine>, ctx: Context) {
    let interval = crash::janitor_interval(INTERVAL);
    loop {
        tokio::select! {
            () = ctx.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
        let Some(engine) = engine.upgrade() else { return };
        if let Err(error) = engine.clear_up(&ctx).await {
            tracing::warn!(%error, ?error, "clearing up failed; it is tried again");
        }
    }
}

impl Engine {
    /// Removes what was deleted from every file before it returns.
    pub(crate) async fn clear_up_now(&self) -> Result<()> {
        let ctx = &self.ctx;
        self.name_loose_originals(ctx).await?;
        self.sweep(ctx).await?;
        while self.store().sweep_embeddings(ctx, SWEEP_VECTORS).await? > 0 {}
        if self.scrub(ctx).await? { Ok(()) } else { Err(busy()) }
    }

    async fn clear_up(&self, ctx: &Context) -> Result<()> {
        self.store().close_abandoned_turns(ctx, false).await?;
        self.ledger.settle_abandoned(ctx).await?;
        if self.janitor.lists_originals() {
            self.name_loose_originals(ctx).await?;
        }
        self.sweep(ctx).await?;
        self.store().sweep_embeddings(ctx, SWEEP_VECTORS).await?;
        let Some(since) = self.store().unscrubbed_since(ctx).await? else { return Ok(()) };
        let overdue = since.plus_millis(MAX_SCRUB_DELAY_MS) < self.parts.clock.now();
        if self.janitor.rests() || (self.turns.any() && !overdue) {
            return Ok(());
        }
        let began = Instant::now();
        let scrubbed = self.scrub(ctx).await;
        self.janitor.rest_after(began.elapsed());
        scrubbed.map(|_| ())
    }

    /// Has originals without a row named, so that the sweep deletes them. Uploads go on meanwhile: the sweep waits for them,
    /// and looks once more.
    async fn name_loose_originals(&self, ctx: &Context) -> Result<()> {
        let mut last = None;
        loop {
            let originals = self.parts.blobs.list(ctx, last, LISTED).await?;
            let Some(newest) = originals.last() else { return Ok(()) };
            last = Some(*newest);
            self.store().note_unreferenced(ctx, originals).await?;
        }
    }

    async fn sweep(&self, ctx: &Context) -> Result<()> {
        loop {
            ctx.check()?;
            let _alone = self.originals.write().await;
            let swept = self.store().sweep(ctx, SWEEP_ROWS).await?;
            for orphan in &swept.orphans {
                crash::point("sweep/orphans_named");
                self.parts.blobs.delete(ctx, *orphan).await?;
                crash::point("sweep/original_deleted");
            }
            if swept.n_rows == 0 && swept.orphans.is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes what was deleted out of the files, the store's last: as long as that was not done, it is all tried again.
    /// Returns whether nothing is left.
    async fn scrub(&self, ctx: &Context) -> Result<bool> {
        let newest = self.store().last_change(ctx).await?;
        for projection in self.projections() {
            let followed = tokio::time::timeout(CATCH_UP, projection.reached(newest)).await;
            if !followed.is_ok_and(|followed| followed.is_ok())
                || !projection.index.scrub(ctx).await?
            {
                return Ok(false);
            }
        }
        self.store().scrub(ctx).await?;
        Ok(true)
    }
}

fn busy() -> Error {
    Error::new(ErrorKind::Unavailable, "An index is still following the store. Try again.")
}
