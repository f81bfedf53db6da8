//! The engine: ingestion, retrieval, turns. Sees traits only, never implementations.
//!
//! One [`Engine`] owns every task it spawns: workers that turn jobs into versions, the projector that keeps the index
//! equal to the store, the janitor, and one task per turn. All of them end when it is closed.

mod access;
pub(crate) mod backup;
mod budget;
mod calls;
mod cite;
mod documents;
mod embedding;
mod evidence;
mod folder;
mod guarding;
mod health;
mod janitor;
mod lease;
mod ledger;
mod parts;
mod pipeline;
mod projector;
mod prompt;
mod rewrite;
mod search;
mod session_events;
mod sessions;
mod summary;
mod tools;
mod turn;
mod wording;
mod worker;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use self::projector::Projection;
use crate::context::Context;
use crate::crash;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{
    BlobStore, Bus, ChatModel, Chunker, Clock, DocumentReader, Embedder, Fetcher, HistoryPolicy,
    Index, Retriever, Signal, Store, TokenCounter,
};
use crate::types::{Budgets, PromptProfile, Rewriting, Strategy};

pub use documents::{NewDocument, Original};
pub use folder::{IngestOptions, IngestReport, WaitFor};
pub use health::ComponentHealth;
pub use pipeline::Extraction;
pub(crate) use tools::TurnParts;
pub use turn::{EventStream, Turn, TurnRequest};

/// What an engine is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    /// Finds chunks by their terms.
    pub(crate) index: Arc<dyn Index>,
    /// Finds chunks by their vectors, where there is an embedder.
    pub(crate) dense: Option<Arc<dyn Index>>,
    /// What was found by before, while another embedder takes its place.
    pub(crate) previous: Option<Previous>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) reader: Arc<dyn DocumentReader>,
    /// `None` where documents are not fetched.
    pub(crate) fetcher: Option<Arc<dyn Fetcher>>,
    pub(crate) chunker: Arc<dyn Chunker>,
    pub(crate) history: Arc<dyn HistoryPolicy>,
    pub(crate) counter: Arc<dyn TokenCounter>,
    /// `None` where search goes by words alone.
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
    /// `auto` is always there.
    pub(crate) retrievers: HashMap<Strategy, Arc<dyn Retriever>>,
    /// By the names that requests use; `settings.model` is always there.
    pub(crate) models: BTreeMap<String, Arc<dyn ChatModel>>,
    /// Quotes the documents where the model that was asked does not answer; `None` where that is an error.
    pub(crate) quoting: Option<Arc<dyn ChatModel>>,
    /// Tools and guards.
    pub(crate) turn: TurnParts,
}

/// What answers until the embedder has learned everything.
#[derive(Debug)]
pub(crate) struct Previous {
    /// Finds chunks by the vectors of the embedder before.
    pub(crate) index: Arc<dyn Index>,
    /// The same strategies, over that index.
    pub(crate) retrievers: HashMap<Strategy, Arc<dyn Retriever>>,
}

/// What can be set about an engine.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where the data are kept, where that is one folder.
    pub(crate) data_dir: Option<std::path::PathBuf>,
    pub(crate) model: String,
    pub(crate) max_upload_bytes: u64,
    pub(crate) max_message_bytes: usize,
    pub(crate) n_workers: usize,
    /// Documents inside one document, at whatever depth.
    pub(crate) max_parts: usize,
    /// How deep documents may lie inside documents.
    pub(crate) max_part_depth: u32,
    /// Replaced versions of a document that can be restored.
    pub(crate) keep_versions: u32,
    pub(crate) abandon_after: Duration,
    /// How a question that leans on others is put for the search.
    pub(crate) rewriting: Rewriting,
    /// Whether a model that can write sums up what a prompt has no room for.
    pub(crate) summaries: bool,
    /// Whether a model that can write names sessions.
    pub(crate) titles: bool,
    /// What models are told, by the names of the profiles; `profile` is always there.
    pub(crate) prompts: BTreeMap<String, PromptProfile>,
    /// The profile that is taken where a request names none.
    pub(crate) profile: String,
    /// Chunks embedded at a time.
    pub(crate) embedding_batch: u32,
    /// Whether embedding waits until somebody resumes it.
    pub(crate) embedding_paused: bool,
    /// What may be spent on models.
    pub(crate) budgets: Budgets,
}

/// An engine that runs.
#[derive(Debug)]
pub(crate) struct Engine {
    parts: Parts,
    settings: Settings,
    /// The engine's own context: cancelled when it closes.
    ctx: Context,
    tasks: TaskTracker,
    turns: turn::LiveTurns,
    summing: summary::Summing,
    /// Documents that are being worked on here, so that a cancel reaches them at once.
    running: worker::Running,
    /// Held for reading between storing an original and taking its document in, and for writing while originals that
    /// nobody refers to are removed: a new document may refer to one of them at that very moment.
    originals: tokio::sync::RwLock<()>,
    /// The lexical index: a document can be found once it is in there.
    lexical: Arc<Projection>,
    /// The dense index, where there is one.
    dense: Option<Arc<Projection>>,
    /// The index of the embedder before, where one is named.
    previous: Option<Arc<Projection>>,
    /// When files were last written anew.
    janitor: janitor::Janitor,
    /// What embeds in the background.
    embedding: embedding::Embedding,
    /// What calls to models use.
    ledger: Arc<ledger::Ledger>,
    /// Whatever must live as long as the engine, such as a temporary directory or a lock.
    _keep: Vec<Box<dyn std::any::Any + Send + Sync>>,
}

