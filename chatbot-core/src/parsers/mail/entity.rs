//! One entity of a message: its head, which is understood by `mail-parser`, and its body, undone of what it was wrapped
//! in for the way.
//!
//! The structure of a message is walked here and not by that crate: it nests its results as deep as a message says, and
//! a message may say so a hundred thousand times.

use std::borrow::Cow;

use encoding_rs::Encoding;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::{ContentType, Message, MessageParser, MimeHeaders as _};

use crate::parsers::mail_signs::is_field;
use crate::parsers::plain::{Decoded, decode_as};
use crate::types::{MediaType, Warning};

/// A head longer than this is cut: no program writes one, and nobody reads it.
const MAX_HEAD_BYTES: usize = 1 << 20;

/// A head and what follows it.
#[derive(Debug)]
pub(super) struct Entity<'a> {
    /// `None` where there are no header fields.
    pub(super) head: Option<Message<'a>>,
    pub(super) body: &'a [u8],
}

impl<'a> Entity<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let (head, body) = split(bytes);
        let head = head.get(..MAX_HEAD_BYTES.min(head.len())).unwrap_or_default();
        Self { head: MessageParser::default().parse_headers(head), body }
    }

    fn content_type(&self) -> Option<&ContentType<'_>> {
        let part = self.head.as_ref()?.parts.first()?;
        part.content_type()
    }

    /// What it says that it is; text where it says nothing.
    pub(super) fn media_type(&self) -> MediaType {
        let Some(said) = self.content_type() else { return MediaType::TEXT };
        let name = match said.subtype() {
            Some(subtype) => format!("{}/{subtype}", said.ctype()),
            None => said.ctype().to_owned(),
        };
        MediaType::parse(&name).unwrap_or(MediaType::UNKNOWN)
    }

    /// A parameter of its type.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.content_type()?.attribute(name)
    }

    pub(super) fn file_name(&self) -> Option<&str> {
        self.head.as_ref()?.parts.first()?.attachment_name()
    }

    pub(super) fn is_attached(&self) -> bool {
        let part = self.head.as_ref().and_then(|head| head.parts.first());
        let disposition = part.and_then(|part| part.content_disposition());
        disposition.is_some_and(|disposition| disposition.is_attachment())
    }

    /// The bytes of the body as they were before they were sent.
    pub(super) fn content(&self) -> Cow<'a, [u8]> {
        let part = self.head.as_ref().and_then(|head| head.parts.first());
        let said = part.and_then(|part| part.content_transfer_encoding()).unwrap_or_default();
        match said.trim().to_ascii_lowercase().as_str() {
            "base64" => from_base64(self.body).map_or(Cow::Borrowed(self.body), Cow::Owned),
            "quoted-printable" => Cow::Owned(from_quoted_printable(self.body)),
            _ => Cow::Borrowed(self.body),
        }
    }

    /// The text of the body.
    pub(super) fn text(&self, warnings: &mut Vec<Warning>) -> String {
        let bytes = self.content();
        let label = self.parameter("charset").unwrap_or_default();
        let decoded = text_of(&bytes, label);
        warnings.extend(decoded.warnings);
        decoded.text
    }
}

/// The text of `bytes`, which are said to be in the encoding called `label`.
pub(super) fn text_of(bytes: &[u8], label: &str) -> Decoded {
    let label = label.trim();
    match Encoding::for_label(label.as_bytes()) {
        // ISO-2022-JP is made of ASCII: nothing but its name tells it from English.
        Some(wide) if !wide.is_ascii_compatible() => {
            decode_as(wide.decode(bytes).0.as_bytes(), None)
        }
        Some(encoding) => decode_as(bytes, Some(encoding)),
        // UTF-7 and the like, which no page may be in.
        None => match charset_decoder(label.as_bytes()).filter(|_| !label.is_empty()) {
            Some(decode) => decode_as(decode(bytes).as_bytes(), None),
            None => decode_as(bytes, None),
        },
    }
}

/// Header fields up to the first line that is none, and what follows.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let blank = line.trim_ascii().is_empty();
        let folded = at > 0 && line.first().is_some_and(|b| matches!(b, b' ' | b'\t'));
        if blank || !(folded || is_field(line)) {
            let skip = if blank { line.len() } else { 0 };
            let body = bytes.get(at + skip..).unwrap_or_default();
            return (bytes.get(..at).unwrap_or_default(), body);
        }
        at += line.len();
    }
    (bytes, &[])
}

fn from_base64(bytes: &[u8]) -> Option<Vec<u8>> {
    // A stray byte spoils nothing but itself.
    let kept = |b: &u8| b.is_ascii_alphanumeric() || b"+/=".contains(b);
    base64_decode(&bytes.iter().copied().filter(kept).collect::<Vec<u8>>())
}

fn from_quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let content = line.trim_ascii_end();
        let (content, soft) = match content.strip_suffix(b"=") {
            Some(content) => (content, true),
            None => (content, false),
        };
        quoted_line(content, &mut out);
        if !soft && line.ends_with(b"\n") {
            out.push(b'\n');
        }
    }
    out
}

fn quoted_line(mut rest: &[u8], out: &mut Vec<u8>) {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let code = match after {
            [high, low, ..] if *first == b'=' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match code {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = after.get(2..).unwrap_or_default();
            }
            None => out.push(*first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrapped_comes_back_also_where_it_is_damaged() {
        assert_eq!(from_quoted_printable(b"a=C3=A9 =\r\nb=\nc \r\nd=zz"), "aé bc\nd=zz".as_bytes());
        assert_eq!(from_base64(b"aGVs\r\nb*G8=").unwrap(), b"hello");
        let japanese = encoding_rs::ISO_2022_JP.encode("漢字").0;
        assert_eq!(text_of(&japanese, "ISO-2022-JP").text, "漢字");
        let russian = encoding_rs::KOI8_R.encode("Однажды").0;
        assert_eq!(text_of(&russian, " koi8-r").text, "Однажды");
        assert_eq!(text_of(b"Hi Mom +Jjo-!", "utf-7").text, "Hi Mom \u{263A}!");
    }

    #[test]
    fn a_head_ends_where_no_field_begins() {
        let (head, body) = split(b"A: b\r\n c\r\nD: e\r\n\r\nbody: x\r\n");
        assert_eq!((head, body), (&b"A: b\r\n c\r\nD: e\r\n"[..], &b"body: x\r\n"[..]));
        let (head, body) = split(b"A: b\nno field here\nx");
        assert_eq!((head, body), (&b"A: b\n"[..], &b"no field here\nx"[..]));
        assert_eq!(split(b"\nbody"), (&b""[..], &b"body"[..]));
    }
}
