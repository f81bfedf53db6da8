//! What an engine is built from: plain values, so that a file, an environment or a binding can hold them.

mod prices;
mod resilience;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::prices::PriceConfig;
pub use self::resilience::ResilienceConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::guards::PatternRule;
use crate::parsers::ocr::OcrOptions;
use crate::parsers::worker::WorkerOptions;
use crate::retrievers::Fusion;
pub use crate::types::{Allowance, Budgets, PromptProfile, Rewriting, Secret};

/// Everything that can be set about an engine. The default works at once, offline, in a temporary directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Where everything is kept; a temporary directory where there is none.
    pub data_dir: Option<PathBuf>,
    /// The model that answers: `extractive`, `openai:NAME`, `anthropic:NAME`, `gemini:NAME`, `ollama:NAME`, or one of the
    /// last four with an address, as in `openai+http://host:port/v1#NAME`.
    pub model: String,
    /// Other models that a request may name.
    pub models: Vec<String>,
    /// What finds passages by their meaning: `builtin`, `candle:/path/to/a/folder` with a model of the BERT family, or
    /// `none`. `builtin` where it was built in.
    pub embedder: String,
    /// The embedder before, of which documents have vectors: it goes on answering until `embedder` has learned all of
    /// them. None: until then, what has no vector yet is found by its words.
    pub embedder_previous: Option<String>,
    /// Keys of providers, by what their models' names begin with (`openai`, `anthropic`), or by the address that stands in the
    /// names.
    pub keys: BTreeMap<String, Secret>,
    /// How texts are cut.
    pub chunking: ChunkingConfig,
    /// What is too much.
    pub limits: LimitsConfig,
    /// Where documents are parsed.
    pub parsing: ParsingConfig,
    /// How documents are fetched from the web.
    pub fetching: FetchingConfig,
    /// How documents are taken in.
    pub ingestion: IngestionConfig,
    /// What is kept of documents.
    pub documents: DocumentsConfig,
    /// How passages get their vectors.
    pub embedding: EmbeddingConfig,
    /// How turns run.
    pub turns: TurnConfig,
    /// What models may call while they answer.
    pub tools: ToolsConfig,
    /// What is looked for in questions and answers, in this order.
    pub guards: Vec<PatternRule>,
    /// What models are told, by the names of the profiles; what a profile leaves out is as in the one built in. One of
    /// the name `default` replaces texts of that one.
    pub prompts: BTreeMap<String, PromptProfile>,
    /// How what is found becomes one list.
    pub retrieval: RetrievalConfig,
    /// What happens where a model is slow, refuses or fails.
    pub resilience: ResilienceConfig,
    /// Prices of models, by their names; `*` at the end of one stands for whatever follows. They come before the published
    /// ones that are built in.
    pub prices: BTreeMap<String, PriceConfig>,
    /// What may be spent on models.
    pub budgets: Budgets,
}

/// The embedder that is taken where none is named.
const DEFAULT_EMBEDDER: &str = if cfg!(feature = "builtin-embedder") { "builtin" } else { "none" };

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            data_dir: None,
            model: "extractive".to_owned(),
            models: Vec::new(),
            embedder: DEFAULT_EMBEDDER.to_owned(),
            embedder_previous: None,
            keys: BTreeMap::new(),
            chunking: ChunkingConfig::default(),
            limits: LimitsConfig::default(),
            parsing: ParsingConfig::default(),
            fetching: FetchingConfig::default(),
            ingestion: IngestionConfig::default(),
            documents: DocumentsConfig::default(),
            embedding: EmbeddingConfig::default(),
            turns: TurnConfig::default(),
            tools: ToolsConfig::default(),
            guards: Vec::new(),
            prompts: BTreeMap::new(),
            retrieval: RetrievalConfig::default(),
            resilience: ResilienceConfig::default(),
            prices: BTreeMap::new(),
            budgets: Budgets::default(),
        }
    }
}

