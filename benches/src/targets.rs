//! What reads bytes of strangers, one piece at a time: what each piece promises whatever it is given.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use chatbot_core::Context;
use chatbot_core::chunkers::{ChunkerConfig, StructureChunker};
use chatbot_core::models::{OpenAiModel, ProviderConfig};
use chatbot_core::parsers::{Parsers, broken_promise, detect};
use chatbot_core::sse::{SseEvent, SseParser};
use chatbot_core::testing::conformance::chunker;
use chatbot_core::traits::{ChatModel as _, ChatRequest, Chunker as _, ModelMessage, ParseLimits};
use chatbot_core::types::{Filter, MessageRole, Metadata, ParsedDocument, RawDocument};
use futures_util::StreamExt as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::Result;
use crate::chance::Chance;
use crate::mutation::Seed;

/// The targets that are not a format. Every other word is the ending of the files that the parsers are given.
pub const OTHERS: [&str; 5] = ["detect", "chunks", "filter", "sse", "stream"];
/// Bytes of a line, and of an event, where streams are tested: small, so that the bound itself is.
const SSE_BYTES: usize = 4096;

const FILTERS: &[&str] = &[
    r#"{"$and":[{"year":{"$gte":2020,"$lt":1e3}},{"$or":[{"a.b":{"$in":["x",null,true]}},{"t":{"$contains":"\u00e9"}}]},{"$not":{"k":{"$exists":true}}}]}"#,
    r#"{"a":1}"#,
];
const STREAMS: &[&str] = &[
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"One \"}}]}\n\n\
     data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"two [1].\"},\"finish_reason\":\"stop\"}]}\n\n\
     data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
    ": comment\r\nevent: message\r\nid: 7\r\nretry: 10\r\ndata: {\"choices\":[{\"delta\":{\"reasoning_content\":\"h\\u00e9\"}}]}\r\n\r\n",
    "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":503}}\n\n",
    "{\"choices\":[{\"message\":{\"content\":\"whole\"},\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":1}}",
    "\u{feff}data\ndata:\ndata: \n\nevent: error\ndata: {\"a\":[[[[]]]]}\n\n",
];
/// Formats that the public documents have no file of.
const MADE_UP: &[(&str, &str)] = &[
    (
        "a.ipynb",
        r##"{"cells":[{"cell_type":"markdown","source":["# One\n","two"]},{"cell_type":"code","source":"x = 1","outputs":[{"text":["1"]}]}],"nbformat":4,"metadata":{}}"##,
    ),
    (
        "a.srt",
        "1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nAgain\n",
    ),
    (
        "a.rst",
        "Title\n=====\n\nOne paragraph.\n\n.. note:: A note\n   goes on\n\n+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+---+---+\n",
    ),
    ("a.adoc", "= Title\n\n== Section\n\n|===\n| a | b\n| 1 | 2\n|===\n\n----\ncode\n----\n"),
    ("a.tsv", "a\tb\n1\t\"two\n lines\"\n3\t4\n"),
    (
        "a.mbox",
        "From a@example.org Mon Jan  1 00:00:00 2024\nFrom: a@example.org\nSubject: =?utf-8?q?=C3=A9?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n",
    ),
];

/// A thing that reads bytes.
#[derive(Debug)]
pub struct Target {
    kind: Kind,
    chance: Chance,
}

#[derive(Debug)]
enum Kind {
    Detect,
    Parse(Parsers),
    Chunks(Parsers),
    Filter,
    Sse,
    Stream(Box<Provider>),
}

impl Target {
    /// The target of this name.
    ///
    /// # Errors
    /// Where what it needs cannot be started.
    pub fn named(name: &str, chance: Chance) -> Result<Self> {
        let kind = match name {
            "detect" => Kind::Detect,
            "chunks" => Kind::Chunks(Parsers::default()),
            "filter" => Kind::Filter,
            "sse" => Kind::Sse,
            "stream" => Kind::Stream(Box::new(Provider::start()?)),
            _ => Kind::Parse(Parsers::default()),
        };
        Ok(Self { kind, chance })
    }

