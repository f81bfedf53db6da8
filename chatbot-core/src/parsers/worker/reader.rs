//! Reads documents in processes of their own.

use std::sync::Arc;

use async_trait::async_trait;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{DocumentReader, ParseLimits};
use crate::types::{ParsedDocument, RawDocument};

use super::WorkerOptions;
use super::pool::Pool;

/// Has each document read by a worker, a process that can do no harm beyond it.
///
/// # Cancellation
/// The worker is killed.
#[derive(Debug, Clone)]
pub struct WorkerReader {
    pool: Arc<Pool>,
    limits: ParseLimits,
}

impl WorkerReader {
    /// A reader whose workers are started like this when they are needed.
    #[must_use]
    pub fn new(options: WorkerOptions, limits: ParseLimits) -> Self {
        Self { pool: Arc::new(Pool::new(options)), limits }
    }
}

#[async_trait]
impl DocumentReader for WorkerReader {
    async fn read(&self, ctx: &Context, raw: RawDocument) -> Result<ParsedDocument> {
        ctx.run(self.pool.read(&raw, &self.limits)).await
    }
}
