//! What came of a drill.

use std::fmt;

use chatbot_benches::stats::Samples;
use serde_json::{Value, json};

/// Characters that are kept of what is said about a broken promise.
const MAX_CHARS: usize = 600;

/// What came of a drill.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Servers that were killed.
    pub n_kills: u64,
    /// Of these, while they were starting.
    pub n_kills_at_start: u64,
    /// Data directories that were used, one after the other.
    pub n_lives: u64,
    /// Writes that were acknowledged and looked for after the next kill.
    pub n_acknowledged: u64,
    /// Requests that were in doubt and were sent again under the same key.
    pub n_repeated: u64,
    /// Comparisons of what was promised with what is there.
    pub n_checks: u64,
    /// Originals that belong to no document: an upload was killed between its file and its row.
    pub n_loose_originals: u64,
    /// From the start of a process that follows a killed one to its readiness.
    pub ready: Samples,
    /// Until all that was queued had been done after a restart.
    pub settled: Samples,
    /// Every promise that was broken.
    pub violations: Vec<Violation>,
}

/// A promise that was broken.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Which promise.
    pub kind: Kind,
    /// The life in which that was, whose seed plays it again.
    pub seed: u64,
    /// What was found.
    pub what: String,
}

/// Which promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something acknowledged is gone, or something deleted is back.
    Loss,
    /// Something is there in part.
    Half,
    /// Something happened twice.
    Duplicate,
    /// Anything else.
    Other,
}

impl Report {
    /// Adds what came of another life.
    pub fn add(&mut self, other: Self) {
        self.n_kills += other.n_kills;
        self.n_kills_at_start += other.n_kills_at_start;
        self.n_lives += other.n_lives;
        self.n_acknowledged += other.n_acknowledged;
        self.n_repeated += other.n_repeated;
        self.n_checks += other.n_checks;
        self.n_loose_originals += other.n_loose_originals;
        self.ready.extend(other.ready);
        self.settled.extend(other.settled);
        self.violations.extend(other.violations);
    }

    fn n_of(&self, kind: Kind) -> usize {
        self.violations.iter().filter(|violation| violation.kind == kind).count()
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let violation = |one: &Violation| json!({"kind": format!("{:?}", one.kind), "seed": one.seed, "what": one.what});
        json!({
            "kills": self.n_kills, "kills_at_start": self.n_kills_at_start, "lives": self.n_lives,
            "acknowledged": self.n_acknowledged, "repeated": self.n_repeated, "checks": self.n_checks,
            "losses": self.n_of(Kind::Loss), "halves": self.n_of(Kind::Half),
            "duplicates": self.n_of(Kind::Duplicate), "others": self.n_of(Kind::Other),
            "loose_originals": self.n_loose_originals,
            "ready_ms": percentiles(&self.ready), "settled_ms": percentiles(&self.settled),
            "violations": self.violations.iter().map(violation).collect::<Vec<_>>(),
        })
    }
}

fn percentiles(samples: &Samples) -> Value {
    let at = |percent| samples.percentile(percent).map(|time| time.as_secs_f64() * 1e3);
    json!({"n": samples.len(), "p50": at(50), "p99": at(99), "max": at(100)})
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |samples: &Samples, percent| {
            samples.percentile(percent).unwrap_or_default().as_secs_f64() * 1e3
        };
        write!(
            f,
            "{} kills ({} at the start) in {} lives; {} acknowledged writes, {} requests repeated, {} checks: \
             {} losses, {} halves, {} duplicates, {} others; {} loose originals; \
             ready p50 {:.0} p99 {:.0} max {:.0} ms; settled p50 {:.0} p99 {:.0} max {:.0} ms",
            self.n_kills,
            self.n_kills_at_start,
            self.n_lives,
            self.n_acknowledged,
            self.n_repeated,
            self.n_checks,
            self.n_of(Kind::Loss),
            self.n_of(Kind::Half),
            self.n_of(Kind::Duplicate),
            self.n_of(Kind::Other),
            self.n_loose_originals,
            ms(&self.ready, 50),
            ms(&self.ready, 99),
            ms(&self.ready, 100),
            ms(&self.settled, 50),
            ms(&self.settled, 99),
            ms(&self.settled, 100),
        )
    }
}

/// What one client or one check found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Comparisons that were made.
    pub n_checks: u64,
    /// Those that failed.
    pub broken: Vec<(Kind, String)>,
}

impl Findings {
    /// Notes `what` where a promise does not hold.
    pub fn check(&mut self, holds: bool, kind: Kind, what: impl FnOnce() -> String) {
        self.n_checks += 1;
        if !holds {
            self.broken.push((kind, what().chars().take(MAX_CHARS).collect()));
        }
    }

    /// Adds those of another.
    pub fn add(&mut self, other: &mut Self) {
        self.n_checks += std::mem::take(&mut other.n_checks);
        self.broken.append(&mut other.broken);
    }
}