/// How the checkpoints of the indexes are called in the store.
const LEXICAL_INDEX: &str = "local";
const DENSE_INDEX: &str = "local-dense";
const PREVIOUS_INDEX: &str = "local-dense-previous";

/// How long closing waits for turns to end by themselves.
const CLOSE_GRACE: Duration = Duration::from_secs(10);

impl Engine {
    /// Starts the engine's tasks. Whoever held leases on this store before is taken to be dead.
    pub(crate) async fn start(
        parts: Parts,
        settings: Settings,
        keep: Vec<Box<dyn std::any::Any + Send + Sync>>,
    ) -> Result<Arc<Self>> {
        let ctx = Context::system();
        parts.store.release_leases(&ctx).await?;
        crash::point("start/leases_released");
        parts.store.close_abandoned_turns(&ctx, true).await?;
        crash::point("start/turns_closed");
        parts.store.settle_abandoned(&ctx, None).await?;
        let lexical = Projection::new(LEXICAL_INDEX, parts.index.clone());
        let dense = parts.dense.clone().map(|index| Projection::new(DENSE_INDEX, index));
        let previous = parts.previous.as_ref().map(|previous| previous.index.clone());
        let previous = previous.map(|index| Projection::new(PREVIOUS_INDEX, index));
        let used = dense.iter().chain(&previous).chain([&lexical]);
        let names: Vec<_> = used.map(|one| one.name).collect();
        // An index that is no longer used must not hold the feed back.
        parts.store.forget_checkpoints(&ctx, &names).await?;
        let embedder = parts.embedder.as_ref().map(|embedder| embedder.info());
        parts.store.use_embedder(&ctx, embedder).await?;
        crash::point("start/embedder_noted");
        parts.store.keep_versions(&ctx, settings.keep_versions).await?;
        let is_embedded = parts.store.is_embedded(&ctx).await?;
        let embedding = embedding::Embedding::new(settings.embedding_paused, is_embedded);
        let tasks = TaskTracker::new();
        let ledger = ledger::Ledger::new(&parts, settings.budgets, tasks.clone());
        let engine = Arc::new(Self {
            parts,
            settings,
            ctx,
            tasks,
            turns: turn::LiveTurns::default(),
            summing: summary::Summing::default(),
            running: worker::Running::default(),
            originals: tokio::sync::RwLock::default(),
            lexical,
            dense,
            previous,
            janitor: janitor::Janitor::default(),
            embedding,
            ledger,
            _keep: keep,
        });
        for _ in 0..engine.settings.n_workers {
            engine.tasks.spawn(worker::run(Arc::downgrade(&engine), engine.ctx.clone()));
        }
        for projection in engine.projections() {
            let (weak, ctx) = (Arc::downgrade(&engine), engine.ctx.clone());
            engine.tasks.spawn(projector::run(weak, ctx, projection.clone()));
        }
        if engine.parts.embedder.is_some() {
            engine.tasks.spawn(embedding::run(Arc::downgrade(&engine), engine.ctx.clone()));
        }
        engine.tasks.spawn(janitor::run(Arc::downgrade(&engine), engine.ctx.clone()));
        engine.tasks.spawn(turn::listen_for_stops(Arc::downgrade(&engine), engine.ctx.clone()));
        Ok(engine)
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.parts.store.as_ref()
    }

    /// The indexes, the lexical one first.
    fn projections(&self) -> impl Iterator<Item = &Arc<Projection>> {
        std::iter::once(&self.lexical).chain(&self.dense).chain(&self.previous)
    }

    /// Waits until every index has what is stored now.
    pub(crate) async fn changes_applied(&self, ctx: &Context) -> Result<()> {
        let last = self.store().last_change(ctx).await?;
        for projection in self.projections() {
            ctx.run(projection.reached(last)).await?;
        }
        Ok(())
    }

    /// Waits for turns to end by themselves for a while, then stops everything and lets go of the files.
    pub(crate) async fn close(&self) -> Result<()> {
        let _ = tokio::time::timeout(CLOSE_GRACE, self.turns.drained()).await;
        self.ctx.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let index = self.close_indexes().await;
        self.store().close().await;
        index
    }

    async fn close_indexes(&self) -> Result<()> {
        let mut closed = Ok(());
        for projection in self.projections() {
            closed = closed.and(projection.index.close().await);
        }
        closed
    }

    /// The names of the models, the configured one first.
    pub(crate) fn models(&self) -> Vec<String> {
        let others = self.parts.models.keys().filter(|name| **name != self.settings.model);
        std::iter::once(&self.settings.model).chain(others).cloned().collect()
    }

    fn model(&self, name: Option<&str>) -> Result<&Arc<dyn ChatModel>> {
        let name = name.unwrap_or(&self.settings.model);
        self.parts.models.get(name).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("There is no such model. The models are {}.", self.models().join(", ")),
            )
        })
    }

    /// Tells others; a signal that is lost only makes them notice later.
    async fn signal(&self, signal: Signal) {
        if let Err(error) = self.parts.bus.publish(&self.ctx, signal).await {
            tracing::warn!(?signal, %error, "a signal was lost");
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.ctx.cancel();
    }
}
