//! What the cases share: a store, a clock, and the steps that lead to a document that answers.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use crate::context::{Context, ReadSet};
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::testing::FixedClock;
use crate::traits::{
    AcceptDocument, AcceptVersion, Accepted, BeginTurn, BegunTurn, Idempotency, PublishVersion,
    Store, TurnTarget,
};
use crate::types::{
    BlobHash, ChunkHash, ChunkId, ChunkSpec, CollectionId, Document, DocumentId, Job, JobOutcome,
    Language, MediaType, Message, MessageState, Metadata, NewCollection, PageRequest, PageStart,
    PrincipalId, SessionPatch, Source, SourceScores, Span, StagedChunk, Visibility,
};

/// An empty store, and what must live as long as it does, such as its temporary folder.
pub struct Fresh {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Dropped after it.
    pub kept: Box<dyn Any>,
}

impl Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").field("store", &self.store).finish_non_exhaustive()
    }
}

/// How long leases last in the cases.
pub(super) const TTL: Duration = Duration::from_secs(60);

/// What a document is called that says nothing of it itself.
const MADE_TITLE: &str = "Made from the file";

pub(super) struct Bench {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<FixedClock>,
    _kept: Box<dyn Any>,
}

/// A document that answers, and the chunks it answers with.
pub(super) struct Answering {
    pub(super) document: Document,
    pub(super) chunks: Vec<ChunkId>,
    pub(super) seq: u64,
}

impl Bench {
    pub(super) async fn new(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) -> Self {
        let clock = Arc::new(FixedClock::default());
        let Fresh { store, kept } = make(Arc::clone(&clock)).await;
        Self { store, clock, _kept: kept }
    }

    pub(super) async fn read_set(&self, ctx: &Context) -> ReadSet {
        self.store.read_set(ctx).await.unwrap()
    }

    pub(super) async fn default_collection(&self, ctx: &Context) -> CollectionId {
        self.store.default_collection(ctx).await.unwrap()
    }

    pub(super) async fn collection(&self, ctx: &Context, name: &str) -> CollectionId {
        let new = new_collection(name, Visibility::Private);
        self.store.create_collection(ctx, new, None).await.unwrap().id
    }

    pub(super) async fn accept(&self, ctx: &Context, title: &str, text: &str) -> Accepted {
        let upload = upload(self.default_collection(ctx).await, title, text);
        self.store.accept_document(ctx, upload).await.unwrap()
    }

    pub(super) async fn lease(&self) -> Job {
        self.store.lease_job(&Context::system(), TTL).await.unwrap().expect("a job is due")
    }

    /// Stages `text` and its chunks.
    pub(super) async fn stage(&self, job: &Job, text: &str) -> Vec<ChunkId> {
        let system = Context::system();
        self.store.stage_text(&system, &job.lease, 0, text.to_owned()).await.unwrap();
        let chunks = staged(text);
        let ids = chunks.iter().map(|chunk| chunk.id).collect();
        self.store.stage_chunks(&system, &job.lease, chunks).await.unwrap();
        ids
    }

    pub(super) async fn publish(&self, job: &Job, text: &str) -> u64 {
        let publish = publication(job, text);
        self.store.publish_version(&Context::system(), &job.lease, publish).await.unwrap()
    }

    pub(super) async fn finish(&self, job: &Job, outcome: JobOutcome) {
        self.store.finish_job(&Context::system(), &job.lease, outcome).await.unwrap();
    }

    /// Does the oldest job, whose document says `text`.
    pub(super) async fn work(&self, text: &str) -> (Job, Vec<ChunkId>, u64) {
        let job = self.lease().await;
        let chunks = self.stage(&job, text).await;
        let seq = self.publish(&job, text).await;
        self.finish(&job, JobOutcome::Ready).await;
        (job, chunks, seq)
    }

    /// A document in the default collection that answers.
    pub(super) async fn add(&self, ctx: &Context, title: &str, text: &str) -> Answering {
        let accepted = self.accept(ctx, title, text).await;
        let (job, chunks, seq) = self.work(text).await;
        assert_eq!(job.document, accepted.document.id, "the oldest job is done first");
        let document = self.document(ctx, accepted.document.id).await;
        Answering { document, chunks, seq }
    }

    /// New bytes for a document, taken in but not worked on.
    pub(super) async fn replace(&self, ctx: &Context, id: DocumentId, text: &str) -> Accepted {
        let new = AcceptVersion {
            document: id,
            source: None,
            declared: None,
            blob: BlobHash::of(text.as_bytes()),
            size_bytes: text.len() as u64,
        };
        self.store.accept_version(ctx, &self.read_set(ctx).await, new).await.unwrap()
    }

    pub(super) async fn document(&self, ctx: &Context, id: DocumentId) -> Document {
        self.store.document(ctx, &self.read_set(ctx).await, id).await.unwrap()
    }