impl EngineConfig {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// `config_invalid`, naming the setting and its range.
    pub fn validate(&self) -> Result<()> {
        let chunking = &self.chunking;
        let checks = [
            ((32..=2048).contains(&chunking.max_tokens), "chunking.max_tokens", "32 to 2048"),
            (
                chunking.overlap_tokens <= chunking.max_tokens / 2,
                "chunking.overlap_tokens",
                "at most half of chunking.max_tokens",
            ),
            (self.limits.max_upload_bytes > 0, "limits.max_upload_bytes", "more than 0"),
            (self.limits.max_message_bytes > 0, "limits.max_message_bytes", "more than 0"),
            (
                self.parsing.isolation != Isolation::Process || !self.parsing.worker.is_empty(),
                "parsing.worker",
                "a program where parsing.isolation is `process`",
            ),
            (
                self.parsing.max_memory_bytes >= 64 << 20,
                "parsing.max_memory_bytes",
                "64 MiB or more",
            ),
            (
                self.parsing.has_ocr_languages(),
                "parsing.ocr_languages",
                "names of languages such as `eng`, `deu` or `chi_sim`",
            ),
            ((1..=3600).contains(&self.fetching.max_s), "fetching.max_s", "1 to 3600"),
            ((1..=64).contains(&self.ingestion.n_workers), "ingestion.n_workers", "1 to 64"),
            ((1..=1024).contains(&self.embedding.batch_size), "embedding.batch_size", "1 to 1024"),
            (self.embedding.idle_unload_s > 0, "embedding.idle_unload_s", "more than 0"),
            (self.turns.abandon_after_s > 0, "turns.abandon_after_s", "more than 0"),
            (self.turns.max_tool_steps <= 64, "turns.max_tool_steps", "0 to 64"),
            ((1..=600).contains(&self.turns.tool_timeout_s), "turns.tool_timeout_s", "1 to 600"),
            (
                (0.0..=1.0).contains(&self.retrieval.lexical_weight),
                "retrieval.lexical_weight",
                "0 to 1",
            ),
            ((1..=600).contains(&self.retrieval.max_embed_s), "retrieval.max_embed_s", "1 to 600"),
            (
                self.prices.values().all(PriceConfig::is_valid),
                "prices",
                "dollars for each model, 0 or more",
            ),
            (prices::are_valid(&self.budgets), "budgets", "of more than 0 tokens or dollars"),
        ];
        let checks = checks.into_iter().chain(self.resilience.checks());
        match checks.into_iter().find(|(holds, ..)| !holds) {
            None => self.check_prompts(),
            Some((_, name, range)) => Err(Error::new(
                ErrorKind::ConfigInvalid,
                format!("The setting `{name}` must be {range}."),
            )),
        }
    }

    fn check_prompts(&self) -> Result<()> {
        let invalid = |message| Err(Error::new(ErrorKind::ConfigInvalid, message));
        for (profile, prompts) in &self.prompts {
            if let Some((template, defect)) = prompts.defect() {
                return invalid(format!("The setting `prompts.{profile}.{template}` {defect}."));
            }
        }
        if !self.profiles().contains_key(&self.turns.profile) {
            return invalid("The setting `turns.profile` must be one of `prompts`.".to_owned());
        }
        Ok(())
    }

    /// The profiles by their names, the one built in among them.
    pub(crate) fn profiles(&self) -> BTreeMap<String, PromptProfile> {
        let mut profiles = self.prompts.clone();
        profiles.entry(PromptProfile::DEFAULT.to_owned()).or_default();
        profiles
    }
}

/// How texts are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChunkingConfig {
    /// Tokens of a chunk at the most, by the fixed estimate that every embedder shares.
    pub max_tokens: usize,
    /// Tokens that a chunk repeats of the one before it.
    pub overlap_tokens: usize,
}

impl Default for ChunkingConfig {
    /// 256 tokens are what all-MiniLM-L6-v2 reads; an overlap of an eighth keeps a sentence's neighbour.
    fn default() -> Self {
        Self { max_tokens: 256, overlap_tokens: 32 }
    }
}