    /// Reads an input; what it does that it promised not to do. It may panic and take long: whoever calls looks after that.
    pub fn read(&mut self, input: &Seed, limits: &ParseLimits) -> Option<String> {
        match &self.kind {
            Kind::Detect => {
                let kind = detect(&raw(input));
                kind.as_str().is_empty().then(|| "a type without a name".to_owned())
            }
            Kind::Parse(parsers) => {
                let document = parsers.parse(&Context::local(), &raw(input), limits).ok()?;
                let broken = broken_promise(&document).map(str::to_owned);
                broken.or_else(|| wrong_chunks(&document, ChunkerConfig::default()))
            }
            Kind::Chunks(parsers) => {
                let document = parsers.parse(&Context::local(), &raw(input), limits).ok()?;
                let max_tokens = self.chance.between(1, 300);
                let overlap_tokens = self.chance.below(max_tokens);
                wrong_chunks(&document, ChunkerConfig { max_tokens, overlap_tokens })
            }
            Kind::Filter => wrong_filter(&input.bytes),
            Kind::Sse => wrong_events(&input.bytes, &mut self.chance),
            Kind::Stream(provider) => provider.wrong_answer(input),
        }
    }
}

/// What the inputs of a target are made of: its own seeds, or the files of the corpus that it reads.
#[must_use]
pub fn seeds(target: &str, corpus: &[Seed]) -> Vec<Seed> {
    let text = |(name, text): &(&str, &str)| Seed { name: (*name).into(), bytes: (*text).into() };
    let texts = |texts: &[&str]| texts.iter().map(|one| text(&("a.json", *one))).collect();
    let made_up = || MADE_UP.iter().map(text);
    let of_format = |endings: &[&str]| {
        let all = corpus.iter().cloned().chain(made_up());
        all.filter(|seed| endings.contains(&ending(&seed.name).as_str())).collect()
    };
    match target {
        "detect" => corpus.iter().cloned().chain(made_up()).collect(),
        "chunks" => of_format(&["txt", "md", "html", "csv", "json", "docx", "rst", "ipynb"]),
        "filter" => texts(FILTERS),
        "sse" | "stream" => texts(STREAMS),
        format => of_format(&[format]),
    }
}

/// Every target that there are seeds for.
#[must_use]
pub fn all(corpus: &[Seed]) -> Vec<String> {
    let made_up = MADE_UP.iter().map(|(name, _)| ending(name));
    let mut formats: Vec<String> =
        corpus.iter().map(|seed| ending(&seed.name)).chain(made_up).collect();
    formats.sort_unstable();
    formats.dedup();
    OTHERS.iter().map(|name| (*name).to_owned()).chain(formats).collect()
}

fn ending(name: &str) -> String {
    name.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase()
}

fn raw(input: &Seed) -> RawDocument {
    RawDocument { name: input.name.clone(), declared: None, bytes: input.bytes.clone().into() }
}

/// What is wrong with the chunks of a document.
fn wrong_chunks(document: &ParsedDocument, config: ChunkerConfig) -> Option<String> {
    match StructureChunker::new(config).chunk(&Context::local(), document) {
        Ok(chunks) => chunker::broken_promise(document, &chunks),
        Err(error) => Some(format!("the text cannot be cut: {error}")),
    }
}

