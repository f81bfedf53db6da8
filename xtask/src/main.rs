//! `cargo xtask VERB`: how this project is set up, tested and measured, under one name each.
//!
//! It is compiled before everything else and on every clean machine, so it depends on nothing but the standard
//! library. Continuous integration calls these verbs and nothing else.
#![allow(clippy::print_stdout, reason = "this program talks to the person who runs it")]

mod bench;
mod browser;
mod bundle;
mod eval;
mod figures;
mod json;
mod lint;
mod outside;
mod peers;
mod plot;
mod project;
mod report;
mod server;
mod setup;
mod shell;
mod slow_model;
mod suite;
mod web;

use std::process::ExitCode;

use project::Project;
use report::Report;

const USAGE: &str = "\
cargo xtask VERB

  setup                  find or install what the tests need, and say what is skipped and why
  lint                   formatting, clippy, rustdoc, licences of dependencies
  test                   setup, then every test: Rust, web page, browser, examples, package
  ci                     lint, then test
  web                    build the web page
  types                  make the page's API types anew from the server's OpenAPI description
  bench server [--json FILE]
                         measure a release build of the server against its bars
  bench hostile [--rounds N] [--embedder none] [--json FILE]
                         upload documents made to break programs; needs CHATBOT_EVAL_DATA
  bench turns [--only overhead|isolation|idle|peers|gateway] [--json FILE]
                         what a turn costs beyond the model, alone and beside other libraries
  fuzz [--target NAME] [--minutes N] [--seed N] [--findings FOLDER]
                         mutate the public documents for parsers, filters and streams
  drill moving [--json FILE]
                         let another embedder take over while people ask
  drill backup [--json FILE]
                         back a server up while others write, restore it, and compare
  bench peers [--only embedding|fusion|documents] [--json FILE]
                         measure us beside others on the same inputs, quality before speed
  bench documents [--json FILE]
                         the same as `bench peers --only documents`
  bundle-model [--from FOLDER] [--check]
                         make the built-in embedder's files from the published weights; or compare
  figures FILE…          write tables and plots of docs/benchmarks.md from what `bench peers` wrote
  eval [--json FILE]     measure search and answers on the public sets in CHATBOT_EVAL_DATA
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let project = match Project::find() {
        Ok(project) => project,
        Err(message) => return fail(&message),
    };
    let mut report = Report::default();
    match words.as_slice() {
        ["setup"] => setup::run(&project, &mut report),
        ["lint"] => lint::run(&project, &mut report),
        ["test"] => suite::run(&project, &mut report),
        ["ci"] => {
            lint::run(&project, &mut report);
            suite::run(&project, &mut report);
        }
        ["web"] => web::build(&project, &mut report),
        ["types"] => web::types(&project, &mut report),
        ["bench", "server", rest @ ..] => bench::server(&project, &mut report, rest),
        ["bench", "hostile", rest @ ..] => bench::hostile(&project, &mut report, rest),
        ["bench", "turns", rest @ ..] => bench::turns(&project, &mut report, rest),
        ["fuzz", rest @ ..] => bench::fuzz(&project, &mut report, rest),
        ["drill", "backup", rest @ ..] => bench::backup(&project, &mut report, rest),
        ["drill", "moving", rest @ ..] => bench::moving(&project, &mut report, rest),
        ["bench", "documents", rest @ ..] => {
            peers::run(&project, &mut report, &[&["--only", "documents"], rest].concat());
        }
        ["bench", "peers", rest @ ..] => peers::run(&project, &mut report, rest),
        ["bundle-model", rest @ ..] => bundle::run(&project, &mut report, rest),
        ["figures", files @ ..] if !files.is_empty() => figures::run(&project, &mut report, files),
        ["eval", rest @ ..] => eval::run(&project, &mut report, rest),
        _ => {
            print!("{USAGE}");
            let asked = matches!(words.as_slice(), [] | ["help" | "--help" | "-h"]);
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    }
    report.close()
}

fn fail(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::FAILURE
}
