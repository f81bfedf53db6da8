//! The server and the command line from outside: over real connections, with a real engine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    reason = "a test that finds something else than it expects has failed, and some say what they saw"
)]

mod backup;
#[cfg(target_os = "linux")]
mod certificates;
mod chat;
mod cli;
mod contract;
mod deletion;
mod documents;
mod evaluation;
mod fetching;
mod following;
mod hostile_documents;
mod ingesting;
mod local_mode;
mod ocr;
mod openapi;
mod page;
mod parse_workers;
mod session_events;
mod slow_clients;
mod support;
mod turn_faults;
mod usage;
