//! What a store does in its life, step after step; each may be tried again after it failed.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "acts are grouped, and a test that meets a new one breaks"
)]

use std::sync::Arc;
use std::time::Duration;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::stores::SqliteStore;
use crate::stores::sqlite::sql::{Columns as _, sql};
use crate::testing::FixedClock;
use crate::traits::{
    AcceptDocument, AcceptVersion, BeginTurn, BegunTurn, ChangeFeed as _, CollectionStore as _,
    ConversationStore as _, DocumentStore as _, EmbedderInfo, EmbeddingStore as _, FinishTurn,
    Idempotency, JobStore as _, NewEmbeddings, PublishVersion, TurnTarget,
};
use crate::types::{
    BlobHash, CallId, CallPurpose, CallRecord, Checkpoint, ChunkHash, ChunkId, ChunkSpec,
    DocumentId, EmbeddingJob, EmbeddingOutcome, Job, JobId, JobOutcome, LeaseToken, MediaType,
    Message, MessageState, Metadata, NewCollection, SessionPatch, Span, StagedChunk, Timestamp,
    Usage, Visibility,
};

const TTL: Duration = Duration::from_secs(60);

/// One thing that a store is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Default,
    Collection,
    Space,
    Accept,
    Replace,
    Lease,
    Stage,
    Text,
    Chunks,
    Publish,
    Ready,
    LeaseEmbedding,
    Embed,
    Embedded,
    Project,
    Session,
    Ask,
    Append,
    Answer,
    CopyLog,
    Delete,
    DeleteSession,
    Sweep,
}

use Step::*;

/// A life: two versions of a document, an answer, and what comes after it is deleted.
pub(super) const LIFE: &[Step] = &[
    Default,
    Collection,
    Space,
    Accept,
    Lease,
    Stage,
    Text,
    Chunks,
    Publish,
    Ready,
    LeaseEmbedding,
    Embed,
    Embedded,
    Project,
    Session,
    Ask,
    Append,
    CopyLog,
    Answer,
    Replace,
    Lease,
    Text,
    Chunks,
    Publish,
    Ready,
    Project,
    CopyLog,
    Delete,
    Project,
    Ask,
    Answer,
    DeleteSession,
    Sweep,
    CopyLog,
    Ask,
    Answer,
];

impl Step {
    /// Whether it is one transaction, so that all of it happened or nothing.
    pub(super) fn is_atomic(self) -> bool {
        !matches!(self, Space | Sweep)
    }
}

/// Who plays the life, and what they were told so far.
pub(super) struct Player {
    pub(super) store: Arc<SqliteStore>,
    pub(super) clock: Arc<FixedClock>,
    /// Steps that were begun: names what is asked for, so that asking again is the same request.
    n_asked: u32,
    document: Option<DocumentId>,
    n_versions: u8,
    job: Option<Job>,
    embedding: Option<EmbeddingJob>,
    turn: Option<BegunTurn>,
}

impl Player {
    pub(super) fn new(store: Arc<SqliteStore>, clock: Arc<FixedClock>) -> Self {
        Self {
            store,
            clock,
            n_asked: 0,
            document: None,
            n_versions: 0,
            job: None,
            embedding: None,
            turn: None,
        }
    }

    /// Says that the next step is another request than the last one.
    pub(super) fn go_on(&mut self) {
        self.n_asked += 1;
    }

    fn key(&self) -> Option<Idempotency> {
        Some(Idempotency { key: format!("request {}", self.n_asked), body: [1; 32] })
    }

    fn text(&self) -> String {
        let line =
            |n| format!("Version {} says in line {n} how pumps are oiled.\n", self.n_versions);
        (0..30).map(line).collect()
    }

    /// Does a step. `again` says that it was tried before, so that it may have been done already.
    pub(super) async fn step(&mut self, step: Step, again: bool) -> Result<()> {
        match self.try_step(step).await {
            Err(error) if again && was_done(&error) => Ok(()),
            done => done,
        }
    }