/// What is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Bytes of one document.
    pub max_upload_bytes: u64,
    /// Bytes of one message.
    pub max_message_bytes: usize,
    /// Seconds that reading one document may take.
    pub max_parse_s: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { max_upload_bytes: 50 << 20, max_message_bytes: 32 << 10, max_parse_s: 120 }
    }
}

/// Where documents are parsed: in this process, or in processes of their own that can do no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ParsingConfig {
    /// Whether in processes of their own.
    pub isolation: Isolation,
    /// The program of such a process and its arguments; it calls `parsers::worker::serve`.
    pub worker: Vec<String>,
    /// The environment of such a process; nothing of this process's own is handed on.
    pub worker_environment: BTreeMap<String, String>,
    /// Bytes of memory that such a process may have beside its program.
    pub max_memory_bytes: u64,
    /// Whether characters are recognised on pages that are pictures.
    pub ocr: Ocr,
    /// The program that recognises them, tesseract: a path, or a name that is looked for in `PATH`.
    pub ocr_program: String,
    /// The languages that such pages are in, by the names that the program has for them.
    pub ocr_languages: Vec<String>,
}

/// Whether characters are recognised on pages that are pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ocr {
    /// Where the program for it is found, and documents are parsed in processes of their own.
    #[default]
    Auto,
    /// Never.
    Off,
}

/// Whether documents are parsed in processes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Where there is a program for it.
    #[default]
    Auto,
    /// Always; without a program for it, the engine does not start.
    Process,
    /// Never: a defect of a parser can cost this process time and memory, or end it.
    None,
}

impl Default for ParsingConfig {
    fn default() -> Self {
        Self {
            isolation: Isolation::Auto,
            worker: Vec::new(),
            worker_environment: BTreeMap::new(),
            max_memory_bytes: WorkerOptions::DEFAULT_MAX_MEMORY_BYTES,
            ocr: Ocr::Auto,
            ocr_program: "tesseract".to_owned(),
            ocr_languages: vec!["eng".to_owned()],
        }
    }
}

impl ParsingConfig {
    /// How characters are recognised; `None` where they are not.
    pub(crate) fn recognition(&self) -> Option<OcrOptions> {
        let is_wanted = self.ocr == Ocr::Auto && self.workers(1).is_some();
        let program = is_wanted.then(|| OcrOptions::find(&self.ocr_program)).flatten()?;
        Some(OcrOptions { languages: self.ocr_languages.clone(), ..OcrOptions::new(program) })
    }

    /// Names of files, in which nothing is a path or a list.
    fn has_ocr_languages(&self) -> bool {
        let is_name = |name: &String| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        !self.ocr_languages.is_empty() && self.ocr_languages.iter().all(is_name)
    }

    /// How workers are started; `None` where this process parses.
    pub(crate) fn workers(&self, n_at_once: usize) -> Option<WorkerOptions> {
        let (program, arguments) = self.worker.split_first()?;
        (self.isolation != Isolation::None).then(|| WorkerOptions {
            arguments: arguments.to_vec(),
            environment: self.worker_environment.clone(),
            max_memory_bytes: self.max_memory_bytes,
            n_at_once,
            ..WorkerOptions::new(program)
        })
    }
}

/// How documents are fetched from the web.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FetchingConfig {
    /// Hosts that may be reached although they are not of the public network, each as `host` or `host:port`.
    pub allow_hosts: Vec<String>,
    /// Seconds that a document may take to arrive.
    pub max_s: u64,
}

impl Default for FetchingConfig {
    /// A minute: the largest document over a line of 7 Mbit/s.
    fn default() -> Self {
        Self { allow_hosts: Vec::new(), max_s: 60 }
    }
}

/// How documents are taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestionConfig {
    /// Documents worked on at the same time.
    pub n_workers: usize,
}

impl Default for IngestionConfig {
    /// Two: one is parsed while another is stored, and a chat keeps half of a small machine.
    fn default() -> Self {
        Self { n_workers: 2 }
    }
}

/// What is kept of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DocumentsConfig {
    /// Replaced versions of a document that can be restored, the last ones. Of others, the text alone stays, for the
    /// answers that quote it.
    pub keep_versions: u32,
}