    pub(super) async fn hydrated(&self, ctx: &Context, ids: &[ChunkId]) -> Vec<String> {
        let passages = self.store.hydrate(ctx, &self.read_set(ctx).await, ids).await.unwrap();
        passages.into_iter().map(|passage| passage.chunk.text).collect()
    }

    /// Begins a turn in a session that is made for it.
    pub(super) async fn begin(&self, ctx: &Context, question: &str) -> BegunTurn {
        let turn = turn(TurnTarget::NewSession(SessionPatch::default()), question);
        self.store.begin_turn(ctx, turn).await.unwrap()
    }

    /// Ends a turn with an answer.
    pub(super) async fn answer(&self, ctx: &Context, turn: &BegunTurn, content: &str) -> Message {
        let message = Message {
            content: content.to_owned(),
            state: MessageState::Complete,
            ..turn.assistant_message.clone()
        };
        self.end(ctx, turn, message).await
    }

    pub(super) async fn end(&self, ctx: &Context, turn: &BegunTurn, message: Message) -> Message {
        let lease = turn.lease.as_ref().unwrap();
        let id = message.id;
        let finish = crate::traits::FinishTurn { message, calls: Vec::new() };
        self.store.finish_turn(ctx, lease, finish).await.unwrap();
        self.store.message(ctx, id).await.unwrap()
    }
}

pub(super) fn principal(name: &str) -> Context {
    Context::new(PrincipalId::new(name))
}

pub(super) fn kind<T: Debug>(result: Result<T>) -> ErrorKind {
    result.expect_err("it must be refused").kind()
}

/// Whether a write was refused because its lease is another's.
pub(super) fn lost<T: Debug>(result: Result<T>) -> bool {
    let error: Error = result.expect_err("a write without the lease must be refused");
    (error.kind(), error.reason()) == (ErrorKind::Conflict, Some(Reason::LeaseLost))
}

pub(super) fn first(limit: u32) -> PageRequest {
    PageRequest::new(limit, None).unwrap()
}

pub(super) fn new_collection(name: &str, visibility: Visibility) -> NewCollection {
    NewCollection { name: name.to_owned(), description: String::new(), visibility }
}

pub(super) fn upload(collection: CollectionId, title: &str, text: &str) -> AcceptDocument {
    AcceptDocument {
        collection,
        title: Some(title.to_owned()),
        source: format!("folder/{title}.txt"),
        declared: Some(MediaType::TEXT),
        blob: BlobHash::of(text.as_bytes()),
        size_bytes: text.len() as u64,
        metadata: Metadata::new(),
        idempotency: None,
    }
}

pub(super) fn key(name: &str, body: u8) -> Idempotency {
    Idempotency { key: name.to_owned(), body: [body; 32] }
}

/// One chunk per line of `text`.
pub(super) fn staged(text: &str) -> Vec<StagedChunk> {
    let mut start = 0;
    let mut chunks = Vec::new();
    for (ordinal, line) in text.split_inclusive('\n').enumerate() {
        let span = Span::new(start, start + line.len());
        start = span.end;
        let spec = ChunkSpec {
            span,
            heading: Some("Heading".to_owned()),
            page_start: Some(1),
            page_end: Some(2),
            page_starts: vec![PageStart { page: 2, byte: span.end - 1 }],
        };
        chunks.push(StagedChunk {
            id: ChunkId::new(),
            ordinal: u32::try_from(ordinal).unwrap(),
            spec,
            language: Some(Language::from_static("eng")),
            hash: ChunkHash::of(MADE_TITLE, Some("Heading"), line),
        });
    }
    chunks
}

pub(super) fn publication(job: &Job, text: &str) -> PublishVersion {
    PublishVersion {
        version: job.version,
        title: MADE_TITLE.to_owned(),
        media_type: MediaType::TEXT,
        language: Some(Language::from_static("eng")),
        chunk_count: u32::try_from(staged(text).len()).unwrap(),
        page_count: Some(2),
        metadata: Metadata::new(),
        warnings: Vec::new(),
    }
}

pub(super) fn metadata(json: serde_json::Value) -> Metadata {
    json.as_object().cloned().unwrap()
}

pub(super) fn turn(target: TurnTarget, content: &str) -> BeginTurn {
    BeginTurn {
        target,
        content: content.to_owned(),
        metadata: Metadata::new(),
        model: "scripted".to_owned(),
        idempotency: None,
        lease_ttl: TTL,
    }
}

/// A source of an answer, from the first chunk of a document.
pub(super) fn source(answering: &Answering, text: &str) -> Source {
    Source {
        index: 1,
        document_id: answering.document.id,
        document_version: answering.document.version,
        chunk_id: answering.chunks[0],
        title: answering.document.title.clone(),
        text: text.to_owned(),
        page_start: Some(1),
        page_end: Some(1),
        page_starts: Vec::new(),
        heading: Some("Heading".to_owned()),
        byte_start: 0,
        byte_end: text.len(),
        score: 1.5,
        scores: SourceScores { lexical: Some(7.25), ..SourceScores::default() },
        metadata: Metadata::new(),
        deleted: false,
    }
}