    async fn try_step(&mut self, step: Step) -> Result<()> {
        let (ctx, system) = (Context::local(), Context::system());
        match step {
            Default => self.store.default_collection(&ctx).await.map(drop),
            Collection => {
                let new = NewCollection {
                    name: "Pumps".to_owned(),
                    description: String::new(),
                    visibility: Visibility::Private,
                };
                self.store.create_collection(&ctx, new, self.key()).await.map(drop)
            }
            Space => {
                self.store.use_embedder(&system, Some(&space())).await?;
                while self.store.queue_embeddings(&system).await? {}
                Ok(())
            }
            Accept => self.accept(&ctx).await,
            Replace => self.replace(&ctx).await,
            Lease | Stage | Text | Chunks | Publish | Ready => self.work(step, &system).await,
            LeaseEmbedding | Embed | Embedded => self.embed(step, &system).await,
            Project => {
                let lineage = self.store.lineage(&system).await?;
                let seq = self.store.last_change(&system).await?;
                self.store.record_checkpoint(&system, "lexical", Checkpoint { lineage, seq }).await
            }
            Session | Ask | Append | Answer | DeleteSession => self.talk(step, &ctx).await,
            CopyLog => self.copy_log().await,
            Delete => {
                let read_set = self.store.read_set(&ctx).await?;
                let id = self.document.expect("accepted");
                self.store.delete_document(&ctx, &read_set, id).await
            }
            Sweep => {
                while self.store.sweep(&system, 100).await? != crate::traits::Swept::default() {}
                Ok(())
            }
        }
    }

    async fn accept(&mut self, ctx: &Context) -> Result<()> {
        let new = AcceptDocument {
            collection: self.store.default_collection(ctx).await?,
            title: Some("Pumps".to_owned()),
            source: "pumps.txt".to_owned(),
            declared: Some(MediaType::TEXT),
            blob: BlobHash::of(b"1"),
            size_bytes: 1,
            metadata: Metadata::new(),
            idempotency: self.key(),
        };
        self.document = Some(self.store.accept_document(ctx, new).await?.document.id);
        self.n_versions = 1;
        Ok(())
    }

    async fn replace(&mut self, ctx: &Context) -> Result<()> {
        let new = AcceptVersion {
            document: self.document.expect("accepted"),
            source: None,
            declared: None,
            blob: BlobHash::of(b"2"),
            size_bytes: 1,
        };
        let read_set = self.store.read_set(ctx).await?;
        self.store.accept_version(ctx, &read_set, new).await?;
        self.n_versions = 2;
        Ok(())
    }

    async fn work(&mut self, step: Step, ctx: &Context) -> Result<()> {
        if step == Lease {
            let mut job = self.store.lease_job(ctx, TTL).await?;
            if job.is_none() {
                // It was taken by a try of which nobody heard: its lease has to run out.
                self.clock.advance(TTL);
                job = self.store.lease_job(ctx, TTL).await?;
            }
            self.job = Some(job.expect("a job is due"));
            return Ok(());
        }
        let (store, text) = (&self.store, self.text());
        let job = self.job.as_ref().expect("leased");
        match step {
            Stage => store.set_stage(ctx, &job.lease, crate::types::Stage::Parsing, 0.5).await,
            Text => store.stage_text(ctx, &job.lease, 0, text).await,
            Chunks => store.stage_chunks(ctx, &job.lease, chunks(&text)).await,
            Publish => {
                let publish = publication(job, chunks(&text).len());
                store.publish_version(ctx, &job.lease, publish).await.map(drop)
            }
            _ => store.finish_job(ctx, &job.lease, JobOutcome::Ready).await,
        }
    }

    async fn embed(&mut self, step: Step, ctx: &Context) -> Result<()> {
        if step == LeaseEmbedding {
            let mut job = self.store.lease_embedding(ctx, TTL).await?;
            if job.is_none() {
                self.clock.advance(TTL);
                job = self.store.lease_embedding(ctx, TTL).await?;
            }
            self.embedding = Some(job.expect("vectors are missing"));
            return Ok(());
        }
        let lease = &self.embedding.as_ref().expect("leased").lease;
        if step == Embedded {
            return self.store.finish_embedding(ctx, lease, EmbeddingOutcome::Done).await;
        }
        let wanted = self.store.unembedded(ctx, lease, 1000).await?;
        let Some(last) = wanted.last() else { return Ok(()) };
        let new = NewEmbeddings {
            next_ordinal: last.ordinal + 1,
            vectors: wanted.iter().map(|one| (one.hash, vec![0.5, 0.25])).collect(),
        };
        self.store.store_embeddings(ctx, lease, new).await.map(drop)
    }