impl Default for DocumentsConfig {
    /// Three: a mistake is noticed within the next few versions. Each costs its original, and vectors for what changed.
    fn default() -> Self {
        Self { keep_versions: 3 }
    }
}

/// How what is found by words and what is found by meaning become one list.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetrievalConfig {
    /// By what the list is ordered.
    pub fusion: FusionKind,
    /// The part of the lexical score in convex fusion, 0 to 1.
    pub lexical_weight: f32,
    /// Seconds that a search waits for the question's vector; after that its words decide.
    pub max_embed_s: u64,
}

/// By what a fused list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FusionKind {
    /// By the weighted mean of the scores.
    #[default]
    Convex,
    /// By the places in both lists.
    ReciprocalRank,
}

impl Default for RetrievalConfig {
    /// 5 s: the built-in embedder needs some milliseconds, one behind a busy network a second. Nobody waits longer for a
    /// better order.
    fn default() -> Self {
        let lexical_weight = Fusion::DEFAULT_LEXICAL_WEIGHT;
        Self { fusion: FusionKind::Convex, lexical_weight, max_embed_s: 5 }
    }
}

impl RetrievalConfig {
    pub(crate) const fn max_embed(self) -> Duration {
        Duration::from_secs(self.max_embed_s)
    }

    pub(crate) const fn fusion(self) -> Fusion {
        match self.fusion {
            FusionKind::Convex => Fusion::Convex { lexical_weight: self.lexical_weight },
            FusionKind::ReciprocalRank => Fusion::ReciprocalRank,
        }
    }
}

/// How passages get their vectors, in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddingConfig {
    /// Whether it waits until it is resumed.
    pub paused: bool,
    /// Passages embedded and stored at a time.
    pub batch_size: u32,
    /// Seconds without a question or a passage after which the embedder gives its memory back.
    pub idle_unload_s: u64,
}

impl Default for EmbeddingConfig {
    /// 32 passages: a batch takes about a second on two cores, and its vectors are written in about a millisecond. 60
    /// seconds: somebody who reads an answer asks on within them, and a question after them waits a tenth of a second.
    fn default() -> Self {
        Self { paused: false, batch_size: 32, idle_unload_s: 60 }
    }
}

impl EmbeddingConfig {
    pub(crate) const fn idle_unload(self) -> Duration {
        Duration::from_secs(self.idle_unload_s)
    }
}

/// How turns run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TurnConfig {
    /// Seconds after which a turn that nobody follows is cancelled.
    pub abandon_after_s: u64,
    /// Rounds of calls to tools in one turn; none where this is 0.
    pub max_tool_steps: usize,
    /// Seconds that one call may take.
    pub tool_timeout_s: u64,
    /// How a question that leans on what was said before is put for the search.
    pub rewrite: Rewriting,
    /// Whether a model that can write sums up, after an answer, what its prompt had no room for.
    pub summary: bool,
    /// Whether a model that can write names a session after its first answer, where nobody has named it.
    pub titles: bool,
    /// The profile, of those in `prompts`, that is taken where a request names none.
    pub profile: String,
}

impl Default for TurnConfig {
    /// Eight rounds: who needs more has usually lost its way. 30 seconds: as long as people wait for anything.
    fn default() -> Self {
        Self {
            abandon_after_s: 60,
            max_tool_steps: 8,
            tool_timeout_s: 30,
            rewrite: Rewriting::Auto,
            summary: true,
            titles: true,
            profile: PromptProfile::DEFAULT.to_owned(),
        }
    }
}

impl TurnConfig {
    pub(crate) const fn abandon_after(&self) -> Duration {
        Duration::from_secs(self.abandon_after_s)
    }

    pub(crate) const fn tool_timeout(&self) -> Duration {
        Duration::from_secs(self.tool_timeout_s)
    }
}

/// What models may call while they answer, beside the tools of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ToolsConfig {
    /// Whether models may search the documents themselves, with the tool `search_documents`.
    pub search: bool,
}
