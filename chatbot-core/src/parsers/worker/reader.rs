//! Reads documents in processes of their own.

use std::sync::Arc;

use async_trait::async_trait;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::traits::{DocumentReader, ParseLimits};
use crate::types::{ParsedDocument, RawDocument};

use super::super::pictures::{Pictures, Wanted};
use super::WorkerOptions;
use super::pool::Pool;
use super::process::Answer;
use super::wire::Question;

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

    /// What one document may cost.
    pub(in super::super) fn limits(&self) -> &ParseLimits {
        &self.limits
    }

    /// The pages of a document that are pictures without a text that could be read.
    ///
    /// # Errors
    /// As [`DocumentReader::read`].
    pub(in super::super) async fn pictures(
        &self,
        ctx: &Context,
        raw: &RawDocument,
        wanted: Wanted,
    ) -> Result<Pictures> {
        match self.ask(ctx, raw, Question::Pictures(wanted)).await? {
            Answer::Pictures(found) => Ok(found),
            Answer::Text(_) => Err(other_answer()),
        }
    }

    async fn ask(&self, ctx: &Context, raw: &RawDocument, question: Question) -> Result<Answer> {
        ctx.run(self.pool.ask(raw, &self.limits, &question)).await
    }
}

/// A worker's answers are held against what it was asked before.
fn other_answer() -> Error {
    Error::internal("A worker answered another question.")
}

#[async_trait]
impl DocumentReader for WorkerReader {
    async fn read(&self, ctx: &Context, raw: RawDocument) -> Result<ParsedDocument> {
        match self.ask(ctx, &raw, Question::Text).await? {
            Answer::Text(document) => Ok(document),
            Answer::Pictures(_) => Err(other_answer()),
        }
    }
}
