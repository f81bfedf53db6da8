//! The work on documents, and the writes that only its holder may make.

use std::time::Duration;

use async_trait::async_trait;

use crate::context::Context;
use crate::error::Result;
use crate::types::{
    Job, JobOutcome, Language, Lease, MediaType, Metadata, Stage, StagedChunk, Timestamp,
    VersionId, Warning,
};

/// What becomes visible when a version is published.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishVersion {
    /// The version.
    pub version: VersionId,
    /// The title it gives the document.
    pub title: String,
    /// What the bytes turned out to be.
    pub media_type: MediaType,
    /// Its main language.
    pub language: Option<Language>,
    /// Chunks staged.
    pub chunk_count: u32,
    /// Pages, where the format has pages.
    pub page_count: Option<u32>,
    /// Facts the format carries; keys that the host set stay the host's.
    pub metadata: Metadata,
    /// What was odd about it.
    pub warnings: Vec<Warning>,
}

/// Jobs, and the writes that a job makes.
#[async_trait]
pub trait JobStore: Send + Sync + std::fmt::Debug {
    /// Takes the oldest job that is due and not held, for `ttl`. Returns `None` where there is none.
    async fn lease_job(&self, ctx: &Context, ttl: Duration) -> Result<Option<Job>>;

    /// Holds a job for `ttl` from now.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn renew_lease(&self, ctx: &Context, lease: &Lease, ttl: Duration) -> Result<Lease>;

    /// Lets go of every lease, for a process that knows that whoever held them is dead. Returns how many.
    async fn release_leases(&self, ctx: &Context) -> Result<u64>;

    /// Says what is being done.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn set_stage(
        &self,
        ctx: &Context,
        lease: &Lease,
        stage: Stage,
        progress: f32,
    ) -> Result<()>;

    /// Stores a part of the version's text; parts arrive in order, and `offset` is the part's first byte. Offset 0
    /// drops whatever an earlier try had staged.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn stage_text(
        &self,
        ctx: &Context,
        lease: &Lease,
        offset: usize,
        part: String,
    ) -> Result<()>;

    /// Stores chunks that nobody sees yet.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn stage_chunks(
        &self,
        ctx: &Context,
        lease: &Lease,
        chunks: Vec<StagedChunk>,
    ) -> Result<()>;

    /// Makes the staged version live, and writes its change. Returns the change's number.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`), also where the document was deleted meanwhile.
    async fn publish_version(
        &self,
        ctx: &Context,
        lease: &Lease,
        publish: PublishVersion,
    ) -> Result<u64>;

    /// Ends a job. A version that was published before keeps answering, whatever the outcome.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn finish_job(&self, ctx: &Context, lease: &Lease, outcome: JobOutcome) -> Result<()>;

    /// When the next job will be due; `None` where none waits.
    async fn next_job_due(&self, ctx: &Context) -> Result<Option<Timestamp>>;
}
