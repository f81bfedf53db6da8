//! What a worker and its host say to each other: frames with their length in front, each bounded by whoever reads it.
//!
//! A request is two frames, a head in JSON and the document's bytes. An answer is a head; where a text was read, the text
//! and its structure follow as frames of their own, and then each document inside it, so that nothing large is ever written
//! as JSON.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::ParseLimits;
use crate::types::{MediaType, Metadata, ParsedDocument, Part, Warning};

use super::super::pictures::{MAX_PAGE_PIXELS, Picture, Pictures, Wanted};
use super::structure;

/// Changes with every change of what is said, so that two releases never misunderstand each other.
pub(super) const VERSION: u32 = 3;
/// Bytes of a head: names, titles, and the facts that a format carries.
pub(super) const MAX_HEAD_BYTES: usize = 4 << 20;
/// Bytes of a structure: about ten million blocks.
pub(super) const MAX_STRUCTURE_BYTES: usize = 64 << 20;
/// Bytes of an error's message that are believed.
const MAX_MESSAGE_BYTES: usize = 500;

/// A worker's first words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) version: u32,
    /// Whether the kernel keeps it from files, network and processes.
    pub(super) is_confined: bool,
}

/// What the host asks for; the document's bytes follow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RequestHead {
    pub(super) limits: ParseLimits,
    pub(super) name: String,
    pub(super) declared: Option<MediaType>,
    pub(super) question: Question,
}

/// What is wanted of the document.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum Question {
    /// Its text.
    Text,
    /// Pages of it that are pictures.
    Pictures(Wanted),
}

/// What the worker answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReplyHead {
    /// The text and its structure follow.
    Parsed(Facts),
    /// The pictures follow.
    Pictures(PicturesHead),
    Failed(Failure),
}

/// Pages that are pictures, without what is large.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PicturesHead {
    media_type: MediaType,
    title: Option<String>,
    metadata: Metadata,
    n_pages: u32,
    next: Option<u32>,
    pictures: Vec<PictureHead>,
}

/// A page; its grey values follow.
#[derive(Debug, Serialize, Deserialize)]
struct PictureHead {
    page: u32,
    width: u32,
    height: u32,
    dpi: u32,
}

impl PictureHead {
    /// How many bytes follow; `None` where there cannot be so many.
    fn n_bytes(&self) -> Option<usize> {
        let n_pixels = u64::from(self.width).checked_mul(u64::from(self.height))?;
        let len = usize::try_from(n_pixels).ok()?;
        (len > 0 && len <= 2 * MAX_PAGE_PIXELS).then_some(len)
    }
}

impl PicturesHead {
    /// The lengths of the pictures that follow; `None` where no worker of ours would send them.
    pub(super) fn lengths(&self) -> Option<Vec<usize>> {
        let rises = |pair: &[PictureHead]| matches!(pair, [a, b] if a.page < b.page);
        let is_page = |picture: &PictureHead| (1..=self.n_pages).contains(&picture.page);
        let is_told = self.pictures.windows(2).all(rises) && self.pictures.iter().all(is_page);
        let lengths = self.pictures.iter().map(PictureHead::n_bytes).collect();
        if is_told { lengths } else { None }
    }

    /// The pages with these grey values.
    pub(super) fn pictures(self, greys: Vec<Vec<u8>>) -> Option<Pictures> {
        let Self { media_type, title, metadata, n_pages, next, pictures: heads } = self;
        let media_type = as_parsed(media_type)?;
        let picture = |(head, grey): (PictureHead, Vec<u8>)| {
            let PictureHead { page, width, height, dpi } = head;
            Picture { page, width, height, dpi, grey: grey.into() }
        };
        let pictures = heads.into_iter().zip(greys).map(picture).collect();
        Some(Pictures { media_type, title, metadata, n_pages, pictures, next })
    }
}

/// A parsed document without what is large.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Facts {
    media_type: MediaType,
    title: Option<String>,
    metadata: Metadata,
    warnings: Vec<Warning>,
    parts: Vec<PartHead>,
}

/// A document inside it; its bytes follow.
#[derive(Debug, Serialize, Deserialize)]
struct PartHead {
    name: String,
    declared: Option<MediaType>,
}

