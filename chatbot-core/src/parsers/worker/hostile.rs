//! A parser that does what a document tells it to, for tests: everything that a parser under attack might do.

use std::hint::black_box;
use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::process::Command;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{ParseLimits, Parser};
use crate::types::{Block, BlockKind, MediaType, Metadata, ParsedDocument, RawDocument, Span};

use super::super::{Parsers, PlainTextParser};
use super::wire;

/// What a document begins with that is no document.
const MARK: &str = "hostile ";

/// A worker whose environment has this variable misbehaves where a document says so.
const WANTED: &str = "CHATBOT_HOSTILE_WORKER";

/// The parsers, behind a hostile one where the environment wants it.
pub(super) fn where_wanted(parsers: &Parsers) -> Parsers {
    match std::env::var_os(WANTED) {
        Some(_) => Parsers::with(vec![std::sync::Arc::new(HostileParser)]),
        None => parsers.clone(),
    }
}

/// Reads plain text, except where that begins with `hostile `, the name of a misdeed, and what that is to be done to.
#[derive(Debug, Clone, Copy, Default)]
struct HostileParser;

impl Parser for HostileParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[MediaType::TEXT];
        TYPES
    }

    fn parse(
        &self,
        ctx: &Context,
        media_type: &MediaType,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        let said = std::str::from_utf8(&raw.bytes).unwrap_or_default();
        match said.strip_prefix(MARK) {
            Some(order) => Ok(one_paragraph(misbehave(order))),
            None => PlainTextParser::default().parse(ctx, media_type, raw, limits),
        }
    }
}

/// However long, and without a look at any limit.
fn one_paragraph(text: String) -> ParsedDocument {
    let block = Block { kind: BlockKind::Paragraph, span: Span::new(0, text.len()) };
    ParsedDocument {
        media_type: MediaType::TEXT,
        title: None,
        text,
        blocks: vec![block],
        pages: Vec::new(),
        metadata: Metadata::new(),
        warnings: Vec::new(),
        parts: Vec::new(),
    }
}

/// Does it, and says what came of it where it goes on.
fn misbehave(order: &str) -> String {
    let (deed, object) = order.split_once(' ').unwrap_or((order, ""));
    match deed {
        "abort" => std::process::abort(),
        "exit" => std::process::exit(0),
        "loop" => loop {
            black_box(deed);
        },
        "wait" => loop {
            std::thread::park();
        },
        "threads" => busy_threads(),
        "memory" => format!("{}", black_box(vec![1_u8; 2 << 30]).len()),
        "crumbs" => crumbs(),
        "hoard" => hoard(),
        "recursion" => format!("{}", deep(1)),
        "output" => "words and more words\n".repeat(100_000),
        "garbage" => say(b"\xFF\xFF\xFF\xFFthis is no frame"),
        "lie" => say(b"\x02\0\0\0{}\x02\0\0\0{}"),
        "forgery" => say(&forgery()),
        "connect" => outcome(TcpStream::connect(object).map(|_| ())),
        "send" => outcome(UdpSocket::bind("127.0.0.1:0").map(|_| ())),
        "read" => outcome(std::fs::read(object).map(|_| ())),
        "write" => outcome(std::fs::write(object, "written")),
        "execute" => outcome(Command::new(object).status().map(|_| ())),
        "environment" => {
            std::env::vars().map(|(name, _)| name).collect::<Vec<_>>().join(" ") + " ."
        }
        _ => "no such deed".to_owned(),
    }
}

fn outcome(done: std::io::Result<()>) -> String {
    match done {
        Ok(()) => "it was done".to_owned(),
        Err(error) => format!("refused {:?}", error.kind()),
    }
}

fn say(bytes: &[u8]) -> String {
    let mut to = std::io::stdout().lock();
    let _ = to.write_all(bytes).and_then(|()| to.flush());
    "said".to_owned()
}

/// An answer that is written as it should be, about a paragraph that ends beyond its text.
fn forgery() -> Vec<u8> {
    let mut document = one_paragraph("words".to_owned());
    document.text.truncate(1);
    let mut bytes = Vec::new();
    let _ = wire::write_reply(&mut bytes, Ok(document));
    bytes
}

fn busy_threads() -> String {
    let busy = || loop {
        black_box(0);
    };
    for _ in 0..3 {
        let _ = std::thread::Builder::new().spawn(busy);
    }
    loop {
        std::thread::park();
    }
}

fn crumbs() -> String {
    let mut all = Vec::new();
    loop {
        all.push(black_box(vec![1_u8; 1 << 10]));
    }
}

/// Takes memory and never gives it back, as a library with a cache may.
fn hoard() -> String {
    std::mem::forget(black_box(vec![1_u8; 200 << 20]));
    "hoarded".to_owned()
}

fn deep(level: u64) -> u64 {
    let frame = black_box([level; 64]);
    let below = if level == u64::MAX { 0 } else { deep(level + 1) };
    below.wrapping_add(frame.iter().sum())
}
