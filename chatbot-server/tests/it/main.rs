//! The server and the command line from outside: over real connections, with a real engine.

mod chat;
mod cli;
mod contract;
mod documents;
mod local_mode;
mod openapi;
mod page;
mod support;
