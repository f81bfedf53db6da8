//! `chatbot`: the server and the command line, in one binary.

use std::process::ExitCode;

use clap::Parser as _;

use chatbot_server::cli::{self, Arguments};

/// Gives back what an ingestion needed once it is over, and does not spread over the hours; the systems' allocators do.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::run(Arguments::parse())
}
