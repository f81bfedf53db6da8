//! Parsers: how a format becomes text.
//!
//! The bytes decide what a document is; its name and declared type are hints that only tell kinds of text apart.
//! [`Parsers`] recognises, picks the parser, and sees to it that whatever comes out keeps the promises of
//! [`ParsedDocument`](crate::types::ParsedDocument) and that whatever goes wrong has a reason a person can act on:
//! a parser that panics counts as a damaged document, never as a crash.
//!
//! Deliberately not here: character recognition, archives, and formats that need a program of their own.

#[cfg_attr(
    not(feature = "documents"),
    allow(dead_code, reason = "parsers of formats need the rest of it")
)]
mod assemble;
mod detect;
#[cfg(feature = "documents")]
mod docx;
mod formats;
#[cfg(feature = "documents")]
mod html;
#[cfg(feature = "documents")]
mod markdown;
#[cfg(feature = "documents")]
mod pdf;
mod plain;
mod reader;
mod registry;
#[cfg_attr(
    not(feature = "documents"),
    allow(dead_code, reason = "parsers of formats need the rest of it")
)]
mod watch;
pub mod worker;
mod zip_names;

pub use detect::detect;
#[cfg(feature = "documents")]
pub use docx::DocxParser;
#[cfg(feature = "documents")]
pub use html::HtmlParser;
#[cfg(feature = "documents")]
pub use markdown::MarkdownParser;
#[cfg(feature = "documents")]
pub use pdf::PdfParser;
pub use plain::PlainTextParser;
pub use reader::InProcessReader;
pub use registry::{Parsers, broken_promise};
