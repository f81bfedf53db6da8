//! Work that survives the process: leased, fenced, done once.

use super::{
    BlobHash, CollectionId, DocumentFailure, DocumentId, JobId, LeaseToken, Metadata, Timestamp,
    VersionId,
};

/// A job together with all that is needed to do it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its lease: every write of the job's result shows it.
    pub lease: Lease,
    /// How often it was tried before.
    pub attempts: u32,
    /// The document's collection.
    pub collection: CollectionId,
    /// The document.
    pub document: DocumentId,
    /// The version to make.
    pub version: VersionId,
    /// The original.
    pub blob: BlobHash,
    /// Its size.
    pub size_bytes: u64,
    /// The title given at the upload; replaced by the document's own where none was.
    pub title: Option<String>,
    /// The name it came under.
    pub source: String,
    /// The media type it was declared as.
    pub declared: Option<super::MediaType>,
    /// The host's own facts.
    pub metadata: Metadata,
    /// How many documents it is inside of.
    pub depth: u32,
    /// The change that published it, where the job had come that far before.
    pub published_seq: Option<u64>,
}

/// The right to write a job's or a turn's result until it expires or someone else takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased: a job, or the job-like state of an assistant message.
    pub job: JobId,
    /// The fencing token: a write with an older token than the row's is refused.
    pub token: LeaseToken,
    /// When others may take it.
    pub expires_at: Timestamp,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum JobOutcome {
    /// The version answers.
    Ready,
    /// The document cannot be read; it will not be tried again.
    Failed(DocumentFailure),
    /// Something else is in the way; try again at this time.
    Retry(DocumentFailure, Timestamp),
    /// A person stopped it.
    Cancelled,
}
