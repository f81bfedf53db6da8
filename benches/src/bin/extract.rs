//! The parsers by themselves, for comparisons: a path a line on standard input, a line of JSON for each on standard output.
//!
//! `{"seconds": 0.01, "reply": {"text": …, "pages": 3}}`, or `"reply": {"error": {"kind": …, "reason": …, "message": …}}`. `seconds`
//! are those of reading the bytes and taking the text out of them, on one thread.
#![allow(clippy::print_stdout, reason = "the answer of this program")]

use std::io::{self, BufRead as _, Write as _};
use std::time::Instant;

use chatbot_benches::Result;
use chatbot_core::Context;
use chatbot_core::parsers::Parsers;
use chatbot_core::traits::ParseLimits;
use chatbot_core::types::{ParsedDocument, RawDocument};
use serde_json::{Value, json};

fn main() -> Result<()> {
    let parsers = Parsers::default();
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let path = line?;
        let begun = Instant::now();
        let reply = read(&parsers, &path)?;
        let seconds = begun.elapsed().as_secs_f64();
        writeln!(out, "{}", json!({"seconds": seconds, "reply": reply}))?;
        out.flush()?;
    }
    Ok(())
}

fn read(parsers: &Parsers, path: &str) -> Result<Value> {
    let name = path.rsplit('/').next().unwrap_or(path).to_owned();
    let raw = RawDocument { name, declared: None, bytes: std::fs::read(path)?.into() };
    let limits = ParseLimits::default();
    Ok(match parsers.parse(&Context::local(), &raw, &limits) {
        Ok(document) => {
            let n_pages = document.pages.len();
            json!({"text": all_text(parsers, document, &limits, 0), "pages": n_pages})
        }
        Err(error) => json!({"error": {
            "kind": error.kind().code(),
            "reason": error.reason().map(|reason| reason.code()),
            "message": error.message(),
        }}),
    })
}

/// The text of a document, and of what is inside it: those are documents of their own.
fn all_text(
    parsers: &Parsers,
    document: ParsedDocument,
    limits: &ParseLimits,
    depth: u32,
) -> String {
    let mut text = document.text;
    for part in document.parts {
        let raw = RawDocument { name: part.name, declared: part.declared, bytes: part.bytes };
        if depth < limits.max_part_depth
            && let Ok(inside) = parsers.parse(&Context::local(), &raw, limits)
        {
            text.push_str("\n\n");
            text.push_str(&all_text(parsers, inside, limits, depth + 1));
        }
    }
    text
}