/// An error on its way from the worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failure {
    kind: ErrorKind,
    reason: Option<Reason>,
    message: String,
    media_type: Option<String>,
}

impl Facts {
    /// How many documents inside it follow.
    pub(super) fn n_parts(&self) -> usize {
        self.parts.len()
    }

    /// The document with this text and structure, and these documents inside it; `None` where they cannot belong to one.
    pub(super) fn document(
        self,
        text: Vec<u8>,
        structure: &[u8],
        parts: Vec<Vec<u8>>,
    ) -> Option<ParsedDocument> {
        let text = String::from_utf8(text).ok()?;
        let (blocks, pages) = structure::decode(structure)?;
        let Self { media_type, title, metadata, warnings, parts: heads } = self;
        let media_type = as_parsed(media_type)?;
        let parts = heads.into_iter().zip(parts).map(|(head, bytes)| {
            let declared = match head.declared {
                Some(declared) => Some(as_parsed(declared)?),
                None => None,
            };
            Some(Part { name: head.name, declared, bytes: bytes.into() })
        });
        let parts = parts.collect::<Option<_>>()?;
        Some(ParsedDocument { media_type, title, text, blocks, pages, metadata, warnings, parts })
    }
}

/// A type that is written as one.
fn as_parsed(media_type: MediaType) -> Option<MediaType> {
    MediaType::parse(media_type.as_str()).filter(|same| *same == media_type)
}

impl Failure {
    /// The error that it stands for; `None` where reading a document cannot fail like that.
    pub(super) fn error(self) -> Option<Error> {
        let told = match (self.kind, self.reason) {
            (ErrorKind::ParseFailed, reason) => reason.is_some(),
            (kind, None) => kind == ErrorKind::Internal,
            (_, Some(_)) => false,
        };
        let printable = |text: &str| !text.chars().any(char::is_control);
        if !told || self.message.len() > MAX_MESSAGE_BYTES || !printable(&self.message) {
            return None;
        }
        let error = Error::new(self.kind, self.message);
        let error = match self.reason {
            Some(reason) => error.with_reason(reason),
            None => error,
        };
        Some(match self.media_type.as_deref().and_then(MediaType::parse) {
            Some(media_type) => error.with_context("media_type", media_type),
            None => error,
        })
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let media_type = error.context().iter().find(|(key, _)| *key == "media_type");
        Self {
            kind: error.kind(),
            reason: error.reason(),
            message: error.message().to_owned(),
            media_type: media_type.map(|(_, value)| value.clone()),
        }
    }
}

/// Writes a frame.
pub(super) fn write_frame(to: &mut impl Write, payload: &[u8]) -> io::Result<()> {
    to.write_all(&length(payload)?)?;
    to.write_all(payload)
}

/// Writes a value as a frame.
pub(super) fn write_head(to: &mut impl Write, head: &impl Serialize) -> io::Result<()> {
    write_frame(to, &serde_json::to_vec(head)?)
}

/// Writes what was read out of a document, or why it was not.
pub(super) fn write_reply(to: &mut impl Write, reply: Result<ParsedDocument>) -> io::Result<()> {
    let document = match reply {
        Ok(document) => document,
        Err(error) => return write_head(to, &ReplyHead::Failed((&error).into())),
    };
    let ParsedDocument { media_type, title, text, blocks, pages, metadata, warnings, parts } =
        document;
    let heads = parts
        .iter()
        .map(|part| PartHead { name: part.name.clone(), declared: part.declared.clone() });
    let facts = Facts { media_type, title, metadata, warnings, parts: heads.collect() };
    write_head(to, &ReplyHead::Parsed(facts))?;
    write_frame(to, text.as_bytes())?;
    write_frame(to, &structure::encode(&blocks, &pages))?;
    parts.iter().try_for_each(|part| write_frame(to, &part.bytes))
}

/// Writes pages of a document, or why there are none.
pub(super) fn write_pictures(to: &mut impl Write, reply: Result<Pictures>) -> io::Result<()> {
    let found = match reply {
        Ok(found) => found,
        Err(error) => return write_head(to, &ReplyHead::Failed((&error).into())),
    };
    let Pictures { media_type, title, metadata, n_pages, pictures, next } = found;
    let head = |&Picture { page, width, height, dpi, .. }: &Picture| PictureHead {
        page,
        width,
        height,
        dpi,
    };
    let heads = pictures.iter().map(head).collect();
    let head = PicturesHead { media_type, title, metadata, n_pages, next, pictures: heads };
    write_head(to, &ReplyHead::Pictures(head))?;
    pictures.iter().try_for_each(|picture| write_frame(to, &picture.grey))
}

