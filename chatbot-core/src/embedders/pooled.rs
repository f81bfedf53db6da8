//! What every embedder over a pool does: a call becomes a job for each text, and the vectors come back in their order.

use std::num::NonZero;

use tokio::sync::mpsc;

use super::pool::{Job, Model, Pool};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::traits::{EmbedRequest, Embeddings};

/// As many threads as there are cores.
pub(super) fn every_core() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The vectors of a request's texts.
pub(super) async fn embed<M: Model>(
    pool: &Pool<M>,
    dimensions: usize,
    ctx: &Context,
    request: EmbedRequest,
) -> Result<Embeddings> {
    ctx.check()?;
    let n_texts = request.texts.len();
    let (reply, mut replies) = mpsc::unbounded_channel();
    let texts = request.texts.into_iter().enumerate();
    let jobs = texts.map(|(at, text)| Job { ctx: ctx.clone(), text, at, reply: reply.clone() });
    pool.submit(request.kind, jobs.collect())?;
    drop(reply);
    let mut vectors = vec![Vec::new(); n_texts];
    ctx.run(async {
        for _ in 0..n_texts {
            let (at, vector) =
                replies.recv().await.ok_or_else(|| Error::internal("The embedder lost a text."))?;
            if let Some(slot) = vectors.get_mut(at) {
                *slot = vector?;
            }
        }
        Ok(())
    })
    .await?;
    Ok(Embeddings::new(dimensions, vectors.concat()))
}
