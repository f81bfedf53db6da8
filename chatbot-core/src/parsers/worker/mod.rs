//! Parsing in a process of its own: what a document can do to its parser, it does to nobody else.
//!
//! Documents come from strangers, and parsers are the largest piece of code that reads their bytes. A limit that a parser
//! looks at itself holds only where it looks. So the program can start itself, or another program, once more as a
//! *worker*: [`WorkerReader`] sends it one document at a time and takes back the text, and [`serve()`] is what the worker
//! runs. Before a worker reads anything it gives up what it does not need (memory beyond a bound, files, network,
//! processes), and whoever started it ends it where it is late or talks nonsense. What then fails is that one document;
//! another worker takes the next one.
//!
//! On Linux all of that is enforced by the kernel. Elsewhere a worker is a process that can crash alone and is ended when
//! it is late; memory, files and network are as the system gives them.
//!
//! Deliberately not here: workers on other machines, and several documents in one worker at a time.

mod confine;
mod ending;
#[cfg(any(test, feature = "testing"))]
mod hostile;
mod pool;
mod process;
mod reader;
mod serve;
mod starter;
mod structure;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub use reader::WorkerReader;
pub use serve::serve;

/// The variable that tells a worker how much memory it may have, in bytes.
const MEMORY_VARIABLE: &str = "CHATBOT_WORKER_MEMORY_BYTES";

/// How workers are started, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerOptions {
    /// The program to start; it has to call [`serve()`].
    pub program: PathBuf,
    /// What it is called with.
    pub arguments: Vec<String>,
    /// Its environment. Nothing of this process's own is handed on.
    pub environment: BTreeMap<String, String>,
    /// Bytes of memory that a worker may have beside its program.
    pub max_memory_bytes: u64,
    /// Workers at the same time, one at least.
    pub n_at_once: usize,
    /// How long a worker without a document is kept.
    pub idle_after: Duration,
}

impl WorkerOptions {
    /// 400 MiB: with the program itself, a worker stays below half a gigabyte.
    pub const DEFAULT_MAX_MEMORY_BYTES: u64 = 400 << 20;
    /// A minute: somebody who adds documents one by one finds a worker; one who has finished pays for none.
    pub const DEFAULT_IDLE_AFTER: Duration = Duration::from_secs(60);

    /// Workers of this program, one at a time, with the usual bounds.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            max_memory_bytes: Self::DEFAULT_MAX_MEMORY_BYTES,
            n_at_once: 1,
            idle_after: Self::DEFAULT_IDLE_AFTER,
        }
    }
}
