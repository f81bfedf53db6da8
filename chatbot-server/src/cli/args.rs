//! What can be typed.

use std::path::PathBuf;

use chatbot_core::types::{Filter, SearchRequest, SessionId, Strategy};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Chat over your own documents, every citation checked.
#[derive(Debug, Parser)]
#[command(name = "chatbot", version)]
pub struct Arguments {
    /// What every verb understands.
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    serve: Serve,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Arguments {
    pub(crate) fn verb(&self) -> Command {
        self.command.clone().unwrap_or_else(|| Command::Serve(self.serve.clone()))
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Where everything is kept [default: the platform's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A configuration file in TOML
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The model that answers: `extractive`, `openai:NAME`, `openai+http://host:port/v1#NAME`
    #[arg(long, global = true, value_name = "URI")]
    pub(crate) model: Option<String>,
    /// What finds passages by meaning: `builtin`, `candle:FOLDER` with a model of the BERT family, `none`
    #[arg(long, global = true, value_name = "URI")]
    pub(crate) embedder: Option<String>,
    /// For programs: one JSON document on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Serve the page and the API (what happens without a verb)
    Serve(Serve),
    /// Ask a question
    Ask(Ask),
    /// Take in files, folders, and documents on the web
    Ingest(Ingest),
    /// Find passages
    Search(Search),
    /// Show the text of a file, without keeping it
    Extract(Extract),
    /// Back everything up to a new folder, also while a server runs
    Backup(Backup),
    /// Restore a backup into an empty data directory
    Restore(Restore),
    /// Measure retrieval and answers on a labelled set
    #[command(subcommand)]
    Eval(EvalVerb),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Print the description of the HTTP API (OpenAPI, JSON)
    Openapi,
    /// Parse documents for another process of this program
    #[command(hide = true)]
    ParseWorker,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Serve {
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Ask {
    /// The question
    pub(crate) question: String,
    /// Answer over this file or folder; nothing is kept unless --data-dir is given
    #[arg(long, value_name = "PATH")]
    pub(crate) docs: Option<PathBuf>,
    /// Go on in this session
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<SessionId>,
    /// How passages are found
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub(crate) strategy: Strategy,
    /// Passages for the model, 1-100
    #[arg(long, value_name = "N", default_value_t = SearchRequest::DEFAULT_TOP_K)]
    pub(crate) top_k: usize,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Ingest {
    /// Files and folders
    #[arg(required_unless_present = "addresses", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// A document on the web; several side by side
    #[arg(long = "url", value_name = "URL")]
    pub(crate) addresses: Vec<String>,
    /// The collection, by name or id; made where there is none of the name
    #[arg(long, value_name = "NAME")]
    pub(crate) collection: Option<String>,
    /// What to wait for
    #[arg(long, value_enum, default_value_t = Wait::Complete)]
    pub(crate) wait: Wait,
    /// Of folders, take in only files that this glob fits, such as `*.pdf`; several side by side
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,
    /// Of folders, leave out files and folders that this glob fits, such as `drafts`; several side by side
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Take in what `.gitignore` leaves out, too
    #[arg(long)]
    pub(crate) no_ignore: bool,
    /// Show no progress, only the result
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) following: Following,
}

/// Whether folders are followed, and how.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Following {
    /// Go on following the folders: what is new, changed, moved or deleted in them, until Ctrl-C
    #[arg(long, requires = "paths", conflicts_with = "addresses")]
    pub(crate) watch: bool,
    /// Keep the documents of files that are deleted
    #[arg(long, requires = "watch")]
    pub(crate) keep_deleted: bool,
}

/// What to wait for after a document was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wait {
    /// Until it answers
    Searchable,
    /// Until everything is done
    Complete,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Search {
    /// What to look for
    pub(crate) query: String,
    /// How passages are found
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub(crate) strategy: Strategy,
    /// Passages wanted, 1-100
    #[arg(long, value_name = "N", default_value_t = SearchRequest::DEFAULT_TOP_K)]
    pub(crate) top_k: usize,
    /// Only in documents whose metadata meet this, such as '{"op":"eq","key":"year","value":2024}'
    #[arg(long, value_name = "JSON", value_parser = filter)]
    pub(crate) filter: Option<Filter>,
    /// Say how the passages were found
    #[arg(long)]
    pub(crate) explain: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Extract {
    /// The file
    pub(crate) file: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Backup {
    /// The folder to make, outside the data directory
    pub(crate) target: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Restore {
    /// The backup's folder
    pub(crate) backup: PathBuf,
    /// Set aside what is in the data directory, in a folder in there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum EvalVerb {
    /// How well the judged documents are found
    Retrieval(EvalRetrieval),
    /// How well questions are answered, and cited
    Answers(EvalAnswers),
    /// Whether answers about files cite the right page, and hold what they should
    Files(EvalFiles),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct EvalRetrieval {
    /// Documents, one JSON object per line: id, title, text
    #[arg(long, value_name = "FILE", required_unless_present = "sets", requires = "queries")]
    pub(crate) corpus: Option<PathBuf>,
    /// Questions, one JSON object per line: id, text
    #[arg(long, value_name = "FILE", requires = "qrels")]
    pub(crate) queries: Option<PathBuf>,
    /// Judgements, tab-separated with a header: query_id, doc_id, grade
    #[arg(long, value_name = "FILE", requires = "corpus")]
    pub(crate) qrels: Option<PathBuf>,
    /// Write the documents found, in order: one JSON object per set, strategy and question
    #[arg(long, value_name = "FILE")]
    pub(crate) rankings: Option<PathBuf>,
    /// Ask each question after those before it in its conversation, where the set has conversations
    #[arg(long)]
    pub(crate) in_conversation: bool,
    #[command(flatten)]
    pub(crate) options: EvalOptions,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct EvalAnswers {
    /// Documents, one JSON object per line: id, title, text
    #[arg(long, value_name = "FILE", required_unless_present = "sets", requires = "queries")]
    pub(crate) corpus: Option<PathBuf>,
    /// Questions, one JSON object per line: id, text, answers, answerable
    #[arg(long, value_name = "FILE", requires = "corpus")]
    pub(crate) queries: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: EvalOptions,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct EvalFiles {
    /// Questions, one JSON object per line: text, file, and evidence_pages_0based, must_contain or must_not_contain
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: PathBuf,
    /// The folder of the files; each is asked about alone
    #[arg(long, value_name = "DIR")]
    pub(crate) files: PathBuf,
    #[command(flatten)]
    pub(crate) options: EvalOptions,
}

/// What every evaluation understands.
#[derive(Debug, Clone, Args)]
pub(crate) struct EvalOptions {
    /// A folder with corpus.jsonl, queries.jsonl and qrels.tsv; several side by side
    #[arg(long = "set", value_name = "DIR")]
    pub(crate) sets: Vec<PathBuf>,
    /// How passages are found; several side by side, as in `lexical,auto`
    #[arg(long = "strategy", value_name = "NAME", value_delimiter = ',', default_value = "auto")]
    pub(crate) strategies: Vec<Strategy>,
    /// Ask only this many questions of each set, always the same ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) sample: Option<u32>,
    /// Ask only the questions of one half: tune on one, judge on the other
    #[arg(long, value_enum)]
    pub(crate) half: Option<Half>,
    /// What `--json` printed before: a figure that is worse now makes the exit code 1
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// How much worse than the baseline a figure may be
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = tolerance)]
    pub(crate) tolerance: f64,
    /// Write a page with tables and charts
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
}

/// A half of a set's questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Half {
    /// The one to tune on
    A,
    /// The one held back
    B,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Check every setting
    Check,
    /// Show every setting, its value and where it came from
    Print,
}

fn filter(json: &str) -> Result<Filter, String> {
    let value = serde_json::from_str(json).map_err(|_| "it is not valid JSON".to_owned())?;
    Filter::parse(&value).map_err(|error| error.to_string())
}

fn tolerance(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    let is_one = value.is_finite() && value >= 0.0;
    is_one.then_some(value).ok_or_else(|| "it must be 0 or more".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        <Arguments as CommandFactory>::command().debug_assert();
    }

    #[test]
    fn no_verb_means_serve_with_its_flags() {
        let arguments =
            Arguments::parse_from(["chatbot", "--listen", "127.0.0.1:1", "--data-dir", "x"]);
        let Command::Serve(serve) = arguments.verb() else { panic!("not serve") };
        assert_eq!(serve.listen.as_deref(), Some("127.0.0.1:1"));
        assert_eq!(arguments.common.data_dir, Some("x".into()));
        let arguments = Arguments::parse_from(["chatbot", "ask", "q", "--json", "--data-dir", "x"]);
        assert!(arguments.common.json && matches!(arguments.verb(), Command::Ask(_)));
    }
}
