//! The truth: what is acknowledged is here, and every index is a projection of it.
//!
//! Operations say what is intended, and each is one atomic step: after a crash it happened or it did not. They are
//! grouped by what they are about; one object implements all groups. A method that reads for someone takes a
//! [`ReadSet`] or answers only for the context's principal; what is not theirs is `not_found`, as if it were not there.
//! Writes of a job's or a turn's result show their [`Lease`] and are refused with `conflict` (`lease_lost`) once
//! somebody else holds it.
//!
//! Every method may fail with `storage` besides the kinds it names.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;

use super::ChunkReader;
use crate::context::{Context, ReadSet};
use crate::error::Result;
use crate::types::{
    BlobHash, Change, Checkpoint, Chunk, Collection, CollectionId, Document, DocumentId,
    DocumentPatch, DocumentVersion, Feedback, Filter, Job, JobId, JobOutcome, Language, Lease,
    Lineage, ListDocuments, ListSessions, MediaType, Message, MessageId, Metadata, NewCollection,
    Page, PageRequest, Role, Session, SessionId, SessionPatch, Span, Stage, StagedChunk, VersionId,
    Warning,
};

/// Everything that is true.
pub trait Store:
    CollectionStore + DocumentStore + JobStore + ChangeFeed + ConversationStore + ChunkReader
{
}

impl<T> Store for T where
    T: CollectionStore + DocumentStore + JobStore + ChangeFeed + ConversationStore + ChunkReader
{
}

/// Makes a create happen once: the same key and body get the first result, another body is a `conflict`
/// (`idempotency_mismatch`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key; unique per principal.
    pub key: String,
    /// A hash of what was asked.
    pub body: [u8; 32],
}

/// Collections and grants.
#[async_trait]
pub trait CollectionStore: Send + Sync + std::fmt::Debug {
    /// What the context's scope may read now; everything for the engine's own work.
    async fn read_set(&self, ctx: &Context) -> Result<ReadSet>;

    /// What the principal may do with a collection; `None` where it may not even know of it.
    async fn role(&self, ctx: &Context, collection: CollectionId) -> Result<Option<Role>>;

    /// The principal's own collection for documents that name none; made when it is first asked for.
    async fn default_collection(&self, ctx: &Context) -> Result<CollectionId>;

    /// Makes a collection that the principal owns.
    ///
    /// # Errors
    /// `already_exists` where the principal has one of this name; `conflict` for a reused key.
    async fn create_collection(
        &self,
        ctx: &Context,
        new: NewCollection,
        idempotency: Option<Idempotency>,
    ) -> Result<Collection>;

    /// The readable collections, the default one first, then by name.
    async fn collections(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        page: &PageRequest,
    ) -> Result<Page<Collection>>;

    /// One collection.
    ///
    /// # Errors
    /// `not_found`.
    async fn collection(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: CollectionId,
    ) -> Result<Collection>;

    /// Removes a collection; its documents stop answering at once (a change for each).
    ///
    /// # Errors
    /// `not_found`; `conflict` for a default collection.
    async fn delete_collection(&self, ctx: &Context, id: CollectionId) -> Result<()>;
}

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
    /// The job that was queued for it; `None` for a duplicate.
    pub job: Option<JobId>,
}

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
    /// `not_found`.
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

    /// The ids of readable live documents whose metadata meet the filter.
    async fn matching_documents(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        filter: &Filter,
    ) -> Result<HashSet<DocumentId>>;

    /// Changes title and metadata. The title is searched, so a new one is a change of the live version.
    ///
    /// # Errors
    /// `not_found`.
    async fn update_document(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
        patch: DocumentPatch,
    ) -> Result<Document>;

    /// Stops a document answering at once, with its change; what is stored of it is swept later.
    ///
    /// # Errors
    /// `not_found`.
    async fn delete_document(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<()>;

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

    /// Bytes of a version's extracted text; the live version where none is named, the whole where no span is.
    ///
    /// # Errors
    /// `not_found`; `invalid_input` where the span is not on character boundaries of the text.
    async fn text(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
        version: Option<u32>,
        span: Option<Span>,
    ) -> Result<String>;

    /// A version's chunks, in order; the live version where none is named.
    ///
    /// # Errors
    /// `not_found`.
    async fn chunks(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
        version: Option<u32>,
        page: &PageRequest,
    ) -> Result<Page<Chunk>>;

    /// Removes up to `limit` rows of what can never be read again (deleted documents, replaced and abandoned
    /// versions) and says which originals nobody refers to any more.
    async fn sweep(&self, ctx: &Context, limit: u32) -> Result<Swept>;
}

/// What a sweep found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    /// Rows removed.
    pub n_rows: u64,
    /// Originals that nobody refers to: delete them, then call again.
    pub orphans: Vec<BlobHash>,
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
    async fn next_job_due(&self, ctx: &Context) -> Result<Option<crate::types::Timestamp>>;
}

/// A version that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveVersion {
    /// Its collection.
    pub collection: CollectionId,
    /// Its document.
    pub document: DocumentId,
    /// The version.
    pub version: VersionId,
}

/// The feed that indexes follow.
#[async_trait]
pub trait ChangeFeed: Send + Sync + std::fmt::Debug {
    /// Which life of the store this is.
    async fn lineage(&self, ctx: &Context) -> Result<Lineage>;

    /// The number of the last change; 0 where there was none.
    async fn last_change(&self, ctx: &Context) -> Result<u64>;

