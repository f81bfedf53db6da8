//! What every parser must do.

use std::time::Duration;

use bytes::Bytes;

use crate::context::Context;
use crate::error::{ErrorKind, Reason};
use crate::parsers::broken_promise;
use crate::traits::{ParseLimits, Parser};
use crate::types::{MediaType, RawDocument};

/// A document that the parser under test reads, and a piece of text that must come out.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What the bytes are.
    pub media_type: MediaType,
    /// A file name that suits them.
    pub name: &'static str,
    /// The document.
    pub bytes: Vec<u8>,
    /// What its text contains.
    pub contains: &'static str,
}

impl Sample {
    fn raw(&self) -> RawDocument {
        RawDocument {
            name: self.name.to_owned(),
            declared: None,
            bytes: Bytes::from(self.bytes.clone()),
        }
    }
}

/// Runs the whole suite over `samples`, each of which must hold more than a few words.
///
/// # Panics
/// Where the parser breaks a promise; the message names it.
pub fn check(parser: &dyn Parser, samples: &[Sample]) {
    assert!(!samples.is_empty(), "the suite needs samples");
    for sample in samples {
        assert!(
            parser.media_types().contains(&sample.media_type),
            "a parser lists every media type it reads"
        );
        reads(parser, sample);
        is_deterministic(parser, sample);
        stops_when_asked(parser, sample);
        respects_the_size_of_the_text(parser, sample);
        survives_damage(parser, sample);
    }
}

fn reads(parser: &dyn Parser, sample: &Sample) {
    let document = parser
        .parse(&Context::local(), &sample.media_type, &sample.raw(), &ParseLimits::default())
        .expect("a sample can be read");
    assert!(
        document.text.contains(sample.contains),
        "the text of {} holds what it should, but is: {}",
        sample.name,
        document.text
    );
    assert_eq!(document.media_type, sample.media_type, "the media type is the recognised one");
    assert_eq!(broken_promise(&document), None, "the structure keeps its promises");
    let json = serde_json::to_string(&document).expect("a document can be serialised");
    let back: crate::types::ParsedDocument =
        serde_json::from_str(&json).expect("a document can be read back");
    assert_eq!(back, document, "a document survives the way to another process");
}

fn is_deterministic(parser: &dyn Parser, sample: &Sample) {
    let read = || {
        parser.parse(&Context::local(), &sample.media_type, &sample.raw(), &ParseLimits::default())
    };
    assert_eq!(read().ok(), read().ok(), "the same bytes give the same document");
}

fn stops_when_asked(parser: &dyn Parser, sample: &Sample) {
    let cancelled = Context::local();
    cancelled.cancel();
    let limits = ParseLimits::default();
    let result = parser.parse(&cancelled, &sample.media_type, &sample.raw(), &limits);
    let kind = result.err().map(|error| error.kind());
    assert_eq!(kind, Some(ErrorKind::Cancelled), "a cancelled context stops the parser");
    let late = Context::local().with_timeout(Duration::ZERO);
    let result = parser.parse(&late, &sample.media_type, &sample.raw(), &limits);
    let kind = result.err().map(|error| error.kind());
    assert_eq!(kind, Some(ErrorKind::Timeout), "a late context stops the parser");
}

fn respects_the_size_of_the_text(parser: &dyn Parser, sample: &Sample) {
    let limits = ParseLimits { max_text_bytes: 3, ..ParseLimits::default() };
    let result = parser.parse(&Context::local(), &sample.media_type, &sample.raw(), &limits);
    let reason = result.err().and_then(|error| error.reason());
    assert_eq!(reason, Some(Reason::LimitExceeded), "no more text comes out than allowed");
}

/// Cuts the sample short and flips its bytes: the result is a document that keeps its promises, or a typed error.
fn survives_damage(parser: &dyn Parser, sample: &Sample) {
    let len = sample.bytes.len();
    let step = (len / 40).max(1);
    for at in (0..len).step_by(step) {
        let mut cut = sample.clone();
        cut.bytes.truncate(at);
        let mut flipped = sample.clone();
        if let Some(byte) = flipped.bytes.get_mut(at) {
            *byte ^= 0x55;
        }
        for damaged in [cut, flipped] {
            let limits = ParseLimits::default();
            let raw = damaged.raw();
            match parser.parse(&Context::local(), &damaged.media_type, &raw, &limits) {
                Ok(document) => assert_eq!(broken_promise(&document), None, "damaged at {at}"),
                Err(error) => assert_eq!(
                    error.kind(),
                    ErrorKind::ParseFailed,
                    "damage at {at} is a parse failure, not: {error:?}"
                ),
            }
        }
    }
}
