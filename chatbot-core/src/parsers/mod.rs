//! Parsers: how a format becomes text.
//!
//! The bytes decide what a document is; its name and declared type are hints that only tell kinds of text apart.
//! [`Parsers`] recognises, picks the parser, and sees to it that whatever comes out keeps the promises of
//! [`ParsedDocument`](crate::types::ParsedDocument) and that whatever goes wrong has a reason a person can act on:
//! a parser that panics counts as a damaged document, never as a crash.
//!
//! What lies inside a document (files of an archive, attachments of a message) is handed out as it is: each of it is a
//! document that is recognised and read for itself.
//!
//! Deliberately not here: formats that need a program of their own, but for the characters on pages that are pictures
//! ([`ocr`]).

#[cfg(feature = "documents")]
mod archive;
#[cfg_attr(
    not(feature = "documents"),
    allow(dead_code, reason = "parsers of formats need the rest of it")
)]
mod assemble;
#[cfg(feature = "documents")]
mod code_pages;
mod detect;
#[cfg(feature = "documents")]
mod doc;
#[cfg(feature = "documents")]
mod docx;
#[cfg(feature = "documents")]
mod drawing;
#[cfg(feature = "documents")]
mod epub;
#[cfg(feature = "documents")]
mod flow;
mod formats;
#[cfg(feature = "documents")]
mod headings;
#[cfg(feature = "documents")]
mod html;
#[cfg(feature = "documents")]
mod mail;
mod mail_signs;
#[cfg(feature = "documents")]
mod markdown;
pub mod ocr;
#[cfg(feature = "documents")]
mod odf;
#[cfg(feature = "documents")]
mod ole;
#[cfg(feature = "documents")]
mod package;
#[cfg_attr(
    not(feature = "documents"),
    allow(dead_code, reason = "parsers of formats need the rest of it")
)]
mod parts;
#[cfg(feature = "documents")]
mod pdf;
#[cfg_attr(
    not(feature = "documents"),
    allow(dead_code, reason = "parsers of formats need the rest of it")
)]
mod pictures;
mod plain;
#[cfg(feature = "documents")]
mod ppt;
#[cfg(feature = "documents")]
mod pptx;
mod reader;
mod registry;
#[cfg(feature = "documents")]
mod rtf;
#[cfg(feature = "documents")]
mod sheets;
#[cfg(feature = "documents")]
mod slide;
#[cfg(feature = "documents")]
mod structured;
#[cfg_attr(
    not(feature = "documents"),
    allow(dead_code, reason = "parsers of formats need the rest of it")
)]
mod watch;
pub mod worker;
#[cfg(feature = "documents")]
mod xls;
#[cfg(feature = "documents")]
mod xlsx;
mod zip_names;

#[cfg(feature = "documents")]
pub use archive::ZipParser;
pub use detect::detect;
#[cfg(feature = "documents")]
pub use doc::DocParser;
#[cfg(feature = "documents")]
pub use docx::DocxParser;
#[cfg(feature = "documents")]
pub use epub::EpubParser;
#[cfg(feature = "documents")]
pub use html::HtmlParser;
#[cfg(feature = "documents")]
pub use mail::{MailParser, MboxParser, OutlookParser};
#[cfg(feature = "documents")]
pub use markdown::MarkdownParser;
#[cfg(feature = "documents")]
pub use odf::OdfParser;
#[cfg(feature = "documents")]
pub use pdf::PdfParser;
pub use plain::PlainTextParser;
#[cfg(feature = "documents")]
pub use ppt::PptParser;
#[cfg(feature = "documents")]
pub use pptx::PptxParser;
pub use reader::InProcessReader;
pub use registry::{Parsers, broken_promise};
#[cfg(feature = "documents")]
pub use rtf::RtfParser;
#[cfg(feature = "documents")]
pub use structured::StructuredTextParser;
#[cfg(feature = "documents")]
pub use xls::XlsParser;
#[cfg(feature = "documents")]
pub use xlsx::XlsxParser;
