//! Parsers, detection, chunking and filters against inputs that nobody would write: mutated documents, one after the other.
//!
//! `fuzz --corpus FOLDER [--only FORMAT] [--seconds N] [--seed N] [--findings FOLDER]`
//!
//! A corpus is a folder of files, read in place; `FORMAT` is the ending of their names, or `filter`, which needs none. Files in
//! zip containers are mutated inside of them, so that what is tested is more than a checksum. Looked for are panics, runs that
//! take longer than they may, and texts with a wrong structure; an input that ends the process is left as `current` beside
//! the findings. The same seed makes the same inputs. Coverage is not followed: that needs a compiler of its own.
#![allow(clippy::print_stdout, reason = "this program reports to a person")]

use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chatbot_benches::chance::Chance;
use chatbot_benches::{Failure, Result};
use chatbot_core::Context;
use chatbot_core::chunkers::StructureChunker;
use chatbot_core::parsers::{Parsers, broken_promise};
use chatbot_core::traits::{Chunker as _, ParseLimits};
use chatbot_core::types::{Filter, RawDocument};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// What a run may take by the parser's own limits, and what it may take at all.
const MAX_DURATION: Duration = Duration::from_secs(5);
const TOO_LONG: Duration = Duration::from_secs(10);
/// Larger seeds make slow runs, and find no more.
const MAX_SEED_BYTES: usize = 1 << 20;
/// Mutations of one input.
const MAX_MUTATIONS: usize = 8;
/// Bytes that are moved, repeated or taken from another seed at a time.
const MAX_PIECE_BYTES: usize = 256;
/// Numbers at which sizes overflow, as they stand in files.
const EDGES: &[&[u8]] = &[
    b"\0\0\0\0",
    b"\xFF\xFF\xFF\xFF",
    b"\x7F\xFF\xFF\xFF",
    b"\xFF\xFF\xFF\x7F",
    b"\0\0\0\x80",
    b"-1",
    b"4294967296",
    b"99999999999999999999",
    b"1e309",
    b"\xEF\xBB\xBF",
    b"\xED\xA0\x80",
    b"<![CDATA[",
    b"]]>",
    b"&#x110000;",
    b"{{{{",
    b"\r\n\r\n",
];

/// Whether anything panicked since it was looked at last, and what it said.
static PANICKED: AtomicBool = AtomicBool::new(false);
static WORDS: Mutex<String> = Mutex::new(String::new());

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    corpus: Vec<PathBuf>,
    only: Option<String>,
    lasts: Duration,
    seed: u64,
    findings: PathBuf,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            corpus: Vec::new(),
            only: None,
            lasts: Duration::from_secs(60),
            seed: 1,
            findings: PathBuf::from("findings"),
        };
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
            match word.as_str() {
                "--corpus" => options.corpus.push(value.into()),
                "--only" => options.only = Some(value),
                "--seconds" => options.lasts = Duration::from_secs(value.parse()?),
                "--seed" => options.seed = value.parse()?,
                "--findings" => options.findings = value.into(),
                _ => return Err(Failure::from(format!("there is no option `{word}`"))),
            }
        }
        Ok(options)
    }

    fn wants(&self, format: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == format)
    }
}

fn run() -> Result<usize> {
    let options = Options::parse(std::env::args().skip(1))?;
    std::panic::set_hook(Box::new(|panic| {
        PANICKED.store(true, Ordering::SeqCst);
        if let Ok(mut words) = WORDS.lock() {
            *words = panic.to_string().replace('\n', " ");
        }
    }));
    std::fs::create_dir_all(&options.findings)?;
    let mut fuzzing = Fuzzing {
        parsers: Parsers::default(),
        chance: Chance::new(options.seed),
        seeds: seeds(&options)?,
        findings: options.findings.clone(),
        n_found: 0,
    };
    if fuzzing.seeds.is_empty() && !options.wants("filter") {
        return Err(Failure::from("the corpus has no such files"));
    }
    let (begun, mut n_runs) = (Instant::now(), 0_u64);
    while begun.elapsed() < options.lasts {
        if fuzzing.seeds.is_empty() || (options.wants("filter") && fuzzing.chance.once_in(50)) {
            fuzzing.filter()?;
        } else {
            fuzzing.document()?;
        }
        n_runs += 1;
    }
    let (n_seeds, n_found) = (fuzzing.seeds.len(), fuzzing.n_found);
    println!("{n_runs} runs over {n_seeds} seeds in {:?}: {n_found} findings", begun.elapsed());
    Ok(n_found)
}

/// Names and bytes of the files that are mutated.
fn seeds(options: &Options) -> Result<Vec<(String, Vec<u8>)>> {
    let mut seeds = Vec::new();
    for folder in &options.corpus {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        files.sort();
        for path in files.iter().filter(|path| path.is_file()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let format = name.rsplit('.').next().unwrap_or_default().to_lowercase();
            let bytes = std::fs::read(path)?;
            if options.wants(&format) && bytes.len() <= MAX_SEED_BYTES {
                seeds.push((name, bytes));
            }
        }
    }
    Ok(seeds)
}

