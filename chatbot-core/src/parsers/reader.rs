//! Reads documents in this process, on a bounded number of threads.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::background;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::traits::{DocumentReader, ParseLimits};
use crate::types::{ParsedDocument, RawDocument};

use super::Parsers;

/// Parses on the runtime's blocking threads, a few documents at a time, so that chats keep their share of the machine.
#[derive(Debug, Clone)]
pub struct InProcessReader {
    parsers: Arc<Parsers>,
    limits: ParseLimits,
    places: Arc<Semaphore>,
}

impl InProcessReader {
    /// A reader that works on `n_at_once` documents at the same time, and on one at least.
    #[must_use]
    pub fn new(parsers: Parsers, limits: ParseLimits, n_at_once: usize) -> Self {
        let places = Arc::new(Semaphore::new(n_at_once.max(1)));
        Self { parsers: Arc::new(parsers), limits, places }
    }
}

#[async_trait]
impl DocumentReader for InProcessReader {
    async fn read(&self, ctx: &Context, raw: RawDocument) -> Result<ParsedDocument> {
        // A child, so that dropping this future stops the thread as well.
        let child = ctx.child();
        let _stop = StopOnDrop(child.clone());
        ctx.run(async {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let place = place.map_err(|_| Error::internal("The places for parsing are gone."))?;
            let (parsers, limits) = (Arc::clone(&self.parsers), self.limits.clone());
            let work = move || {
                let _place = place;
                parsers.parse(&child, &raw, &limits)
            };
            background::run(work).await?
        })
        .await
    }
}

struct StopOnDrop(Context);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
