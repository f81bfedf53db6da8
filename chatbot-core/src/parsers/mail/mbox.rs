//! Mail folders in one file: each message becomes a document of its own.

use bytes::Bytes;

use crate::context::Context;
use crate::error::{Error, Reason, Result};
use crate::traits::{ParseLimits, Parser};
use crate::types::{MediaType, ParsedDocument, RawDocument};

use super::entity::Entity;
use super::message_name;
use crate::parsers::assemble::{Assembly, Facts};
use crate::parsers::mail_signs::{begins_message, line_len};
use crate::parsers::parts::Parts;
use crate::parsers::watch::Watch;

/// Reads mail folders (`.mbox`), in each of the ways in which programs mark lines that look like the beginning of a
/// message.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct MboxParser {}

impl Parser for MboxParser {
    fn media_types(&self) -> &[MediaType] {
        const TYPES: &[MediaType] = &[MediaType::MBOX];
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
        let mut parts = Parts::new(&watch);
        for message in messages(&raw.bytes) {
            watch.check()?;
            let bytes = unmarked(message);
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let entity = Entity::read(&bytes);
            let subject = entity.head.as_ref().and_then(|head| head.subject()).unwrap_or_default();
            let number = parts.len() + 1;
            // The number keeps them in order and tells those with the same subject apart.
            let name = format!("{number:04} {}", message_name(subject, number, "eml"));
            parts.add(&name, Some(MediaType::MAIL), Bytes::from(bytes))?;
        }
        if parts.len() == 0 {
            return Err(Error::parse(Reason::Empty, "There is no message in the mail folder."));
        }
        let document = Assembly::new(&watch).finish(media_type.clone(), Facts::default());
        Ok(ParsedDocument { parts: parts.finish().0, ..document })
    }
}

/// The messages of a folder, each without the line that begins it.
fn messages(bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let (mut at, mut start, mut after_blank) = (0, None::<usize>, true);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let end = at + line_len(rest);
        let line = bytes.get(at..end).unwrap_or_default();
        if after_blank && begins_message(rest) {
            found.extend(start.and_then(|start| bytes.get(start..at)));
            start = Some(end);
        }
        after_blank = line.trim_ascii().is_empty();
        at = end;
    }
    found.extend(start.and_then(|start| bytes.get(start..)));
    found
}

/// The message without the marks before lines that look like the beginning of another.
fn unmarked(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len());
    for line in message.split_inclusive(|b| *b == b'\n') {
        let marks = line.iter().take_while(|b| **b == b'>').count();
        let is_marked =
            marks > 0 && line.get(marks..).is_some_and(|line| line.starts_with(b"From "));
        out.extend_from_slice(line.get(usize::from(is_marked)..).unwrap_or_default());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_begin_after_a_blank_line_and_with_a_field() {
        let folder = b"From a@b Thu Jan  1 00:00:00 1970\nSubject: 1\n\nFrom here on,\n\nFrom me to you in 1999\n\
            >From x\n>>From y\n\nFrom c@d Fri Jan  2 00:00:00 1970\r\nSubject: 2\r\n\r\nbody";
        let found: Vec<_> = messages(folder).into_iter().map(unmarked).collect();
        let found: Vec<_> = found.iter().map(|m| String::from_utf8_lossy(m)).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].ends_with("in 1999\nFrom x\n>From y\n\n"), "{}", found[0]);
        assert_eq!(found[1], "Subject: 2\r\n\r\nbody");
    }
}