struct Fuzzing {
    parsers: Parsers,
    chance: Chance,
    seeds: Vec<(String, Vec<u8>)>,
    findings: PathBuf,
    n_found: usize,
}

impl Fuzzing {
    fn document(&mut self) -> Result<()> {
        let Some((name, seed)) = self.chance.one_of(&self.seeds).cloned() else { return Ok(()) };
        let bytes = match self.chance.once_in(4) {
            false => self.inside_of_zip(&seed),
            true => None,
        };
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => self.mutated(seed),
        };
        std::fs::write(self.findings.join("current"), &bytes)?;
        let raw = RawDocument { name: name.clone(), declared: None, bytes: bytes.clone().into() };
        let limits = ParseLimits { max_duration: MAX_DURATION, ..ParseLimits::default() };
        let begun = Instant::now();
        let parsed = self.parsers.parse(&Context::local(), &raw, &limits);
        let mut wrong = None;
        if let Ok(document) = &parsed {
            wrong = broken_promise(document).map(str::to_owned);
            let chunks = StructureChunker::default().chunk(&Context::local(), document);
            let whole = chunks.is_ok_and(|chunks| {
                chunks.iter().all(|chunk| chunk.span.slice(&document.text).is_some())
            });
            if !whole {
                wrong = Some("a chunk is no part of the text".to_owned());
            }
        }
        self.judge(&name, &bytes, begun.elapsed(), wrong)
    }

    fn filter(&mut self) -> Result<()> {
        let text = br#"{"$and":[{"year":{"$gte":2020,"$lt":1e3}},{"$or":[{"a.b":{"$in":["x",null,true]}},{"t":{"$contains":"\u00e9"}}]},{"$not":{"k":{"$exists":true}}}]}"#;
        let bytes = self.mutated(text.to_vec());
        std::fs::write(self.findings.join("current"), &bytes)?;
        let begun = Instant::now();
        if let Ok(json) = serde_json::from_slice(&bytes) {
            drop(Filter::parse(&json));
        }
        self.judge("filter.json", &bytes, begun.elapsed(), None)
    }

    fn judge(
        &mut self,
        name: &str,
        bytes: &[u8],
        took: Duration,
        wrong: Option<String>,
    ) -> Result<()> {
        let panicked = PANICKED.swap(false, Ordering::SeqCst);
        let wrong = match wrong {
            _ if panicked => Some(WORDS.lock().map(|words| words.clone()).unwrap_or_default()),
            None if took > TOO_LONG => Some(format!("took {took:?}")),
            wrong => wrong,
        };
        let Some(wrong) = wrong else { return Ok(()) };
        self.n_found += 1;
        let file = self.findings.join(format!("{}-{name}", self.n_found));
        std::fs::write(&file, bytes)?;
        println!("{}: {wrong}", Path::new(&file).display());
        Ok(())
    }

    fn mutated(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..self.chance.between(1, MAX_MUTATIONS) {
            self.mutate(&mut bytes);
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.chance.below(bytes.len() + 1);
        let len = self.chance.between(1, MAX_PIECE_BYTES).min(bytes.len() - at);
        match self.chance.below(7) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (self.chance.any() % 8);
                }
            }
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..at + len)),
            3 => {
                let piece =
                    bytes.get(at..at + len).unwrap_or_default().repeat(self.chance.between(1, 20));
                bytes.splice(at..at, piece);
            }
            4 => {
                let edge = self.chance.one_of(EDGES).copied().unwrap_or_default();
                let end = (at + edge.len()).min(bytes.len());
                bytes.splice(at..end, edge.iter().copied());
            }
            5 => {
                let other = self.chance.one_of(&self.seeds).map(|(_, other)| other.clone());
                let other = other.unwrap_or_default();
                let from = self.chance.below(other.len() + 1);
                let to = (from + MAX_PIECE_BYTES).min(other.len());
                bytes.splice(at..at, other.get(from..to).unwrap_or_default().iter().copied());
            }
            _ => {
                for byte in bytes.iter_mut().skip(at).take(len) {
                    *byte = u8::try_from(self.chance.any() % 256).unwrap_or_default();
                }
            }
        }
    }

    /// A zip container with one of its files mutated; `None` for everything else.
    fn inside_of_zip(&mut self, seed: &[u8]) -> Option<Vec<u8>> {
        if !seed.starts_with(b"PK") {
            return None;
        }
        let mut archive = ZipArchive::new(Cursor::new(seed)).ok()?;
        let chosen = self.chance.below(archive.len());
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for n in 0..archive.len() {
            let mut entry = archive.by_index(n).ok()?;
            let name = entry.name().ok()?.into_owned();
            let mut bytes = Vec::new();
            entry.by_ref().take(MAX_SEED_BYTES as u64).read_to_end(&mut bytes).ok()?;
            let bytes = if n == chosen { self.mutated(bytes) } else { bytes };
            writer.start_file(name, SimpleFileOptions::default()).ok()?;
            writer.write_all(&bytes).ok()?;
        }
        Some(writer.finish().ok()?.into_inner())
    }
}