    async fn talk(&mut self, step: Step, ctx: &Context) -> Result<()> {
        if step == Session {
            let new = SessionPatch { title: Some("Named".to_owned()), ..SessionPatch::default() };
            return self.store.create_session(ctx, new, self.key()).await.map(drop);
        }
        if step == Ask {
            let begin = BeginTurn {
                target: TurnTarget::NewSession(SessionPatch::default()),
                content: format!("Question {}?", self.n_asked),
                metadata: Metadata::new(),
                model: "scripted".to_owned(),
                idempotency: self.key(),
                lease_ttl: TTL,
            };
            let mut begun = self.store.begin_turn(ctx, begin).await?;
            if begun.lease.is_none() {
                begun.lease = Some(self.lost_lease(&begun).await?);
            }
            self.turn = Some(begun);
            return Ok(());
        }
        let turn = self.turn.as_ref().expect("asked");
        let lease = turn.lease.as_ref().expect("held");
        match step {
            Append => self.store.append_turn(ctx, lease, "Every ".to_owned(), TTL).await,
            Answer => {
                let message = Message {
                    content: "Every 400 hours.".to_owned(),
                    state: MessageState::Complete,
                    ..turn.assistant_message.clone()
                };
                let calls = vec![call(turn)];
                self.store.finish_turn(ctx, lease, FinishTurn { message, calls }).await
            }
            _ => self.store.delete_session(ctx, turn.session.id).await,
        }
    }

    /// The lease that a try of which nobody heard was given. Nobody else could go on with that answer; here it keeps all
    /// lives alike.
    async fn lost_lease(&self, begun: &BegunTurn) -> Result<crate::types::Lease> {
        let id = begun.assistant_message.id;
        let mut tx = self.store.snapshot().await?;
        let row = sql("SELECT token, expires_at FROM messages WHERE id = ?")
            .bind(id)
            .one(&mut tx)
            .await?;
        Ok(crate::types::Lease {
            job: JobId::from_bytes(*id.as_bytes()),
            token: row.col::<LeaseToken>("token")?,
            expires_at: row.col("expires_at")?,
        })
    }

    /// Has both connections that can copy the log do so, at about the same time.
    async fn copy_log(&self) -> Result<()> {
        self.store.writer.note_bytes(1 << 30);
        let checkpoint = Checkpoint { lineage: self.store.lineage, seq: 0 };
        self.store.record_checkpoint(&Context::system(), "dense", checkpoint).await?;
        self.store.writer.control().finish_checkpoint().await;
        Ok(())
    }
}

/// What a second try is told where the first one was done although it failed.
fn was_done(error: &Error) -> bool {
    error.reason() == Some(Reason::LeaseLost) || error.kind() == ErrorKind::NotFound
}

fn space() -> EmbedderInfo {
    EmbedderInfo {
        name: "scripted".to_owned(),
        dimensions: 2,
        max_tokens: None,
        fingerprint: "a".to_owned(),
        languages: None,
    }
}

/// One chunk a line.
pub(super) fn chunks(text: &str) -> Vec<StagedChunk> {
    let mut start = 0;
    let chunk = |(ordinal, line): (usize, &str)| {
        let span = Span::new(start, start + line.len());
        start = span.end;
        StagedChunk {
            id: ChunkId::new(),
            ordinal: u32::try_from(ordinal).expect("few lines"),
            spec: ChunkSpec {
                span,
                heading: None,
                page_start: None,
                page_end: None,
                page_starts: Vec::new(),
            },
            language: None,
            hash: ChunkHash::of("Pumps", None, line),
        }
    };
    text.split_inclusive('\n').enumerate().map(chunk).collect()
}

fn publication(job: &Job, n_chunks: usize) -> PublishVersion {
    PublishVersion {
        version: job.version,
        title: "Pumps".to_owned(),
        media_type: MediaType::TEXT,
        language: None,
        chunk_count: u32::try_from(n_chunks).expect("few lines"),
        page_count: None,
        metadata: Metadata::new(),
        warnings: Vec::new(),
    }
}

/// What was asked for the answer; tried once more, it is the same call.
fn call(turn: &BegunTurn) -> CallRecord {
    CallRecord {
        id: CallId::from_bytes(*turn.assistant_message.id.as_bytes()),
        session: Some(turn.session.id),
        message: Some(turn.assistant_message.id),
        purpose: CallPurpose::Answer,
        model: "scripted".to_owned(),
        usage: Usage { input_tokens: 40, output_tokens: 4, ..Usage::default() },
        error: None,
        at: Timestamp::from_millis(0),
    }
}
