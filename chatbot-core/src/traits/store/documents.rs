//! Documents from their acceptance to their removal.

use std::collections::HashSet;

use async_trait::async_trait;

use super::Idempotency;
use crate::context::{Context, ReadSet};
use crate::error::Result;
use crate::types::{
    BlobHash, Chunk, CollectionId, Document, DocumentId, DocumentPatch, DocumentVersion, Filter,
    JobId, ListDocuments, MediaType, Metadata, Page, PageRequest, Span, Timestamp,
};

/// A document to take in.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptDocument {
    /// Where to.
    pub collection: CollectionId,
    /// A title; the document's own, or its file name, where there is none.
    pub title: Option<String>,
    /// The name, path or URL it came under.
    pub source: String,
    /// What it was declared as.
    pub declared: Option<MediaType>,
    /// Its bytes, stored already.
    pub blob: BlobHash,
    /// Their number.
    pub size_bytes: u64,
    /// The host's own facts.
    pub metadata: Metadata,
    /// Makes it happen once.
    pub idempotency: Option<Idempotency>,
}

/// New bytes for a document.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptVersion {
    /// The document.
    pub document: DocumentId,
    /// The name they came under.
    pub source: Option<String>,
    /// What they were declared as.
    pub declared: Option<MediaType>,
    /// The bytes, stored already.
    pub blob: BlobHash,
    /// Their number.
    pub size_bytes: u64,
}

/// A document that was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// The document; `duplicate` is set where it was there before.
    pub document: Document,
    /// The job that makes it answer: queued just now, or before, where the same bytes are being read. `None` where there is
    /// nothing to do.
    pub job: Option<JobId>,
}

/// Documents, versions, texts and chunks.
#[async_trait]
pub trait DocumentStore: Send + Sync + std::fmt::Debug {
    /// Takes a document in: the row, its first version and the job, in one step. The same bytes and title in the
    /// same collection are a duplicate of the document that exists, unless that one failed or was cancelled: then
    /// the job is queued again.
    ///
    /// # Errors
    /// `conflict` for a reused key.
    async fn accept_document(&self, ctx: &Context, new: AcceptDocument) -> Result<Accepted>;

    /// Takes in a new version; the live one answers until the new one is published. A version of the document that
    /// was still being made is cancelled. The bytes of the live version again change nothing (`job` is `None`).
    ///
    /// # Errors
    /// `not_found`; `conflict` for a document that came out of another one, with which it is replaced.
    async fn accept_version(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        new: AcceptVersion,
    ) -> Result<Accepted>;

    /// Queues the newest version of a document again, from its original.
    ///
    /// # Errors
    /// `not_found`.
    async fn reindex_document(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<Accepted>;

    /// Readable documents, newest first; deleted ones are not listed.
    async fn documents(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        list: &ListDocuments,
        page: &PageRequest,
    ) -> Result<Page<Document>>;

    /// One document.
    ///
    /// # Errors
    /// `not_found`.
    async fn document(&self, ctx: &Context, read_set: &ReadSet, id: DocumentId)
    -> Result<Document>;

    /// Everything that lies inside a document, at whatever depth.
    ///
    /// # Errors
    /// `not_found`.
    async fn parts_of(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<Vec<DocumentId>>;

    /// The ids of readable live documents whose metadata meet the filter.
    async fn matching_documents(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        filter: &Filter,
    ) -> Result<HashSet<DocumentId>>;

    /// Changes title, source and metadata. The title is searched, so a new one is a change of the live version. Under a new
    /// source, the same bytes are a duplicate from there on, and no longer under the old one; a title that was the name of
    /// the file follows. What lies inside the document gets the same metadata, where it had the same before.
    ///
    /// # Errors
    /// `not_found`; `conflict` for a new source of a document that came out of another one.
    async fn update_document(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
        patch: DocumentPatch,
    ) -> Result<Document>;

    /// Stops a document answering at once, with its change, and everything inside it; what is stored of it is swept later. One
    /// that came out of another does not come back when a version of that one answers again.
    ///
    /// # Errors
    /// `not_found`.
    async fn delete_document(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<()>;

    /// As [`delete_document`](Self::delete_document), and takes away the answers that the document was a source of: they
    /// are empty when this returns, and keep their places. Whoever writes one of them has lost the lease.
    ///
    /// # Errors
    /// `not_found`.
    ///
    /// # Cancellation
    /// The document is deleted; what is left of the answers goes with the next sweep.
    async fn purge_document(&self, ctx: &Context, read_set: &ReadSet, id: DocumentId)
    -> Result<()>;

    /// Stops the work on a document. Its job's lease is void from here on.
    ///
    /// # Errors
    /// `not_found`; `conflict` where nothing is being done.
    async fn cancel_document(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<Document>;

    /// A document's versions, newest first.
    ///
    /// # Errors
    /// `not_found`.
    async fn versions(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<Vec<DocumentVersion>>;

    /// How many versions of a document that were replaced stay whole, the last ones; of the others, the sweep leaves the
    /// text. None, until this is said.
    async fn keep_versions(&self, ctx: &Context, n: u32) -> Result<()>;

    /// Makes a version that was replaced the live one again, at once and as a new change; whatever else is being done to
    /// the document ends. Nothing is read or embedded again, but for documents inside it that were there then and are not
    /// there, or other, now.
    ///
    /// # Errors
    /// `not_found`, also for a version that never answered; `conflict` where its passages are gone.
    async fn restore_version(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
        version: u32,
    ) -> Result<Document>;

    /// Bytes of a version's extracted text; the whole where no span is named, of the live version where none is named.
    /// A version that has answered can be read until its document is deleted: messages quote bytes of it.
    ///
    /// # Errors
    /// `not_found`, also for a version that never answered; `invalid_input` where the span is not on character
    /// boundaries of the text.
    async fn text(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
        version: Option<u32>,
        span: Option<Span>,
    ) -> Result<String>;

    /// The live version's chunks, in order.
    ///
    /// # Errors
    /// `not_found`, also where `version` is named and is not the one that is live.
    async fn chunks(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
        version: Option<u32>,
        page: &PageRequest,
    ) -> Result<Page<Chunk>>;

    /// Removes up to `limit` rows of what can never be read again (deleted documents, abandoned versions, and of
    /// replaced ones that are not kept the chunks; their text and their entry in the history stay) and says which originals nobody refers
    /// to any more.
    /// Whoever deletes those must let no upload of the same bytes happen between this call and the deletion: it would
    /// find its original gone.
    async fn sweep(&self, ctx: &Context, limit: u32) -> Result<Swept>;

    /// Has the next sweep name those of these originals that nobody refers to: an upload ended between its file and its row.
    /// One whose row comes meanwhile is not named.
    async fn note_unreferenced(&self, ctx: &Context, originals: Vec<BlobHash>) -> Result<()>;

    /// Since when something that was removed is still on the disk, where no row leads to it; `None` where nothing is.
    async fn unscrubbed_since(&self, ctx: &Context) -> Result<Option<Timestamp>>;

    /// Takes what was removed off the disk for good. Everybody who writes waits meanwhile.
    ///
    /// # Errors
    /// `unavailable` where somebody reads all the time: try again.
    async fn scrub(&self, ctx: &Context) -> Result<()>;
}

/// What a sweep found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    /// Rows removed.
    pub n_rows: u64,
    /// Originals that nobody refers to: delete them, then call again.
    pub orphans: Vec<BlobHash>,
}
