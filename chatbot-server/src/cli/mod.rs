//! The command line: every verb, and what they share.
//!
//! A verb opens a `client` and speaks HTTP with it: with the server that owns the data directory where one runs, with
//! a router in its own process otherwise. `backup` and `restore` are about files that this process reads and writes, as
//! whoever called it may: no server does that for others.

mod args;
mod ask;
mod backup;
mod client;
mod eval;
mod extract;
mod files;
mod follow;
mod ingest;
mod learning;
mod multipart;
mod output;
mod progress;
mod restore;
mod search;
mod serve;
mod settings;
mod worker;

use std::process::ExitCode;

use chatbot_core::{Error, Result};

pub use args::Arguments;
use args::{Command, ConfigVerb, EvalVerb};
use output::Output;

use crate::telemetry;

/// What documents of a folder have in their metadata: the folder that they were taken in as a part of.
const FOLDER: &str = "folder";

/// Interrupted by a signal, as shells count it.
const INTERRUPTED: u8 = 130;

/// How a verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// Nothing broke, but what was asked for did not happen; it was said already.
    Failed,
    Interrupted,
}

/// Runs what the arguments ask for.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    if matches!(arguments.verb(), Command::ParseWorker) {
        return worker::run();
    }
    let output = Output::new(arguments.common.json);
    let outcome = start().and_then(|runtime| {
        let outcome = runtime.block_on(verb(&arguments, &output));
        // What a verb left on blocking threads must not hold up the exit.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        Ok(Outcome::Interrupted) => ExitCode::from(INTERRUPTED),
        Err(error) => {
            output.failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

async fn verb(arguments: &Arguments, output: &Output) -> Result<Outcome> {
    let command = arguments.verb();
    let settings = settings::load(&arguments.common, &command)?;
    telemetry::start(&settings.config.log);
    let work = dispatch(command, settings, output);
    if matches!(arguments.verb(), Command::Serve(_) | Command::Ask(_) | Command::Ingest(_)) {
        // They stop in order by themselves.
        return work.await;
    }
    tokio::select! {
        outcome = work => outcome,
        () = interrupted() => Ok(Outcome::Interrupted),
    }
}

async fn dispatch(
    command: Command,
    settings: settings::Settings,
    output: &Output,
) -> Result<Outcome> {
    match command {
        Command::Serve(_) => serve::serve(settings.config, output).await,
        Command::Ask(ask) => ask::ask(ask, settings, output).await,
        Command::Ingest(ingest) => ingest::ingest(ingest, settings.config, output).await,
        Command::Search(search) => search::search(search, settings.config, output).await,
        Command::Extract(extract) => extract::extract(extract, settings.config, output).await,
        Command::Backup(backup) => backup::backup(backup, &settings.config, output).await,
        Command::Restore(restore) => restore::restore(restore, &settings.config, output).await,
        Command::Eval(EvalVerb::Retrieval(verb)) => {
            eval::retrieval(verb, settings.config, output).await
        }
        Command::Eval(EvalVerb::Answers(verb)) => {
            eval::answers(verb, settings.config, output).await
        }
        Command::Eval(EvalVerb::Files(verb)) => eval::files(verb, settings.config, output).await,
        // It has a process without threads, and was turned to before there were any.
        Command::ParseWorker => Err(usage("This verb is for the program itself.")),
        Command::Openapi => {
            output.raw_document(&crate::openapi_document());
            Ok(Outcome::Done)
        }
        Command::Config(ConfigVerb::Check) => Ok(settings::check(output)),
        Command::Config(ConfigVerb::Print) => Ok(settings::print(&settings.layers, output)),
    }
}

/// Ends when the person interrupts, or the system asks the process to end. Both are listened for from this call on, not
/// only once somebody waits.
#[cfg(unix)]
fn interrupted() -> impl Future<Output = ()> + Send + 'static {
    use tokio::signal::unix::{SignalKind, signal};
    let [interrupt, terminate] =
        [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok());
    async move {
        let heard = async |signal: Option<tokio::signal::unix::Signal>| match signal {
            Some(mut signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        };
        tokio::select! { () = heard(interrupt) => {}, () = heard(terminate) => {} }
    }
}

/// Ends when the person interrupts.
#[cfg(not(unix))]
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// An error about what was typed.
fn usage(message: impl Into<String>) -> Error {
    Error::invalid(message.into())
}
