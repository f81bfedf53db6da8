//! Clears up behind everybody: rows nobody can read, originals nobody refers to, turns whose process died.

use std::sync::Weak;
use std::time::Duration;

use super::Engine;
use crate::context::Context;
use crate::crash;
use crate::error::Result;

/// How often the janitor looks.
const INTERVAL: Duration = Duration::from_secs(30);
/// Rows removed in one step: a few milliseconds of the writer's time.
const SWEEP_ROWS: u32 = 500;
/// Vectors removed in one round, in steps of a few milliseconds.
const SWEEP_VECTORS: u32 = 10_000;

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
    async fn clear_up(&self, ctx: &Context) -> Result<()> {
        self.store().close_abandoned_turns(ctx, false).await?;
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
                break;
            }
        }
        self.store().sweep_embeddings(ctx, SWEEP_VECTORS).await?;
        Ok(())
    }
}
