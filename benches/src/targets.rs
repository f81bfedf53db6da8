//! What reads bytes of strangers, one piece at a time: what each piece promises whatever it is given.

use chatbot_core::Context;
use chatbot_core::chunkers::{ChunkerConfig, StructureChunker};
use chatbot_core::parsers::{Parsers, broken_promise, detect};
use chatbot_core::sse::{SseEvent, SseParser};
use chatbot_core::testing::conformance::chunker;
use chatbot_core::traits::{Chunker as _, ParseLimits};
use chatbot_core::types::{Filter, Metadata, ParsedDocument, RawDocument};

use crate::Result;
use crate::chance::Chance;
use crate::mutation::Seed;
use crate::providers::{ARGUMENTS, Api, Provider};

/// The targets that are not a format. Every other word is the ending of the files that the parsers are given.
pub const OTHERS: [&str; 9] = [
    "detect",
    "chunks",
    "filter",
    "sse",
    "stream",
    "stream-anthropic",
    "stream-gemini",
    "stream-ollama",
    "tool-arguments",
];
/// Bytes of a line, and of an event, where streams are tested: small, so that the bound itself is.
const SSE_BYTES: usize = 4096;

const FILTERS: &[&str] = &[
    r#"{"$and":[{"year":{"$gte":2020,"$lt":1e3}},{"$or":[{"a.b":{"$in":["x",null,true]}},{"t":{"$contains":"\u00e9"}}]},{"$not":{"k":{"$exists":true}}}]}"#,
    r#"{"a":1}"#,
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
    Arguments(Box<Provider>),
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
            "tool-arguments" => Kind::Arguments(Box::new(Provider::start(Api::OpenAi)?)),
            _ => match Api::named(name) {
                Some(api) => Kind::Stream(Box::new(Provider::start(api)?)),
                None => Kind::Parse(Parsers::default()),
            },
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
            Kind::Stream(provider) => provider.wrong_answer(&input.bytes),
            Kind::Arguments(provider) => provider.wrong_call(&input.bytes),
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
        "sse" => texts(Api::OpenAi.answers()),
        "tool-arguments" => texts(ARGUMENTS),
        other => Api::named(other).map_or_else(|| of_format(&[other]), |api| texts(api.answers())),
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
    // That a line was too long is said after the events before it.
    events.extend(parser.push(&[]).map_err(drop)?);
    Ok(events)
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
        assert!(Api::ALL.iter().all(|(name, _)| OTHERS.contains(name)));
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