    /// Up to `limit` changes after `seq`, in order. `None` where they were trimmed: the index must be rebuilt.
    async fn changes_after(
        &self,
        ctx: &Context,
        seq: u64,
        limit: u32,
    ) -> Result<Option<Vec<Change>>>;

    /// Up to `limit` live versions after `after`, in the order of their ids: for rebuilding.
    async fn live_versions(
        &self,
        ctx: &Context,
        after: Option<VersionId>,
        limit: u32,
    ) -> Result<Vec<LiveVersion>>;

    /// Up to `limit` chunks of a live version from `ordinal` on, with their texts; none where it is not live.
    async fn chunks_of(
        &self,
        ctx: &Context,
        version: VersionId,
        ordinal: u32,
        limit: u32,
    ) -> Result<Vec<Chunk>>;

    /// Notes how far an index is, and trims what every known index has seen.
    async fn record_checkpoint(
        &self,
        ctx: &Context,
        index: &str,
        checkpoint: Checkpoint,
    ) -> Result<()>;
}

/// What a turn is about.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnTarget {
    /// A new question in a session that is made for it.
    NewSession(SessionPatch),
    /// A new question; it follows `parent`, or the newest message where there is none.
    Reply {
        /// The session.
        session: SessionId,
        /// What it follows.
        parent: Option<MessageId>,
    },
    /// Another wording of a question: a sibling of it.
    Edit {
        /// The session.
        session: SessionId,
        /// The question to put differently.
        message: MessageId,
    },
    /// Another answer to a question: a sibling of the answer.
    Regenerate {
        /// The session.
        session: SessionId,
        /// The answer, or the question, to answer again.
        message: MessageId,
    },
}

/// A turn to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct BeginTurn {
    /// What it is about.
    pub target: TurnTarget,
    /// The question; ignored when answering one again.
    pub content: String,
    /// The host's own facts about the question.
    pub metadata: Metadata,
    /// The model that will answer.
    pub model: String,
    /// Makes it happen once.
    pub idempotency: Option<Idempotency>,
    /// How long the answer's lease lasts.
    pub lease_ttl: Duration,
}

/// A turn that has begun: from here on the question is not lost.
#[derive(Debug, Clone, PartialEq)]
pub struct BegunTurn {
    /// The session.
    pub session: Session,
    /// The question.
    pub user_message: Message,
    /// The answer, pending; or as it stands where the key was used before.
    pub assistant_message: Message,
    /// The answer's lease; `None` where the key was used before.
    pub lease: Option<Lease>,
}

/// An answer that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishTurn {
    /// The message as it is to be stored, its state final.
    pub message: Message,
}

/// Sessions, messages and turns. Everything here is the context's principal's own.
#[async_trait]
pub trait ConversationStore: Send + Sync + std::fmt::Debug {
    /// Makes a session.
    ///
    /// # Errors
    /// `conflict` for a reused key.
    async fn create_session(
        &self,
        ctx: &Context,
        new: SessionPatch,
        idempotency: Option<Idempotency>,
    ) -> Result<Session>;

    /// The sessions, pinned ones first, then by when something last happened in them.
    async fn sessions(
        &self,
        ctx: &Context,
        list: &ListSessions,
        page: &PageRequest,
    ) -> Result<Page<Session>>;

    /// One session.
    ///
    /// # Errors
    /// `not_found`.
    async fn session(&self, ctx: &Context, id: SessionId) -> Result<Session>;

    /// Changes a session.
    ///
    /// # Errors
    /// `not_found`.
    async fn update_session(
        &self,
        ctx: &Context,
        id: SessionId,
        patch: SessionPatch,
    ) -> Result<Session>;

    /// Removes a session with its messages.
    ///
    /// # Errors
    /// `not_found`.
    async fn delete_session(&self, ctx: &Context, id: SessionId) -> Result<()>;

    /// Stores the question and a pending answer, in one step.
    ///
    /// # Errors
    /// `not_found`; `conflict` for a reused key or where the target is still being answered.
    async fn begin_turn(&self, ctx: &Context, begin: BeginTurn) -> Result<BegunTurn>;

    /// Adds text to an answer and holds its lease for `ttl` from now.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn append_turn(
        &self,
        ctx: &Context,
        lease: &Lease,
        delta: String,
        ttl: Duration,
    ) -> Result<()>;

    /// Stores the answer as it ended.
    ///
    /// # Errors
    /// `conflict` (`lease_lost`).
    async fn finish_turn(&self, ctx: &Context, lease: &Lease, finish: FinishTurn) -> Result<()>;

    /// Closes answers whose lease ran out: `failed` with `unavailable` (`lease_lost`), with their text so far. Also
    /// those of a process that is known to be dead: `all` closes every open one. Returns how many.
    async fn close_abandoned_turns(&self, ctx: &Context, all: bool) -> Result<u64>;

    /// One message. Sources and quotes of deleted documents are gone from it.
    ///
    /// # Errors
    /// `not_found`.
    async fn message(&self, ctx: &Context, id: MessageId) -> Result<Message>;

    /// The messages from the first one to `leaf` (the newest leaf where none is named), newest last; pages go
    /// backwards from the end.
    ///
    /// # Errors
    /// `not_found`.
    async fn messages(
        &self,
        ctx: &Context,
        session: SessionId,
        leaf: Option<MessageId>,
        page: &PageRequest,
    ) -> Result<Page<Message>>;

    /// Sets or replaces what the reader thought of an answer.
    ///
    /// # Errors
    /// `not_found`; `invalid_input` for a question.
    async fn set_feedback(
        &self,
        ctx: &Context,
        message: MessageId,
        feedback: Feedback,
    ) -> Result<Message>;
}
