//! Two workers and a document.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "acts are grouped, and a test that meets a new one breaks"
)]

use std::sync::Arc;
use std::time::Duration;

use chatbot_fault_disk::Disk;
use stateright::{Checker as _, Model, PathRecorder, Property};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::stores::SqliteStore;
use crate::testing::FixedClock;
use crate::traits::{
    AcceptDocument, CollectionStore as _, DocumentStore as _, JobStore as _, PublishVersion,
};
use crate::types::{
    BlobHash, ChunkHash, ChunkId, ChunkSpec, DocumentFailure, DocumentId, DocumentStatus, Job,
    JobOutcome, Lease, MediaType, Metadata, PageRequest, Span, Stage, StagedChunk,
};

const TTL: Duration = Duration::from_secs(60);
/// Times that the job is taken, at most: enough for each worker to lose it to the other and get it back.
const MAX_ATTEMPTS: u8 = 3;

/// What happens. Numbers are workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Act {
    Lease(usize),
    Renew(usize),
    Text(usize),
    Chunks(usize),
    Publish(usize),
    Ready(usize),
    Fail(usize),
    Retry(usize),
    /// The worker's process ends.
    Die(usize),
    /// Time passes, as long as a lease lasts.
    Expire,
    /// A person stops the work.
    Cancel,
}

/// What a worker believes, and which of its steps comes next: text, chunks, publishing, saying that it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum View {
    Idle,
    Holds {
        next: u8,
    },
    /// It believes that it holds the job, and is wrong.
    Lost {
        next: u8,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Row {
    held: bool,
    due: bool,
    attempts: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    job: Option<Row>,
    views: [View; 2],
    /// Who staged it.
    text: Option<usize>,
    chunks: Option<usize>,
    /// Who made the text and the chunks that answer.
    live: Option<(Option<usize>, Option<usize>)>,
    status: DocumentStatus,
}

/// The rules. Without the fence, whoever lost its lease may go on writing.
#[derive(Debug, Clone, Copy)]
struct Rules {
    has_fence: bool,
}

impl Rules {
    /// The state after an act, and whether the store did it; `None` where nobody would do that.
    fn after(self, state: &State, act: Act) -> Option<(State, bool)> {
        let mut next = state.clone();
        let done = match act {
            Act::Lease(worker) => lease(&mut next, worker)?,
            Act::Expire => {
                let row = next.job.as_mut().filter(|row| row.held && !row.due)?;
                row.due = true;
                true
            }
            Act::Cancel => {
                next.job.take()?;
                next.views.iter_mut().for_each(lose);
                next.status = match next.live {
                    Some(_) => DocumentStatus::Ready,
                    None => DocumentStatus::Cancelled,
                };
                true
            }
            Act::Die(worker) => {
                (next.views[worker] != View::Idle).then_some(())?;
                next.views[worker] = View::Idle;
                true
            }
            Act::Renew(worker)
            | Act::Text(worker)
            | Act::Chunks(worker)
            | Act::Publish(worker)
            | Act::Ready(worker)
            | Act::Fail(worker)
            | Act::Retry(worker) => self.write(&mut next, worker, act)?,
        };
        (next != *state).then_some((next, done))
    }

    fn write(self, state: &mut State, worker: usize, act: Act) -> Option<bool> {
        let (at, holds) = match state.views[worker] {
            View::Idle => return None,
            View::Holds { next } => (next, true),
            View::Lost { next } => (next, false),
        };
        let comes_next = match act {
            Act::Text(_) => at == 0,
            Act::Chunks(_) => at == 1,
            Act::Publish(_) => at == 2,
            Act::Ready(_) => at == 3,
            Act::Fail(_) | Act::Retry(_) => at < 3,
            _ => true,
        };
        comes_next.then_some(())?;
        if !holds && self.has_fence {
            state.views[worker] = View::Idle;
            return Some(false);
        }
        let go_on = |state: &mut State| match &mut state.views[worker] {
            View::Holds { next } | View::Lost { next } => *next += 1,
            View::Idle => {}
        };
        match act {
            Act::Renew(_) => state.job.iter_mut().for_each(|row| row.due = false),
            Act::Text(_) => {
                (state.text, state.chunks) = (Some(worker), None);
                go_on(state);
            }
            Act::Chunks(_) => {
                state.chunks = Some(worker);
                go_on(state);
            }
            Act::Publish(_) => {
                state.live.get_or_insert((state.text, state.chunks));
                go_on(state);
            }
            Act::Retry(_) => {
                if let Some(row) = &mut state.job {
                    (row.held, row.due) = (false, true);
                }
                state.status = DocumentStatus::Queued;
                state.views[worker] = View::Idle;
            }
            _ => {
                state.job = None;
                state.status = match state.live {
                    Some(_) => DocumentStatus::Ready,
                    None => DocumentStatus::Failed,
                };
                state.views[worker] = View::Idle;
            }
        }
        Some(true)
    }
}

fn lease(state: &mut State, worker: usize) -> Option<bool> {
    (state.views[worker] == View::Idle).then_some(())?;
    let row = state.job.as_mut().filter(|row| row.due && row.attempts < MAX_ATTEMPTS)?;
    *row = Row { held: true, due: false, attempts: row.attempts + 1 };
    state.views.iter_mut().for_each(lose);
    state.views[worker] = View::Holds { next: if state.live.is_some() { 3 } else { 0 } };
    state.status = DocumentStatus::Processing;
    Some(true)
}

fn lose(view: &mut View) {
    if let View::Holds { next } = *view {
        *view = View::Lost { next };
    }
}

impl Model for Rules {
    type State = State;
    type Action = Act;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            job: Some(Row { held: false, due: true, attempts: 0 }),
            views: [View::Idle; 2],
            text: None,
            chunks: None,
            live: None,
            status: DocumentStatus::Queued,
        }]
    }

    fn actions(&self, _: &State, actions: &mut Vec<Act>) {
        actions.extend([Act::Expire, Act::Cancel]);
        for worker in 0..2 {
            actions.extend([
                Act::Lease(worker),
                Act::Renew(worker),
                Act::Text(worker),
                Act::Chunks(worker),
                Act::Publish(worker),
                Act::Ready(worker),
                Act::Fail(worker),
                Act::Retry(worker),
                Act::Die(worker),
            ]);
        }
    }

    fn next_state(&self, state: &State, act: Act) -> Option<State> {
        self.after(state, act).map(|(next, _)| next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what answers is one worker's", |_, state: &State| {
                state.live.is_none_or(|(text, chunks)| text.is_some() && text == chunks)
            }),
            Property::always("one holds the job", |_, state: &State| {
                let holds = |view: &&View| matches!(view, View::Holds { .. });
                state.views.iter().filter(holds).count() <= usize::from(state.job.is_some())
            }),
            Property::sometimes("it answers after it was taken over", |_, state: &State| {
                state.status == DocumentStatus::Ready
                    && state.views.iter().any(|view| matches!(view, View::Lost { .. }))
            }),
            Property::sometimes("it fails", |_, state: &State| {
                state.status == DocumentStatus::Failed
            }),
        ]
    }
}

