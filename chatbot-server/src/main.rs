//! `chatbot`: the server and the command line, in one binary.

use std::process::ExitCode;

use clap::Parser as _;

use chatbot_server::cli::{self, Arguments};

fn main() -> ExitCode {
    cli::run(Arguments::parse())
}
