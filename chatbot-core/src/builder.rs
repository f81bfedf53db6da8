//! Puts an engine together: the only place, with the strategies beside it, that names implementations.

mod features;
mod models;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::blobs::FolderBlobs;
use crate::buses::MemoryBus;
use crate::chatbot::{Chatbot, refuse_unfinished};
use crate::chunkers::{ChunkerConfig, StructureChunker};
use crate::config::{EngineConfig, Secret};
use crate::engine::{Engine, Parts, Previous, Settings, TurnParts};
use crate::error::{Error, Result};
use crate::guards::PatternGuard;
use crate::history::{EstimatedTokens, WindowHistory};
use crate::layers::{QueryCache, QueryTimeout};
use crate::parsers::ocr::OcrReader;
use crate::parsers::worker::WorkerReader;
use crate::parsers::{InProcessReader, Parsers};
use crate::strategies::strategies;
use crate::traits::{
    BlobStore, ChatModel, Chunker, Clock, DocumentReader, Embedder, Fetcher, Guard, ParseLimits,
    Parser, RefuseWrites, SystemClock, Tool, ToolApproval, UsageSink,
};

/// The names of the parts of a data directory that are not built from others.
#[cfg(feature = "sqlite")]
pub(crate) const STORE_FILE: &str = "store.db";
pub(crate) const BLOBS_FOLDER: &str = "blobs";

/// Puts an engine together.
///
/// # Example
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use chatbot_core::Chatbot;
///
/// let chatbot = Chatbot::builder().build().await?;
/// assert_eq!(chatbot.models(), ["extractive"]);
/// # chatbot.close().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct ChatbotBuilder {
    config: EngineConfig,
    models: Vec<Arc<dyn ChatModel>>,
    embedder: Option<Arc<dyn Embedder>>,
    embedder_previous: Option<Arc<dyn Embedder>>,
    parsers: Vec<Arc<dyn Parser>>,
    fetcher: Option<Arc<dyn Fetcher>>,
    chunker: Option<Arc<dyn Chunker>>,
    clock: Option<Arc<dyn Clock>>,
    usage_sink: Option<Arc<dyn UsageSink>>,
    tools: Vec<Arc<dyn Tool>>,
    guards: Vec<Arc<dyn Guard>>,
    tool_approval: Option<Arc<dyn ToolApproval>>,
}

impl ChatbotBuilder {
    /// Takes every setting from `config`.
    #[must_use]
    pub fn config(mut self, config: EngineConfig) -> Self {
        self.config = config;
        self
    }