#[test]
fn without_the_fence_two_workers_mix_their_work() {
    let checked = Rules { has_fence: false }.checker().spawn_bfs().join();
    let found = checked.discovery("what answers is one worker's").expect("a way to mix them");
    assert!(found.into_actions().len() > 5);
}

#[tokio::test]
async fn the_store_does_what_the_model_says_in_every_state() {
    let rules = Rules { has_fence: true };
    let (recorder, paths) = PathRecorder::new_with_accessor();
    let checked = rules.checker().visitor(recorder).spawn_bfs().join();
    checked.assert_properties();
    let dir = tempfile::tempdir().unwrap();
    let _disk = Disk::over(dir.path()).unwrap();
    let clock = Arc::new(FixedClock::default());
    let moved = Arc::clone(&clock) as Arc<dyn crate::traits::Clock>;
    let store = SqliteStore::open(&dir.path().join("store.db"), moved).await.unwrap();
    let paths = paths();
    println!("{} states", paths.len());
    for path in paths {
        Play::new(&store, &clock).await.path(rules, path.into_actions()).await;
    }
}

/// One path on a real store.
struct Play<'s> {
    store: &'s SqliteStore,
    clock: &'s FixedClock,
    document: DocumentId,
    jobs: [Option<Job>; 2],
}

impl<'s> Play<'s> {
    async fn new(store: &'s SqliteStore, clock: &'s FixedClock) -> Self {
        let ctx = Context::local();
        let new = AcceptDocument {
            collection: store.default_collection(&ctx).await.unwrap(),
            title: None,
            source: "a.txt".to_owned(),
            declared: None,
            blob: BlobHash::of(b"a"),
            size_bytes: 1,
            metadata: Metadata::new(),
            idempotency: None,
        };
        let document = store.accept_document(&ctx, new).await.unwrap().document.id;
        Self { store, clock, document, jobs: [None, None] }
    }

    async fn path(mut self, rules: Rules, acts: Vec<Act>) {
        let mut state = rules.init_states().remove(0);
        for (n, act) in acts.iter().enumerate() {
            let (next, done) = rules.after(&state, *act).expect("a step of the model");
            let acted = self.act(*act).await;
            let what = format!("{:?}", &acts[..=n]);
            match acted {
                Ok(()) => assert!(done, "{what}: the store did it"),
                Err(error) => {
                    assert!(!done, "{what}: {error:?}");
                    assert!(is_lost(&error), "{what}: {error:?}");
                }
            }
            state = next;
        }
        self.is_as(&state, &format!("{acts:?}")).await;
        for worker in 0..2 {
            if matches!(state.views[worker], View::Lost { .. }) {
                self.writes_nothing(worker, &format!("{acts:?}")).await;
            }
        }
        self.is_as(&state, &format!("{acts:?}, and what was refused")).await;
        let ctx = Context::local();
        let read_set = self.store.read_set(&ctx).await.unwrap();
        self.store.delete_document(&ctx, &read_set, self.document).await.unwrap();
    }

