//! The work on documents, and the writes that only its holder may make.

use std::time::Duration;

use async_trait::async_trait;

use crate::context::Context;
use crate::error::Result;
use crate::types::{
    BlobHash, DocumentId, Job, JobOutcome, Language, Lease, MediaType, Metadata, Stage,
    StagedChunk, Timestamp, VersionId, Warning,
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

/// A document inside the version that is being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedPart {
    /// What it is called in there; no two have the same name.
    pub name: String,
    /// What it was declared as.
    pub declared: Option<MediaType>,
    /// Its bytes, which are stored before the version is published.
    pub blob: BlobHash,
    /// Their number.
    pub size_bytes: u64,
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

    /// Notes documents that lie inside the version and become documents when it is published. From here on their originals
    /// are not swept; a try that begins anew, with the text at offset 0, drops them.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn stage_parts(&self, ctx: &Context, lease: &Lease, parts: Vec<StagedPart>)
    -> Result<()>;

    /// How many documents lie, at whatever depth, inside the outermost document around this one, without those directly
    /// in this one.
    async fn n_parts_around(&self, ctx: &Context, document: DocumentId) -> Result<u32>;

    /// Makes the staged version live, and writes its change. Returns the change's number. The documents that were staged
    /// inside it are added in the same step, each with its job and with the owner and the facts of this one; one of the same
    /// name that was there before is left alone where its bytes are the same, and gets a new version where they are not;
    /// those that are there no more are deleted.
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
