//! What a turn costs beyond the model, in this process and beside others. Each figure stands beside its bar.
//!
//! `turns --server PATH [--python PATH --peers FOLDER] [--only overhead|isolation|idle|peers|gateway] [--passages N] [--questions N]
//! [--sessions N] [--rates N,N] [--seconds N] [--json FILE]`
//!
//! The model answers at once, so what is left of a turn's time is the engine's. `peers` and `gateway` need a Python with what
//! `benches/peers/requirements-turns.txt` lists, and are left out where none is named.
#![allow(clippy::print_stdout, reason = "this program prints a table")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use chatbot_benches::measurement::{self, Options, Table};
use chatbot_benches::server::Program;
use chatbot_benches::turns::gateway::Load;
use chatbot_benches::turns::passages::Passages;
use chatbot_benches::turns::peer::Python;
use chatbot_benches::turns::{gateway, idle, isolation, overhead, peers};
use chatbot_benches::{Result, instant_model};
use serde_json::json;
use tempfile::TempDir;

/// Passages, each a document of one chunk.
const N_PASSAGES: u64 = 10_000;
/// Questions about them.
const N_QUESTIONS: u64 = 200;
/// Sessions that lie idle.
const N_SESSIONS: u64 = 20_000;
/// Requests a second, where nothing else is said.
const RATES: &str = "20,50";
/// Seconds at each rate of requests.
const N_SECONDS: u64 = 30;
/// The scripts of the peers, seen from the workspace's root.
const SCRIPTS: &str = "benches/peers";

#[tokio::main]
async fn main() -> ExitCode {
    let names = [
        "server",
        "python",
        "peers",
        "only",
        "passages",
        "questions",
        "sessions",
        "rates",
        "seconds",
        "json",
    ];
    measurement::run(&names, async |options, table| measure(options, table).await).await
}

async fn measure(options: &Options, table: &mut Table) -> Result<()> {
    let model = instant_model::start().await?;
    let n_passages = usize::try_from(options.number("passages", N_PASSAGES)?)?;
    let n_questions = usize::try_from(options.number("questions", N_QUESTIONS)?)?;
    let passages = Passages::new(n_passages, n_questions);
    table.note("turns", json!({"passages": n_passages}));
    let python = python(options);
    let wants_peers = options.wants("peers") && python.is_some();
    let data = if options.wants("overhead") || wants_peers {
        passages.data().await?
    } else {
        TempDir::new()?
    };
    if options.wants("overhead") {
        overhead::measure(&passages, data.path(), table).await?;
    }
    if options.wants("isolation") {
        isolation::measure(model, table).await?;
    }
    if options.wants("idle") {
        let n_sessions = usize::try_from(options.number("sessions", N_SESSIONS)?)?;
        idle::measure(&program(options, model)?, n_sessions, table).await?;
    }
    let Some(python) = python else {
        println!("SKIPPED  peers, gateway: --python names no Python that has them");
        return Ok(());
    };
    if options.wants("peers") {
        peers::measure((&passages, data.path()), &python, model, table).await?;
    }
    if options.wants("gateway") {
        let load = load(options)?;
        gateway::measure(&program(options, model)?, &python, (model, &load), table).await?;
    }
    Ok(())
}

/// The server as it comes, with the instant model beside its own. Sessions get no titles: each is a second call to the model
/// after an answer, and would run into whatever is measured next.
fn program(options: &Options, model: std::net::SocketAddr) -> Result<Program> {
    let model = format!("openai+http://{model}/v1#instant");
    let environment = vec![("CHATBOT__ENGINE__TURNS__TITLES".to_owned(), "false".to_owned())];
    Ok(Program { path: options.server()?, model, embedder: "none", environment })
}

fn load(options: &Options) -> Result<Load> {
    let rates = options.get("rates").unwrap_or(RATES).split(',').map(str::parse);
    let lasts = Duration::from_secs(options.number("seconds", N_SECONDS)?);
    Ok(Load { rates: rates.collect::<std::result::Result<_, _>>()?, lasts })
}

fn python(options: &Options) -> Option<Python> {
    let path = options.get("python").map(PathBuf::from)?;
    Some(Python { path, scripts: options.get("peers").unwrap_or(SCRIPTS).into() })
}