    async fn act(&mut self, act: Act) -> Result<()> {
        let system = Context::system();
        match act {
            Act::Lease(worker) => {
                let job = self.store.lease_job(&system, TTL).await?;
                assert!(job.is_some(), "the job is due");
                self.jobs[worker] = job;
            }
            Act::Expire => self.clock.advance(TTL),
            Act::Die(worker) => self.jobs[worker] = None,
            Act::Cancel => {
                let ctx = Context::local();
                let read_set = self.store.read_set(&ctx).await?;
                self.store.cancel_document(&ctx, &read_set, self.document).await?;
            }
            Act::Renew(worker)
            | Act::Text(worker)
            | Act::Chunks(worker)
            | Act::Publish(worker)
            | Act::Ready(worker)
            | Act::Fail(worker)
            | Act::Retry(worker) => {
                return self.write(act, worker).await;
            }
        }
        Ok(())
    }

    async fn write(&self, act: Act, worker: usize) -> Result<()> {
        let (store, ctx) = (self.store, Context::system());
        let job = self.jobs[worker].as_ref().expect("it believes to hold it");
        let (lease, text) = (&job.lease, text(worker));
        match act {
            Act::Renew(_) => store.renew_lease(&ctx, lease, TTL).await.map(drop),
            Act::Text(_) => store.stage_text(&ctx, lease, 0, text).await,
            Act::Chunks(_) => store.stage_chunks(&ctx, lease, vec![chunk(worker)]).await,
            Act::Publish(_) => store.publish_version(&ctx, lease, publication(job)).await.map(drop),
            Act::Ready(_) => store.finish_job(&ctx, lease, JobOutcome::Ready).await,
            Act::Fail(_) => store.finish_job(&ctx, lease, JobOutcome::Failed(failure())).await,
            _ => {
                let at = crate::traits::Clock::now(self.clock);
                store.finish_job(&ctx, lease, JobOutcome::Retry(failure(), at)).await
            }
        }
    }

    /// Every write that a lease allows is refused to whoever lost it.
    async fn writes_nothing(&self, worker: usize, what: &str) {
        let lease: &Lease = &self.jobs[worker].as_ref().expect("it believes to hold it").lease;
        let system = Context::system();
        let staged = self.store.set_stage(&system, lease, Stage::Parsing, 0.5).await;
        assert!(is_lost(&staged.unwrap_err()), "{what}");
        for act in
            [Act::Renew, Act::Text, Act::Chunks, Act::Publish, Act::Ready, Act::Fail, Act::Retry]
        {
            let error = self.write(act(worker), worker).await.unwrap_err();
            assert!(is_lost(&error), "{what}: {error:?}");
        }
    }

    async fn is_as(&self, state: &State, what: &str) {
        let ctx = Context::local();
        let read_set = self.store.read_set(&ctx).await.unwrap();
        let document = self.store.document(&ctx, &read_set, self.document).await.unwrap();
        assert_eq!(document.status, state.status, "{what}");
        let page = PageRequest::default();
        let chunks = self.store.chunks(&ctx, &read_set, self.document, None, &page).await;
        let Some((made_text, made_chunks)) = state.live else {
            assert!(chunks.map_or(true, |page| page.items.is_empty()), "{what}: it answers");
            return;
        };
        let chunks = chunks.unwrap().items;
        let said: Vec<_> =
            chunks.iter().map(|chunk| (chunk.text.clone(), chunk.heading.clone())).collect();
        let wanted = (text(made_text.unwrap()), Some(text(made_chunks.unwrap())));
        assert_eq!(said, [wanted], "{what}");
    }
}

fn is_lost(error: &Error) -> bool {
    error.kind() == ErrorKind::Conflict && error.reason() == Some(Reason::LeaseLost)
}

fn text(worker: usize) -> String {
    format!("worker {worker}")
}

fn chunk(worker: usize) -> StagedChunk {
    let text = text(worker);
    StagedChunk {
        id: ChunkId::new(),
        ordinal: 0,
        hash: ChunkHash::of("", Some(&text), &text),
        spec: ChunkSpec {
            span: Span::new(0, text.len()),
            heading: Some(text),
            page_start: None,
            page_end: None,
            page_starts: Vec::new(),
        },
        language: None,
    }
}

fn publication(job: &Job) -> PublishVersion {
    PublishVersion {
        version: job.version,
        title: String::new(),
        media_type: MediaType::TEXT,
        language: None,
        chunk_count: 1,
        page_count: None,
        metadata: Metadata::new(),
        warnings: Vec::new(),
    }
}

fn failure() -> DocumentFailure {
    DocumentFailure { code: ErrorKind::Internal, reason: None, message: "no".to_owned() }
}