/// The length in front of a frame.
pub(super) fn length(payload: &[u8]) -> io::Result<[u8; 4]> {
    let length = u32::try_from(payload.len());
    length.map(u32::to_le_bytes).map_err(|_| nonsense("a frame is longer than its length can say"))
}

/// Reads a frame of at most `max_bytes`; `None` where the other side has closed its end before it.
pub(super) fn read_frame(from: &mut impl Read, max_bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = bounded(length, max_bytes)?;
    let mut payload = Vec::with_capacity(length);
    let n_read = from.take(length as u64).read_to_end(&mut payload)?;
    if n_read == length { Ok(Some(payload)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// As [`read_frame`], for the host; the end of the worker is an error.
pub(super) async fn next_frame(
    from: &mut (impl AsyncRead + Unpin),
    max_bytes: usize,
) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let length = bounded(length, max_bytes)?;
    // Grows with what comes, not with what was announced.
    let mut payload = Vec::new();
    let n_read = from.take(length as u64).read_to_end(&mut payload).await?;
    if n_read == length { Ok(payload) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Reads a value from a frame.
pub(super) fn head<T: DeserializeOwned>(frame: &[u8]) -> io::Result<T> {
    serde_json::from_slice(frame).map_err(|_| nonsense("a head cannot be read"))
}

fn bounded(length: [u8; 4], max_bytes: usize) -> io::Result<usize> {
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    let too_long = || io::Error::new(io::ErrorKind::FileTooLarge, "a frame is longer than allowed");
    if length <= max_bytes { Ok(length) } else { Err(too_long()) }
}

/// What no worker of ours says.
pub(super) fn nonsense(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Block, BlockKind, Span};

    fn document() -> ParsedDocument {
        ParsedDocument {
            media_type: MediaType::HTML,
            title: Some("Title".to_owned()),
            text: "Füße\n\nword".to_owned(),
            blocks: vec![
                Block { kind: BlockKind::Heading { level: 2 }, span: Span::new(0, 6) },
                Block { kind: BlockKind::Paragraph, span: Span::new(8, 12) },
            ],
            pages: Vec::new(),
            metadata: Metadata::from_iter([("author".to_owned(), "A".into())]),
            warnings: Vec::new(),
            parts: vec![
                Part {
                    name: "a/b.txt".to_owned(),
                    declared: Some(MediaType::TEXT),
                    bytes: "one".into(),
                },
                Part { name: "c".to_owned(), declared: None, bytes: "".into() },
            ],
        }
    }

    async fn back(reply: Result<ParsedDocument>) -> io::Result<ReplyHead> {
        let mut bytes = Vec::new();
        write_reply(&mut bytes, reply)?;
        head(&next_frame(&mut bytes.as_slice(), MAX_HEAD_BYTES).await?)
    }

    #[tokio::test]
    async fn a_document_comes_back_as_it_was() {
        let mut bytes = Vec::new();
        write_reply(&mut bytes, Ok(document())).unwrap();
        let mut bytes = bytes.as_slice();
        let facts: ReplyHead = head(&next_frame(&mut bytes, 1000).await.unwrap()).unwrap();
        let ReplyHead::Parsed(facts) = facts else { panic!("{facts:?}") };
        let text = next_frame(&mut bytes, 1000).await.unwrap();
        let structure = next_frame(&mut bytes, 1000).await.unwrap();
        let mut parts = Vec::new();
        for _ in 0..facts.n_parts() {
            parts.push(next_frame(&mut bytes, 1000).await.unwrap());
        }
        assert_eq!(facts.document(text, &structure, parts), Some(document()));
        assert!(bytes.is_empty());
    }

    fn pictures(sizes: &[(u32, u32, u32)]) -> Pictures {
        let picture = |&(page, width, height): &(u32, u32, u32)| {
            let grey = vec![7; width as usize * height as usize].into();
            Picture { page, width, height, dpi: 300, grey }
        };
        Pictures {
            title: Some("Title".to_owned()),
            pictures: sizes.iter().map(picture).collect(),
            next: Some(9),
            ..Pictures::new(MediaType::PDF, 20)
        }
    }

    async fn head_of(pictures: Pictures) -> (PicturesHead, Vec<u8>) {
        let mut bytes = Vec::new();
        write_pictures(&mut bytes, Ok(pictures)).unwrap();
        let mut rest = bytes.as_slice();
        let reply = head(&next_frame(&mut rest, MAX_HEAD_BYTES).await.unwrap()).unwrap();
        let ReplyHead::Pictures(head) = reply else { panic!("{reply:?}") };
        (head, rest.to_vec())
    }

    #[tokio::test]
    async fn pages_come_back_as_they_were() {
        let said = pictures(&[(2, 3, 5), (7, 1, 1)]);
        let (head, rest) = head_of(said.clone()).await;
        let (mut rest, mut greys) = (rest.as_slice(), Vec::new());
        assert_eq!(head.lengths(), Some(vec![15, 1]));
        for length in head.lengths().unwrap() {
            greys.push(next_frame(&mut rest, length).await.unwrap());
        }
        assert_eq!(head.pictures(greys), Some(said));
        assert!(rest.is_empty());
    }

    #[tokio::test]
    async fn pages_that_cannot_be_are_refused() {
        for sizes in [&[(0, 1, 1)][..], &[(21, 1, 1)], &[(2, 1, 1), (2, 1, 1)], &[(1, 0, 9)]] {
            assert_eq!(head_of(pictures(sizes)).await.0.lengths(), None, "{sizes:?}");
        }
        let (mut head, _) = head_of(pictures(&[(1, 1, 1)])).await;
        head.pictures[0].width = u32::MAX;
        head.pictures[0].height = u32::MAX;
        assert_eq!(head.lengths(), None);
    }

    #[tokio::test]
    async fn only_errors_that_a_parser_can_have_are_believed() {
        let error = |kind, message: &str| Error::new(kind, message.to_owned());
        let believed = async |error| match back(Err(error)).await.unwrap() {
            ReplyHead::Failed(failure) => failure.error(),
            ReplyHead::Parsed(_) | ReplyHead::Pictures(_) => None,
        };
        let corrupt = Error::parse(Reason::Corrupt, "Broken.").with_context("media_type", "a/b");
        let told = believed(corrupt).await.unwrap();
        assert_eq!((told.kind(), told.reason()), (ErrorKind::ParseFailed, Some(Reason::Corrupt)));
        assert_eq!(told.message(), "Broken.");
        assert_eq!(told.context(), [("media_type", "a/b".to_owned())]);
        assert!(believed(error(ErrorKind::Internal, "A promise.")).await.is_some());
        assert!(believed(error(ErrorKind::ParseFailed, "without a reason")).await.is_none());
        assert!(believed(error(ErrorKind::Unavailable, "try again")).await.is_none());
        assert!(believed(Error::parse(Reason::Corrupt, "a\nb")).await.is_none());
        assert!(believed(Error::parse(Reason::Corrupt, "a".repeat(501))).await.is_none());
    }

    #[tokio::test]
    async fn lengths_are_bounded_and_ends_are_noticed() {
        let mut frame = Vec::new();
        write_frame(&mut frame, b"12345").unwrap();
        assert_eq!(read_frame(&mut frame.as_slice(), 5).unwrap().as_deref(), Some(&b"12345"[..]));
        let kind = |error: io::Error| error.kind();
        let too_long = read_frame(&mut frame.as_slice(), 4).map_err(kind);
        assert_eq!(too_long, Err(io::ErrorKind::FileTooLarge));
        let cut = read_frame(&mut &frame[..7], 5).map_err(kind);
        assert_eq!(cut, Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(read_frame(&mut &b""[..], 5).unwrap(), None);
        let late = next_frame(&mut &frame[..7], 5).await.map_err(kind);
        assert_eq!(late, Err(io::ErrorKind::UnexpectedEof));
        let lie = next_frame(&mut &[0xFF; 8][..], 5).await.map_err(kind);
        assert_eq!(lie, Err(io::ErrorKind::FileTooLarge));
    }
}
