//! What reads bytes of strangers against inputs that nobody would write: mutated files, one after the other.
//!
//! `fuzz [--target NAME] [--minutes N | --seconds N] [--data FOLDER | --corpus FOLDER,…] [--seed N] [--findings FOLDER]`
//!
//! A target is `detect`, `chunks`, `filter` (JSON), `sse`, `stream` and `stream-anthropic`, `-gemini`, `-ollama` (answers of
//! providers), `tool-arguments` (of the calls in them), or the ending of files that the parsers are given, such as `pdf`; without a name, each has its minutes in turn. The files are those of the public evaluation sets, or of
//! the folders that are named, read in place. Looked for are panics, runs that take longer or more memory than they may, and broken
//! promises. An input that ends the process is left as `current` beside the findings; one that hangs ends it. The same seed makes
//! the same inputs.
#![allow(clippy::print_stdout, reason = "this program reports to a person")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chatbot_benches::chance::Chance;
use chatbot_benches::measurement::Options;
use chatbot_benches::mutation::{Mutator, Seed};
use chatbot_benches::processes::{computed, forget_peak, memory_mb};
use chatbot_benches::targets::{self, Target};
use chatbot_benches::{Failure, Result};
use chatbot_core::traits::ParseLimits;

/// What a run may take by the parser's own limits, and what it may compute at all.
const MAX_DURATION: Duration = Duration::from_secs(5);
const TOO_LONG: Duration = Duration::from_secs(10);
/// When a run that has not ended is held to hang.
const HANGS: Duration = Duration::from_secs(60);
/// What a run may take of memory, beyond what there was before it, in 10⁶ bytes: a parse worker has 400 MiB.
const MAX_MEMORY_MB: f64 = 420.0;
/// Larger seeds make slow runs, and find no more.
const MAX_SEED_BYTES: usize = 1 << 20;
/// The files of the public sets, below their folder.
const PUBLIC: [&str; 2] = ["documents/files", "adversarial/files"];

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

fn run() -> Result<usize> {
    let options =
        Options::read(&["target", "minutes", "seconds", "data", "corpus", "seed", "findings"])?;
    let lasts = match options.get("minutes") {
        Some(_) => Duration::from_secs(60 * options.number("minutes", 1)?),
        None => Duration::from_secs(options.number("seconds", 60)?),
    };
    std::panic::set_hook(Box::new(|panic| {
        PANICKED.store(true, Ordering::SeqCst);
        *WORDS.lock().unwrap_or_else(PoisonError::into_inner) =
            panic.to_string().replace('\n', " ");
    }));
    let findings = PathBuf::from(options.get("findings").unwrap_or("findings"));
    std::fs::create_dir_all(&findings)?;
    let corpus = corpus(&options)?;
    let targets = match options.get("target") {
        Some(name) => vec![name.to_owned()],
        None => targets::all(&corpus),
    };
    let clock = Arc::new(Clock::default());
    clock.watch();
    let mut n_found = 0;
    for name in &targets {
        let seeds = targets::seeds(name, &corpus);
        if seeds.is_empty() {
            let known = targets::all(&corpus).join(", ");
            return Err(Failure::from(format!("no files for `{name}`; the targets are {known}")));
        }
        let mut chance = Chance::new(options.number("seed", 1)?);
        let fuzzing = Fuzzing {
            target: Target::named(name, chance.fork())?,
            name: name.clone(),
            mutator: Mutator::new(chance, seeds),
            findings: findings.clone(),
            clock: Arc::clone(&clock),
            n_found: 0,
        };
        n_found += fuzzing.run(lasts)?;
    }
    Ok(n_found)
}

