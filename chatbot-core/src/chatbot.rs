//! The facade: everything a host can do with an engine.

mod backup;
mod embedding;
mod fetching;
mod history;
#[cfg(feature = "sqlite")]
mod restore;
mod unfinished;
mod usage;

use std::path::Path;
use std::sync::Arc;

use futures_util::stream::BoxStream;

use crate::builder::ChatbotBuilder;
use crate::config::EngineConfig;
use crate::context::Context;
use crate::engine::{
    ComponentHealth, Engine, EventStream, Extraction, IngestOptions, IngestReport, NewDocument,
    Original, Turn, TurnRequest,
};
use crate::error::Result;
use crate::traits::{ByteStream, Idempotency, once};
use crate::types::{
    Chunk, Collection, CollectionId, CollectionPatch, Document, DocumentId, DocumentPatch,
    DocumentVersion, Feedback, ListDocuments, ListSessions, MediaType, Message, MessageId,
    NewCollection, Page, PageRequest, RawDocument, SearchReply, SearchRequest, Session,
    SessionEvent, SessionId, SessionPatch, Span,
};

#[cfg(feature = "sqlite")]
pub use self::backup::backup;
#[cfg(feature = "sqlite")]
pub use self::restore::{Restore, restore};
pub(crate) use self::unfinished::refuse_unfinished;

/// An engine: cheap to clone, safe to share between tasks.
#[derive(Debug, Clone)]
pub struct Chatbot {
    engine: Arc<Engine>,
}

impl Chatbot {
    /// Begins to put an engine together.
    #[must_use]
    pub fn builder() -> ChatbotBuilder {
        ChatbotBuilder::default()
    }

    /// Opens an engine as configured.
    ///
    /// # Errors
    /// `config_invalid`; `storage` where the data directory cannot be used (`read_only`, `disk_full`,
    /// `newer_schema`).
    pub async fn open(config: EngineConfig) -> Result<Self> {
        Self::builder().config(config).build().await
    }

    pub(crate) fn from_engine(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// Finishes what runs, writes everything down, and lets go of the data directory.
    ///
    /// # Errors
    /// `storage`.
    pub async fn close(&self) -> Result<()> {
        self.engine.close().await
    }

    /// Whether every part answers, with how long it took.
    pub async fn health(&self) -> Vec<ComponentHealth> {
        self.engine.health().await
    }

    /// The models that a request may name, the configured one first.
    #[must_use]
    pub fn models(&self) -> Vec<String> {
        self.engine.models()
    }

    /// Takes in a file, or a folder with all that is in it, and returns once everything answers, by its words and, where
    /// an embedder is configured, by meaning.
    ///
    /// What cannot be read is in the report; it does not stop the rest.
    ///
    /// # Errors
    /// `not_found` where there is no such path; `storage`.
    pub async fn ingest(&self, path: impl AsRef<Path>) -> Result<IngestReport> {
        self.ingest_with(&Context::local(), path, IngestOptions::default()).await
    }

    /// As [`ingest`](Self::ingest), with a choice of the collection and of what to wait for.
    ///
    /// # Errors
    /// As [`ingest`](Self::ingest); `not_found` and `permission_denied` for the collection; `cancelled`, `timeout`.
    ///
    /// # Cancellation
    /// What was taken in stays and is worked on.
    pub async fn ingest_with(
        &self,
        ctx: &Context,
        path: impl AsRef<Path>,
        options: IngestOptions,
    ) -> Result<IngestReport> {
        self.engine.ingest_path(ctx, path.as_ref(), &options).await
    }

    /// Answers a question from the documents: the finished message, with its citations and sources.
    ///
    /// # Errors
    /// `invalid_input`, `too_large`, `unsupported` for a strategy, `storage`. A turn that fails later is a message with
    /// its `error`.
    ///
    /// # Cancellation
    /// Stops the model; the message is stored as cancelled.
    pub async fn ask(&self, question: impl Into<TurnRequest>) -> Result<Message> {
        self.stream(question).await?.message().await
    }

    /// Answers a question as a stream of events.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn stream(&self, question: impl Into<TurnRequest>) -> Result<Turn> {
        self.chat(&Context::local(), question.into()).await
    }

    /// Makes a collection.
    ///
    /// # Errors
    /// `invalid_input`, `already_exists`, `conflict` for a reused idempotency key.
    pub async fn create_collection(
        &self,
        ctx: &Context,
        new: NewCollection,
        idempotency: Option<Idempotency>,
    ) -> Result<Collection> {
        self.engine.create_collection(ctx, new, idempotency).await
    }

    /// The collections that may be read.
    ///
    /// # Errors
    /// `storage`.
    pub async fn collections(&self, ctx: &Context, page: &PageRequest) -> Result<Page<Collection>> {
        self.engine.store().default_collection(ctx).await?;
        let read_set = self.engine.read_set(ctx).await?;
        self.engine.store().collections(ctx, &read_set, page).await
    }

