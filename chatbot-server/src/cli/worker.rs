//! `parse-worker`: this program once more, as a process that parses documents and can do nothing else.

use std::process::ExitCode;

use chatbot_core::config::{Isolation, ParsingConfig};
use chatbot_core::parsers::{Parsers, worker};

const VERB: &str = "parse-worker";
/// Whether jemalloc keeps memory that it gave back for itself. A worker's limit would count it.
const RETAIN: (&str, &str) = ("MALLOC_CONF", "retain:false");

/// Has documents parsed by this program, unless the configuration says by what, or by no other process.
pub(super) fn appoint(parsing: &mut ParsingConfig) {
    if parsing.isolation == Isolation::None || !parsing.worker.is_empty() {
        return;
    }
    let Some(program) = this_program() else {
        tracing::warn!("this program cannot find itself: documents are parsed in its own process");
        return;
    };
    parsing.worker = vec![program, VERB.to_owned()];
    let (name, value) = RETAIN;
    parsing.worker_environment.entry(name.to_owned()).or_insert_with(|| value.to_owned());
}

/// Reads documents for whoever started this process.
pub(super) fn run() -> ExitCode {
    match worker::serve(&Parsers::default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The very file that runs, also after an update has put another in its place.
#[cfg(target_os = "linux")]
fn this_program() -> Option<String> {
    Some("/proc/self/exe".to_owned())
}

#[cfg(not(target_os = "linux"))]
fn this_program() -> Option<String> {
    std::env::current_exe().ok()?.into_os_string().into_string().ok()
}
