//! What of a message its reader sees, and what is attached to it.

use crate::error::Result;
use crate::types::{MediaType, Warning};

use super::entity::Entity;
use super::forwarded_name;
use super::write::says_more;
use crate::parsers::parts::{LeftOut, Parts, file_name};
use crate::parsers::watch::Watch;

/// How deep entities may lie in one another; programs write three or four.
const MAX_DEPTH: usize = 24;

/// A stretch of a message as its sender wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    Plain(String),
    Html(String),
    Rich(Vec<u8>),
}

impl Shown {
    fn is_blank(&self) -> bool {
        match self {
            Self::Plain(text) | Self::Html(text) => text.trim().is_empty(),
            Self::Rich(bytes) => bytes.trim_ascii().is_empty(),
        }
    }
}

/// Walks through a message.
pub(super) struct Walk<'a, 'w> {
    pub(super) watch: &'w Watch<'w>,
    pub(super) parts: &'a mut Parts<'w>,
    pub(super) warnings: &'a mut Vec<Warning>,
    /// Whether something can be read by nobody without a key.
    pub(super) encrypted: bool,
}

impl Walk<'_, '_> {
    /// What is seen of an entity; what is attached goes to the parts.
    pub(super) fn entity(&mut self, entity: &Entity<'_>, depth: usize) -> Result<Vec<Shown>> {
        self.watch.check()?;
        let said = entity.media_type();
        if depth > MAX_DEPTH {
            self.parts.omissions.add(said.as_str(), LeftOut::BeyondLimits);
            return Ok(Vec::new());
        }
        match said.as_str() {
            "multipart/encrypted" => {
                self.encrypted = true;
                Ok(Vec::new())
            }
            "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
                self.encrypted = true;
                Ok(Vec::new())
            }
            "application/pgp-signature"
            | "application/pkcs7-signature"
            | "application/x-pkcs7-signature" => Ok(Vec::new()),
            name if name.starts_with("multipart/") => match entity.parameter("boundary") {
                Some(boundary) => {
                    let children = children(entity.body, boundary.as_bytes());
                    self.several(name, &children, depth)
                }
                None => Ok(self.text(entity, false)),
            },
            "text/plain" if !is_file(entity) => Ok(self.text(entity, false)),
            "text/html" if !is_file(entity) => Ok(self.text(entity, true)),
            _ => self.attach(entity, said).map(|()| Vec::new()),
        }
    }

    fn several(&mut self, kind: &str, children: &[&[u8]], depth: usize) -> Result<Vec<Shown>> {
        let mut shown = Vec::new();
        for child in children {
            let mut child = Entity::read(child);
            if kind == "multipart/digest" && child.media_type() == MediaType::TEXT {
                // In a digest, what says nothing is a message.
                child = Entity { head: None, body: child.body };
                self.attach(&child, MediaType::MAIL)?;
                continue;
            }
            let next = self.entity(&child, depth + 1)?;
            let next: Vec<Shown> = next.into_iter().filter(|one| !one.is_blank()).collect();
            if kind != "multipart/alternative" {
                shown.extend(next);
            } else if shown.is_empty()
                || (!next.is_empty() && says_more(&next, &shown, self.watch)?)
            {
                shown = next;
            }
        }
        Ok(shown)
    }

    fn text(&mut self, entity: &Entity<'_>, html: bool) -> Vec<Shown> {
        let text = entity.text(self.warnings);
        if html {
            return vec![Shown::Html(text)];
        }
        if text.trim_start().starts_with("-----BEGIN PGP MESSAGE-----") {
            self.encrypted = true;
            return Vec::new();
        }
        let is_flowed =
            entity.parameter("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed"));
        vec![Shown::Plain(if is_flowed { unfolded(&text) } else { text })]
    }

    fn attach(&mut self, entity: &Entity<'_>, said: MediaType) -> Result<()> {
        let content = entity.content();
        // A picture that is not attached is there for the page that shows it.
        let is_picture = said.as_str().starts_with("image/") && !entity.is_attached();
        if is_picture || content.trim_ascii().is_empty() {
            return Ok(());
        }
        let is_message = said == MediaType::MAIL || said.as_str() == "message/global";
        let number = self.parts.len() + 1;
        let name = match entity.file_name() {
            Some(name) => file_name(name, &format!("attachment {number}")),
            None if is_message => forwarded_name(&content, number),
            None => format!("attachment {number}{}", extension(&said)),
        };
        let declared = if is_message { MediaType::MAIL } else { said };
        self.parts.add(&name, Some(declared), content.into_owned())
    }
}

/// Whether an entity of text is something to open, not to read along.
fn is_file(entity: &Entity<'_>) -> bool {
    entity.is_attached() || entity.file_name().is_some()
}

fn extension(said: &MediaType) -> &'static str {
    match said.as_str() {
        "text/plain" => ".txt",
        "text/html" => ".html",
        "text/calendar" => ".ics",
        "text/csv" => ".csv",
        "application/pdf" => ".pdf",
        _ => "",
    }
}

/// What lies between the lines of a boundary.
fn children<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    let (mut at, mut start) = (0, None::<usize>);
    for line in body.split_inclusive(|b| *b == b'\n') {
        let end = at + line.len();
        let rest = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary));
        let rest = rest.map(<[u8]>::trim_ascii_end).filter(|rest| matches!(*rest, b"" | b"--"));
        if let Some(rest) = rest {
            found.extend(start.and_then(|start| body.get(start..at)).map(without_break));
            start = rest.is_empty().then_some(end);
            if start.is_none() {
                break;
            }
        }
        at = end;
    }
    // A message that was cut off.
    found.extend(start.and_then(|start| body.get(start..)));
    found
}

/// The line break before a boundary belongs to the boundary.
fn without_break(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// Joins lines that were broken for the way only (RFC 3676).
fn unfolded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open = None::<usize>;
    for line in text.lines() {
        let depth = line.bytes().take_while(|b| *b == b'>').count();
        let content = line.get(depth..).unwrap_or_default();
        let content = content.strip_prefix(' ').unwrap_or(content);
        if open != Some(depth) {
            if !out.is_empty() {
                out.push('\n');
            }
            if depth > 0 {
                out.push_str(&">".repeat(depth));
                out.push(' ');
            }
        }
        out.push_str(content);
        // "-- " stands before a signature.
        open = (content.ends_with(' ') && content != "-- ").then_some(depth);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_whole_lines_and_a_cut_message_has_its_last_part() {
        let body = b"before\r\n--x\r\none\r\n--xy\r\n\r\n--x  \r\ntwo\r\n--x--\r\nafter";
        assert_eq!(children(body, b"x"), [&b"one\r\n--xy\r\n"[..], b"two"]);
        assert_eq!(children(b"--x\na\n--x\nb", b"x"), [&b"a"[..], b"b"]);
        assert!(children(b"nothing", b"x").is_empty());
    }

    #[test]
    fn flowed_lines_are_joined_within_one_depth() {
        assert_eq!(unfolded("a \nb\nc\n> d \n> e\n>> f"), "a b\nc\n> d e\n>> f");
        assert_eq!(unfolded("x\n-- \nMe"), "x\n-- \nMe");
    }
}