/// The files that inputs are made of.
fn corpus(options: &Options) -> Result<Vec<Seed>> {
    let folders: Vec<PathBuf> = match options.get("corpus") {
        Some(folders) => folders.split(',').map(PathBuf::from).collect(),
        None => PUBLIC.iter().map(|folder| options.data().join(folder)).collect(),
    };
    let mut seeds = Vec::new();
    for folder in folders {
        let entries =
            std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
        files.sort();
        for path in files.iter().filter(|path| path.is_file()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bytes = std::fs::read(path)?;
            if bytes.len() <= MAX_SEED_BYTES {
                seeds.push(Seed { name, bytes });
            }
        }
    }
    Ok(seeds)
}

/// Ends the program where a run does not end.
#[derive(Debug, Default)]
struct Clock {
    /// Counts beginnings and ends: odd while something runs.
    ticks: AtomicU64,
}

impl Clock {
    fn tick(&self) {
        self.ticks.fetch_add(1, Ordering::SeqCst);
    }

    fn watch(self: &Arc<Self>) {
        let clock = Arc::clone(self);
        std::thread::spawn(move || {
            loop {
                let before = clock.ticks.load(Ordering::SeqCst);
                std::thread::sleep(HANGS);
                if before % 2 == 1 && clock.ticks.load(Ordering::SeqCst) == before {
                    println!("a run hangs; its input is `current` beside the findings");
                    std::process::exit(2);
                }
            }
        });
    }
}

struct Fuzzing {
    target: Target,
    name: String,
    mutator: Mutator,
    findings: PathBuf,
    clock: Arc<Clock>,
    n_found: usize,
}

impl Fuzzing {
    fn run(mut self, lasts: Duration) -> Result<usize> {
        let (begun, mut n_runs, mut slowest) = (Instant::now(), 0_u64, Duration::ZERO);
        while begun.elapsed() < lasts {
            let Some(input) = self.mutator.next_input() else { break };
            n_runs += 1;
            slowest = slowest.max(self.one(&input)?);
        }
        let (name, n_found, took) = (&self.name, self.n_found, begun.elapsed().as_secs_f64());
        println!(
            "{name}: {n_runs} runs in {took:.0} s, the slowest {slowest:?}: {n_found} findings"
        );
        Ok(self.n_found)
    }

    /// Reads one input; how long that took.
    fn one(&mut self, input: &Seed) -> Result<Duration> {
        std::fs::write(self.findings.join("current"), &input.bytes)?;
        let id = std::process::id();
        forget_peak(id);
        let before = memory_mb(id, "VmHWM:").unwrap_or_default();
        let limits = ParseLimits { max_duration: MAX_DURATION, ..ParseLimits::default() };
        self.clock.tick();
        let (begun, before_it) = (Instant::now(), computed());
        // What panics outside of what catches panics itself ends nothing here: it is a finding.
        let read = std::panic::AssertUnwindSafe(|| self.target.read(input, &limits));
        let wrong = std::panic::catch_unwind(read).unwrap_or_default();
        let spent = computed().zip(before_it).map(|(after, before)| after.saturating_sub(before));
        let took = spent.unwrap_or_else(|| begun.elapsed());
        self.clock.tick();
        let memory = memory_mb(id, "VmHWM:").unwrap_or_default() - before;
        let wrong = match wrong {
            _ if PANICKED.swap(false, Ordering::SeqCst) => {
                Some(WORDS.lock().unwrap_or_else(PoisonError::into_inner).clone())
            }
            None if took > TOO_LONG => Some(format!("took {took:?}")),
            None if memory > MAX_MEMORY_MB => Some(format!("took {memory:.0} MB")),
            wrong => wrong,
        };
        if let Some(wrong) = wrong {
            self.keep(input, &wrong)?;
        }
        Ok(took)
    }

    fn keep(&mut self, input: &Seed, wrong: &str) -> Result<()> {
        self.n_found += 1;
        let file = self.findings.join(format!("{}-{}-{}", self.name, self.n_found, input.name));
        std::fs::write(&file, &input.bytes)?;
        println!("{}: {wrong}", Path::new(&file).display());
        Ok(())
    }
}