    /// One collection.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn collection(&self, ctx: &Context, id: CollectionId) -> Result<Collection> {
        let read_set = self.engine.read_set(ctx).await?;
        self.engine.store().collection(ctx, &read_set, id).await
    }

    /// Changes a collection's name, description and visibility.
    ///
    /// # Errors
    /// `not_found`, `permission_denied`, `invalid_input`, `already_exists` where its owner has another one of this name.
    pub async fn update_collection(
        &self,
        ctx: &Context,
        id: CollectionId,
        patch: CollectionPatch,
    ) -> Result<Collection> {
        self.engine.update_collection(ctx, id, patch).await
    }

    /// Removes a collection with its documents; they stop answering at once.
    ///
    /// # Errors
    /// `not_found`, `permission_denied`, `conflict` for a default collection.
    pub async fn delete_collection(&self, ctx: &Context, id: CollectionId) -> Result<()> {
        self.engine.delete_collection(ctx, id).await
    }

    /// Adds a document; returns once its bytes are safe. [`watch_document`](Self::watch_document) tells the rest.
    ///
    /// # Errors
    /// `too_large`, `not_found` and `permission_denied` for the collection, `conflict` for a reused idempotency
    /// key, `storage`.
    pub async fn add_document(
        &self,
        ctx: &Context,
        new: NewDocument,
        content: ByteStream,
    ) -> Result<Document> {
        self.engine.add_document(ctx, new, content).await
    }

    /// Adds a text as a document.
    ///
    /// # Errors
    /// As [`add_document`](Self::add_document).
    pub async fn add_text(
        &self,
        ctx: &Context,
        new: NewDocument,
        text: impl Into<String>,
    ) -> Result<Document> {
        let new = NewDocument { declared: Some(MediaType::TEXT), ..new };
        self.add_document(ctx, new, once(text.into())).await
    }

    /// Gives a document new bytes; the old version answers until the new one is ready.
    ///
    /// # Errors
    /// `not_found`, `permission_denied`, `too_large`, `storage`.
    pub async fn replace_document(
        &self,
        ctx: &Context,
        id: DocumentId,
        new: NewDocument,
        content: ByteStream,
    ) -> Result<Document> {
        self.engine.replace_document(ctx, id, new, content).await
    }

    /// The documents that may be read, newest first.
    ///
    /// # Errors
    /// `storage`.
    pub async fn documents(
        &self,
        ctx: &Context,
        list: &ListDocuments,
        page: &PageRequest,
    ) -> Result<Page<Document>> {
        let read_set = self.engine.read_set(ctx).await?;
        self.engine.store().documents(ctx, &read_set, list, page).await
    }

    /// One document.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn document(&self, ctx: &Context, id: DocumentId) -> Result<Document> {
        let read_set = self.engine.read_set(ctx).await?;
        self.engine.store().document(ctx, &read_set, id).await
    }

    /// A document's state now and at every change, until everything is done or it failed.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn watch_document(
        &self,
        ctx: &Context,
        id: DocumentId,
    ) -> Result<BoxStream<'static, Document>> {
        self.engine.watch_document(ctx, id).await
    }

    /// Changes a document's title, source and metadata.
    ///
    /// # Errors
    /// `not_found`, `permission_denied`, `invalid_input`; `conflict` for the source of a part.
    pub async fn update_document(
        &self,
        ctx: &Context,
        id: DocumentId,
        patch: DocumentPatch,
    ) -> Result<Document> {
        self.engine.update_document(ctx, id, patch).await
    }

    /// Removes a document; it stops answering at once.
    ///
    /// # Errors
    /// `not_found`, `permission_denied`.
    pub async fn delete_document(&self, ctx: &Context, id: DocumentId) -> Result<()> {
        self.engine.delete_document(ctx, id).await
    }

    /// Stops the work on a document.
    ///
    /// # Errors
    /// `not_found`, `permission_denied`, `conflict` where nothing is being done.
    pub async fn cancel_document(&self, ctx: &Context, id: DocumentId) -> Result<Document> {
        self.engine.cancel_document(ctx, id).await
    }

    /// Reads a document again from its original.
    ///
    /// # Errors
    /// `not_found`, `permission_denied`.
    pub async fn reindex_document(&self, ctx: &Context, id: DocumentId) -> Result<Document> {
        self.engine.reindex_document(ctx, id).await
    }

    /// A document's versions, newest first.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn versions(&self, ctx: &Context, id: DocumentId) -> Result<Vec<DocumentVersion>> {
        let read_set = self.engine.read_set(ctx).await?;
        self.engine.store().versions(ctx, &read_set, id).await
    }

    /// A version's extracted text, or the bytes in `span` of it.
    ///
    /// # Errors
    /// `not_found`; `invalid_input` where the span is not on character boundaries.
    pub async fn text(
        &self,
        ctx: &Context,
        id: DocumentId,
        version: Option<u32>,
        span: Option<Span>,
    ) -> Result<String> {
        let read_set = self.engine.read_set(ctx).await?;
        self.engine.store().text(ctx, &read_set, id, version, span).await
    }

    /// A version's chunks, in order.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn chunks(
        &self,
        ctx: &Context,
        id: DocumentId,
        version: Option<u32>,
        page: &PageRequest,
    ) -> Result<Page<Chunk>> {
        let read_set = self.engine.read_set(ctx).await?;
        self.engine.store().chunks(ctx, &read_set, id, version, page).await
    }

    /// Reads a file as it would be read when taken in, and keeps nothing.
    ///
    /// # Errors
    /// `parse_failed` with its reason, `cancelled`, `timeout`.
    pub async fn extract(&self, ctx: &Context, raw: RawDocument) -> Result<Extraction> {
        self.engine.extract(ctx, raw).await
    }

    /// The bytes a document came as.
    ///
    /// # Errors
    /// `not_found`, `storage`.
    pub async fn original(&self, ctx: &Context, id: DocumentId) -> Result<Original> {
        self.engine.original(ctx, id).await
    }

    /// Finds passages.
    ///
    /// # Errors
    /// `invalid_input`, `too_large`, `not_found` for a collection, `unsupported` for a strategy.
    pub async fn search(&self, ctx: &Context, request: SearchRequest) -> Result<SearchReply> {
        self.engine.search(ctx, request).await
    }

    /// Makes a session.
    ///
    /// # Errors
    /// `invalid_input`, `conflict` for a reused idempotency key.
    pub async fn create_session(
        &self,
        ctx: &Context,
        new: SessionPatch,
        idempotency: Option<Idempotency>,
    ) -> Result<Session> {
        self.engine.create_session(ctx, new, idempotency).await
    }

    /// The asker's sessions, pinned ones first, then the latest.
    ///
    /// # Errors
    /// `storage`.
    pub async fn sessions(
        &self,
        ctx: &Context,
        list: &ListSessions,
        page: &PageRequest,
    ) -> Result<Page<Session>> {
        self.engine.store().sessions(ctx, list, page).await
    }

    /// One session.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn session(&self, ctx: &Context, id: SessionId) -> Result<Session> {
        self.engine.store().session(ctx, id).await
    }

    /// Changes a session.
    ///
    /// # Errors
    /// `not_found`, `invalid_input`.
    pub async fn update_session(
        &self,
        ctx: &Context,
        id: SessionId,
        patch: SessionPatch,
    ) -> Result<Session> {
        self.engine.update_session(ctx, id, patch).await
    }

    /// Removes a session with its messages; answers that are being made are stopped.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn delete_session(&self, ctx: &Context, id: SessionId) -> Result<()> {
        self.engine.delete_session(ctx, id).await
    }

    /// What happens in a session from now on, beginning with how it stands; ends once it is gone.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn watch_session(
        &self,
        ctx: &Context,
        id: SessionId,
    ) -> Result<BoxStream<'static, SessionEvent>> {
        self.engine.watch_session(ctx, id).await
    }

    /// The messages of one branch, newest last; pages go backwards. The branch is the one through `leaf` that goes on to
    /// the newest message below it; that of the newest message where none is named.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn messages(
        &self,
        ctx: &Context,
        session: SessionId,
        leaf: Option<MessageId>,
        page: &PageRequest,
    ) -> Result<Page<Message>> {
        self.engine.messages(ctx, session, leaf, page).await
    }

    /// One message.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn message(&self, ctx: &Context, id: MessageId) -> Result<Message> {
        self.engine.store().message(ctx, id).await
    }

    /// Says what the reader thought of an answer.
    ///
    /// # Errors
    /// `not_found`; `invalid_input` for a question.
    pub async fn set_feedback(
        &self,
        ctx: &Context,
        message: MessageId,
        feedback: Feedback,
    ) -> Result<Message> {
        self.engine.store().set_feedback(ctx, message, feedback).await
    }

    /// Asks: stores the question, then answers it in a task that the engine owns.
    ///
    /// # Errors
    /// `invalid_input`, `too_large`, `not_found`, `unsupported` for a strategy, `conflict`, `storage`: nothing was stored
    /// then. What fails later is a `failed` event, and the message says so.
    pub async fn chat(&self, ctx: &Context, request: TurnRequest) -> Result<Turn> {
        self.engine.chat(ctx, request).await
    }

    /// Follows an answer from the event after `after` on (0: from the beginning), also one that has ended.
    ///
    /// # Errors
    /// `not_found`; `invalid_input` for a question.
    pub async fn follow(
        &self,
        ctx: &Context,
        message: MessageId,
        after: u64,
    ) -> Result<EventStream> {
        self.engine.follow(ctx, message, after).await
    }

    /// Stops an answer and its model; it ends as `cancelled` with its text so far. Stopping one that has ended
    /// changes nothing.
    ///
    /// # Errors
    /// `not_found`; `invalid_input` for a question.
    pub async fn stop(&self, ctx: &Context, message: MessageId) -> Result<()> {
        self.engine.stop(ctx, message).await
    }
}