/// A filter that is taken can be asked.
fn wrong_filter(bytes: &[u8]) -> Option<String> {
    let filter = Filter::parse(&serde_json::from_slice(bytes).ok()?).ok()?;
    let metadata: Metadata = serde_json::from_str(r#"{"year":2021,"a":{"b":"x"},"t":"é"}"#).ok()?;
    let (once, twice) = (filter.matches(&metadata), filter.matches(&metadata));
    (once != twice).then(|| "a filter says yes and no".to_owned())
}

/// The events of a stream are the same however its bytes are cut, and none is longer than it may be.
fn wrong_events(bytes: &[u8], chance: &mut Chance) -> Option<String> {
    let whole = events([bytes].into_iter());
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(chance.between(1, 40).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    if whole != events(pieces.into_iter()) {
        return Some("the events depend on how the bytes are cut".to_owned());
    }
    let is_long = |event: &SseEvent| event.data.len() > SSE_BYTES;
    whole.ok()?.iter().any(is_long).then(|| "an event is longer than it may be".to_owned())
}

/// The events, or that the stream is of no use: which of its events came before that, a cut may decide.
fn events<'b>(pieces: impl Iterator<Item = &'b [u8]>) -> std::result::Result<Vec<SseEvent>, ()> {
    let mut parser = SseParser::with_limit(SSE_BYTES);
    let mut events = Vec::new();
    for piece in pieces {
        events.extend(parser.push(piece).map_err(drop)?);
    }
    Ok(events)
}

/// A provider in this process that answers with whatever it was told, and the client of it.
#[derive(Debug)]
struct Provider {
    runtime: Runtime,
    says: Arc<Mutex<Answer>>,
    model: OpenAiModel,
}

#[derive(Debug, Clone, Default)]
struct Answer {
    kind: &'static str,
    bytes: Vec<u8>,
}

impl Provider {
    fn start() -> Result<Self> {
        let runtime = Runtime::new()?;
        let says: Arc<Mutex<Answer>> = Arc::default();
        let app =
            Router::new().route("/v1/chat/completions", post(answer)).with_state(Arc::clone(&says));
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let base_url = format!("http://{}/v1", listener.local_addr()?);
        runtime.spawn(async move { axum::serve(listener, app).await });
        let config = ProviderConfig {
            name: "fuzz".to_owned(),
            base_url,
            model: "fuzz".to_owned(),
            api_key: None,
        };
        let model = runtime.block_on(async { OpenAiModel::new(config) })?;
        Ok(Self { runtime, says, model })
    }

    /// An answer ends, with what it was or with an error, and nothing comes after its end.
    fn wrong_answer(&self, input: &Seed) -> Option<String> {
        let is_whole = input.bytes.first() == Some(&b'{');
        let kind = if is_whole { "application/json" } else { "text/event-stream" };
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) =
            Answer { kind, bytes: input.bytes.clone() };
        self.runtime.block_on(async {
            let question = ModelMessage { role: MessageRole::User, content: "?".to_owned() };
            let request = ChatRequest { messages: vec![question], ..ChatRequest::default() };
            let mut stream = self.model.stream(&Context::local(), request).await.ok()?;
            let mut is_over = false;
            while let Some(event) = stream.next().await {
                if is_over {
                    return Some("something came after the end of an answer".to_owned());
                }
                is_over = match event {
                    Ok(event) => matches!(event, chatbot_core::traits::ModelEvent::Finish(_)),
                    Err(_) => true,
                };
            }
            None
        })
    }
}

async fn answer(State(says): State<Arc<Mutex<Answer>>>) -> impl IntoResponse {
    let answer = says.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ([(CONTENT_TYPE, answer.kind)], answer.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_keeps_its_promises_for_its_own_seeds() {
        let corpus = [Seed { name: "b.TXT".to_owned(), bytes: b"One two. Three four.".to_vec() }];
        let targets = all(&corpus);
        assert!(
            targets.iter().any(|name| name == "txt") && targets.iter().any(|name| name == "stream")
        );
        for name in targets {
            let mut target = Target::named(&name, Chance::new(1)).unwrap();
            let seeds = seeds(&name, &corpus);
            assert!(!seeds.is_empty(), "{name}");
            for seed in seeds {
                let wrong = target.read(&seed, &ParseLimits::default());
                assert_eq!(wrong, None, "{name}: {}", seed.name);
            }
        }
    }
}