    /// Keeps everything in this directory, which is made where it is not there.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.data_dir = Some(path.into());
        self
    }

    /// Answers with this model: `extractive`, `openai:NAME`, `anthropic:NAME`, `gemini:NAME`, `ollama:NAME`, or one of the
    /// last four with an address, as in `openai+http://host:port/v1#NAME`.
    #[must_use]
    pub fn model(mut self, uri: impl Into<String>) -> Self {
        self.config.model = uri.into();
        self
    }

    /// The key for a provider's models, such as `openai`.
    #[must_use]
    pub fn key(mut self, provider: impl Into<String>, key: Secret) -> Self {
        self.config.keys.insert(provider.into(), key);
        self
    }

    /// Answers with a model of the host's own; requests name it by its [`info`](ChatModel::info).
    #[must_use]
    pub fn custom_model(mut self, model: impl ChatModel + 'static) -> Self {
        self.config.model.clone_from(&model.info().name);
        self.models.push(Arc::new(model));
        self
    }

    /// Finds passages by meaning with this embedder: `builtin`, `candle:/path/to/a/folder` with a model of the BERT family,
    /// or `none`.
    #[must_use]
    pub fn embedder(mut self, uri: impl Into<String>) -> Self {
        self.config.embedder = uri.into();
        self.embedder = None;
        self
    }

    /// Finds passages by meaning with an embedder of the host's own.
    #[must_use]
    pub fn custom_embedder(mut self, embedder: impl Embedder + 'static) -> Self {
        self.config.embedder.clone_from(&embedder.info().name);
        self.embedder = Some(Arc::new(embedder));
        self
    }

    /// Goes on answering with this embedder, which the documents have vectors of, until the new one has learned all of
    /// them.
    #[must_use]
    pub fn custom_embedder_previous(mut self, embedder: impl Embedder + 'static) -> Self {
        self.embedder_previous = Some(Arc::new(embedder));
        self
    }

    /// Reads a format with a parser of the host's own, before the built-in ones are asked. A worker has parsers of its own.
    #[must_use]
    pub fn parser(mut self, parser: impl Parser + 'static) -> Self {
        self.parsers.push(Arc::new(parser));
        self
    }

    /// Parses in processes of their own: this program is started for it with these arguments, and has to call
    /// [`worker::serve`](crate::parsers::worker::serve) with the parsers that it is to have.
    #[must_use]
    pub fn parse_worker<'a>(
        mut self,
        program: impl Into<String>,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let arguments = arguments.into_iter().map(str::to_owned);
        self.config.parsing.worker = std::iter::once(program.into()).chain(arguments).collect();
        self
    }

    /// Fetches documents by their addresses with a fetcher of the host's own, in place of the built-in one and whatever
    /// `fetching` says. It alone decides what may be reached, and what an address is.
    ///
    /// # Example
    /// ```
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use chatbot_core::traits::{Fetched, Fetcher, once};
    /// use chatbot_core::{Chatbot, Context, NewDocument, Result};
    ///
    /// /// Pages of the company's wiki, by their names.
    /// #[derive(Debug)]
    /// struct Wiki;
    ///
    /// #[async_trait::async_trait]
    /// impl Fetcher for Wiki {
    ///     async fn fetch(&self, ctx: &Context, address: &str, _max_bytes: u64) -> Result<Fetched> {
    ///         ctx.check()?;
    ///         let content = once("The pump is oiled every 400 hours.");
    ///         Ok(Fetched { address: address.to_owned(), declared: None, content })
    ///     }
    /// }
    ///
    /// let chatbot = Chatbot::builder().fetcher(Wiki).build().await?;
    /// let (ctx, new) = (Context::local(), NewDocument::default());
    /// let document = chatbot.add_from_address(&ctx, new, "wiki:pumps").await?;
    /// assert_eq!(document.source, "wiki:pumps");
    /// # chatbot.close().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn fetcher(mut self, fetcher: impl Fetcher + 'static) -> Self {
        self.fetcher = Some(Arc::new(fetcher));
        self
    }

    /// Cuts texts with a chunker of the host's own.
    #[must_use]
    pub fn chunker(mut self, chunker: impl Chunker + 'static) -> Self {
        self.chunker = Some(Arc::new(chunker));
        self
    }

    /// Takes the time from this clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Tells this sink what models behind an address used, call by call; otherwise it goes to the log.
    #[must_use]
    pub fn usage_sink(mut self, sink: Arc<dyn UsageSink>) -> Self {
        self.usage_sink = Some(sink);
        self
    }

    /// Lets models call this while they answer. Where it changes something, only turns that name it may call it, and only
    /// where the [`tool_approval`](Self::tool_approval) agrees.
    #[must_use]
    pub fn tool(mut self, tool: impl Tool + 'static) -> Self {
        self.tools.push(Arc::new(tool));
        self
    }

    /// Asks this before a tool changes something; without it, none does.
    #[must_use]
    pub fn tool_approval(mut self, approval: impl ToolApproval + 'static) -> Self {
        self.tool_approval = Some(Arc::new(approval));
        self
    }

    /// Lets this look at questions and answers, after the guards of the configuration and those given before.
    #[must_use]
    pub fn guard(mut self, guard: impl Guard + 'static) -> Self {
        self.guards.push(Arc::new(guard));
        self
    }

    /// Opens the data directory and starts the engine.
    ///
    /// # Errors
    /// `config_invalid` for a setting out of range, a model nobody knows, or a part that was not built in; `storage` where the data directory
    /// cannot be used (`read_only`, `disk_full`, `newer_schema`, `corrupt`).
    pub async fn build(self) -> Result<Chatbot> {
        self.config.validate()?;
        let mut keep: Vec<Box<dyn std::any::Any + Send + Sync>> = Vec::new();
        let data_dir = match &self.config.data_dir {
            Some(path) => path.clone(),
            None => {
                let temporary = tempfile::tempdir()?;
                let path = temporary.path().to_owned();
                keep.push(Box::new(temporary));
                path
            }
        };
        let parts = self.parts(&data_dir).await?;
        let settings = Settings { data_dir: Some(data_dir), ..self.settings() };
        Ok(Chatbot::from_engine(Engine::start(parts, settings, keep).await?))
    }

    async fn parts(&self, data_dir: &Path) -> Result<Parts> {
        tokio::fs::create_dir_all(data_dir)
            .await
            .map_err(|error| Error::from(error).with_context("path", data_dir.display()))?;
        refuse_unfinished(data_dir)?;
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        let (store, reader) = features::open_store(data_dir, clock.clone()).await?;
        let blobs: Arc<dyn BlobStore> =
            Arc::new(FolderBlobs::open(&data_dir.join(BLOBS_FOLDER)).await?);
        let index = features::open_index(data_dir)?;
        let embedder = self.embedder_for()?;
        let previous = self.previous_embedder(embedder.as_ref())?;
        let (dense, previous) = features::dense_parts(data_dir, embedder.as_ref(), previous)?;
        let fusion = self.config.retrieval.fusion();
        let retrievers = strategies(&index, &reader, dense.clone(), fusion);
        let previous = previous.map(|parts| Previous {
            index: parts.index.clone(),
            retrievers: strategies(&index, &reader, Some(parts), fusion),
        });
        let models = self.models(embedder.as_ref())?;
        Ok(Parts {
            store,
            blobs,
            index,
            dense: dense.map(|dense| dense.index),
            previous,
            bus: Arc::new(MemoryBus::default()),
            clock,
            reader: self.document_reader(),
            fetcher: self.fetcher_for(data_dir)?,
            chunker: self.chunker.clone().unwrap_or_else(|| Arc::new(self.default_chunker())),
            history: Arc::new(WindowHistory),
            counter: Arc::new(EstimatedTokens),
            retrievers,
            quoting: self.quoting(&models),
            models,
            embedder,
            turn: self.turn_parts()?,
        })
    }

    /// Tools and guards, those of the configuration first.
    fn turn_parts(&self) -> Result<TurnParts> {
        let mut guards: Vec<Arc<dyn Guard>> = Vec::new();
        for rule in &self.config.guards {
            guards.push(Arc::new(PatternGuard::new(rule.clone())?));
        }
        guards.extend(self.guards.iter().cloned());
        let parts = TurnParts {
            tools: self.tools.clone(),
            approval: self.tool_approval.clone().unwrap_or_else(|| Arc::new(RefuseWrites)),
            guards,
            search_tool: self.config.tools.search,
            max_tool_steps: self.config.turns.max_tool_steps,
            tool_timeout: self.config.turns.tool_timeout(),
        };
        parts.check()?;
        Ok(parts)
    }

    /// What fetches documents; `None` where nothing does.
    fn fetcher_for(&self, data_dir: &Path) -> Result<Option<Arc<dyn Fetcher>>> {
        match &self.fetcher {
            Some(fetcher) => Ok(Some(Arc::clone(fetcher))),
            None => features::fetcher(&self.config.fetching, data_dir),
        }
    }

    /// The embedder that was asked for, with a memory of the questions it embedded; `None` where there is none.
    fn embedder_for(&self) -> Result<Option<Arc<dyn Embedder>>> {
        let embedder = match (&self.embedder, self.config.embedder.as_str()) {
            (Some(embedder), _) => Some(Arc::clone(embedder)),
            (None, uri) => features::embedder(uri, self.config.embedding.idle_unload())?,
        };
        Ok(embedder.map(|embedder| self.for_questions(embedder)))
    }

    /// The embedder with a memory of the questions it embedded, and a limit to how long one may take.
    fn for_questions(&self, embedder: Arc<dyn Embedder>) -> Arc<dyn Embedder> {
        let limited = QueryTimeout::new(embedder, self.config.retrieval.max_embed());
        Arc::new(QueryCache::new(Arc::new(limited)))
    }

    /// The embedder that answers until `current` can; `None` where there is nothing to wait for.
    fn previous_embedder(
        &self,
        current: Option<&Arc<dyn Embedder>>,
    ) -> Result<Option<Arc<dyn Embedder>>> {
        let Some(current) = current else { return Ok(None) };
        let previous = match (&self.embedder_previous, &self.config.embedder_previous) {
            (Some(embedder), _) => Some(Arc::clone(embedder)),
            (None, Some(uri)) => features::embedder(uri, self.config.embedding.idle_unload())?,
            (None, None) => None,
        };
        let space = &current.info().fingerprint;
        let previous = previous.filter(|previous| previous.info().fingerprint != *space);
        Ok(previous.map(|embedder| self.for_questions(embedder)))
    }

    fn parse_limits(&self) -> ParseLimits {
        ParseLimits {
            max_duration: Duration::from_secs(self.config.limits.max_parse_s),
            pictures: self.config.parsing.recognition().is_some(),
            ..ParseLimits::default()
        }
    }

    fn document_reader(&self) -> Arc<dyn DocumentReader> {
        let (limits, n_at_once) = (self.parse_limits(), self.config.ingestion.n_workers);
        if let Some(workers) = self.config.parsing.workers(n_at_once) {
            let workers = WorkerReader::new(workers, limits);
            return match self.config.parsing.recognition() {
                Some(recognition) => {
                    let (program, languages) =
                        (recognition.program.display(), &recognition.languages);
                    tracing::info!(%program, ?languages, "pages that are pictures are recognised");
                    Arc::new(OcrReader::new(workers, recognition))
                }
                None => Arc::new(workers),
            };
        }
        let parsers = Parsers::with(self.parsers.clone());
        Arc::new(InProcessReader::new(parsers, limits, n_at_once))
    }

    fn default_chunker(&self) -> StructureChunker {
        StructureChunker::new(ChunkerConfig {
            max_tokens: self.config.chunking.max_tokens,
            overlap_tokens: self.config.chunking.overlap_tokens,
        })
    }

    fn settings(&self) -> Settings {
        let ParseLimits { max_parts, max_part_depth, .. } = self.parse_limits();
        Settings {
            data_dir: None,
            model: self.config.model.clone(),
            max_upload_bytes: self.config.limits.max_upload_bytes,
            max_message_bytes: self.config.limits.max_message_bytes,
            n_workers: self.config.ingestion.n_workers,
            max_parts,
            max_part_depth,
            keep_versions: self.config.documents.keep_versions,
            abandon_after: self.config.turns.abandon_after(),
            rewriting: self.config.turns.rewrite,
            summaries: self.config.turns.summary,
            titles: self.config.turns.titles,
            prompts: self.config.profiles(),
            profile: self.config.turns.profile.clone(),
            embedding_batch: self.config.embedding.batch_size,
            embedding_paused: self.config.embedding.paused,
            budgets: self.config.budgets,
        }
    }
}
