//! `chatbot`: the server and the command line, in one binary.

use std::process::ExitCode;

use clap::Parser as _;

use chatbot_server::cli::{self, Arguments};
use mimalloc::MiMalloc;

/// Gives back what an ingestion needed once it is over, which the system's allocator does not.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cli::run(Arguments::parse())
}
