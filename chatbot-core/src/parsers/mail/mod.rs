//! Mail: messages as they are sent, as Outlook keeps them, and folders of them in one file.
//!
//! A message becomes a few lines that say who wrote to whom, and the text that its reader sees, with what it quotes.
//! What is attached becomes documents of their own, and so does each message of a folder.

mod body;
mod entity;
mod head;
mod mbox;
mod outlook;
mod properties;
mod write;

use std::borrow::Cow;

use crate::context::Context;
use crate::error::{Error, Reason, Result};
use crate::traits::{ParseLimits, Parser};
use crate::types::{MediaType, ParsedDocument, RawDocument, Warning};

use super::assemble::{Assembly, Facts, one_line};
use super::parts::{Parts, file_name};
use super::plain::decode;
use super::watch::Watch;
use body::{Shown, Walk};
use entity::Entity;
use head::Head;

pub use mbox::MboxParser;
pub use outlook::OutlookParser;

/// Characters of a subject that become the name of a message.
const MAX_SUBJECT_CHARS: usize = 80;

/// Reads messages as they are sent (`.eml`).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct MailParser {}

impl Parser for MailParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[MediaType::MAIL];
        TYPES
    }

    fn parse(
        &self,
        ctx: &Context,
        media_type: &MediaType,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        let watch = Watch::begin(ctx, limits)?;
        let bytes = narrow(&raw.bytes);
        let entity = Entity::read(without_envelope(&bytes));
        let mut letter = Letter::new(&watch);
        let mut walk = Walk {
            watch: &watch,
            parts: &mut letter.parts,
            warnings: &mut letter.facts.warnings,
            encrypted: false,
        };
        letter.shown = walk.entity(&entity, 0)?;
        letter.encrypted = walk.encrypted;
        letter.head = entity.head.as_ref().map(Head::of).unwrap_or_default();
        letter.finish(media_type)
    }
}

/// A message that was taken apart.
struct Letter<'w> {
    watch: &'w Watch<'w>,
    head: Head,
    shown: Vec<Shown>,
    parts: Parts<'w>,
    facts: Facts,
    encrypted: bool,
}

impl<'w> Letter<'w> {
    fn new(watch: &'w Watch<'w>) -> Self {
        let (head, shown, facts) = (Head::default(), Vec::new(), Facts::default());
        Self { watch, head, shown, parts: Parts::new(watch), facts, encrypted: false }
    }

    fn finish(mut self, media_type: &MediaType) -> Result<ParsedDocument> {
        let (parts, warnings) = self.parts.finish();
        if self.encrypted && self.shown.is_empty() && parts.is_empty() {
            return Err(encrypted());
        }
        if self.encrypted {
            let message = "What is encrypted in the message was left out.";
            self.facts.warnings.push(Warning::new("encrypted", message));
        }
        self.facts.warnings.extend(warnings);
        self.facts.warnings.dedup();
        self.head.facts(&mut self.facts);
        let mut assembly = Assembly::new(self.watch);
        let names: Vec<String> = parts.iter().map(|part| part.name.clone()).collect();
        write::head(&self.head.lines(&names), &mut assembly)?;
        write::shown(&self.shown, &mut assembly, self.watch)?;
        let document = assembly.finish(media_type.clone(), self.facts);
        Ok(ParsedDocument { parts, ..document })
    }
}

fn encrypted() -> Error {
    Error::parse(
        Reason::Encrypted,
        "The message is encrypted. Save it from the program that has the key, and add that.",
    )
}

/// A whole message may have been saved as UTF-16, or with a byte order mark.
fn narrow(bytes: &[u8]) -> Cow<'_, [u8]> {
    let head = bytes.get(..4096.min(bytes.len())).unwrap_or_default();
    let is_wide = head.contains(&0)
        || [&b"\xFF\xFE"[..], b"\xFE\xFF"].iter().any(|bom| head.starts_with(bom));
    if is_wide {
        return Cow::Owned(decode(bytes).text.into_bytes());
    }
    Cow::Borrowed(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
}

/// A message without blank lines before it and the line that folders put in front.
fn without_envelope(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii_start();
    if !bytes.starts_with(b"From ") {
        return bytes;
    }
    let end = bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| at + 1);
    bytes.get(end..).unwrap_or_default()
}

/// What a message that is a part of another document is called.
fn forwarded_name(bytes: &[u8], number: usize) -> String {
    let entity = Entity::read(without_envelope(bytes));
    let subject = entity.head.as_ref().and_then(|head| head.subject()).unwrap_or_default();
    message_name(subject, number, "eml")
}

fn message_name(subject: &str, number: usize, extension: &str) -> String {
    let subject: String = one_line(subject).chars().take(MAX_SUBJECT_CHARS).collect();
    format!("{}.{extension}", file_name(&subject, &format!("message {number}")))
}
