//! What parsers take and give. Serialisable as a whole, so that parsing can move into a child process.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{MediaType, Metadata, Span, Warning};

/// An original as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawDocument {
    /// The file name or path it came under: a hint, never trusted.
    pub name: String,
    /// The media type it was declared as: a hint, never trusted.
    pub declared: Option<MediaType>,
    /// The bytes.
    pub bytes: Bytes,
}

/// Text with structure: what every format becomes.
///
/// # Shape
/// `blocks` are in reading order, do not overlap, and lie inside `text`; `pages` likewise. Text between blocks is
/// white space. `text` is stored as it stands here and never changes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParsedDocument {
    /// What the bytes turned out to be.
    pub media_type: MediaType,
    /// The document's own title, where it has one.
    pub title: Option<String>,
    /// The extracted text.
    pub text: String,
    /// Its structure.
    pub blocks: Vec<Block>,
    /// Its pages, where the format has pages.
    pub pages: Vec<PageSpan>,
    /// Facts the format carries (authors, dates, …).
    pub metadata: Metadata,
    /// What was odd about it.
    pub warnings: Vec<Warning>,
    /// The documents inside it: attachments of a message, files of an archive. Their names differ.
    #[serde(default)]
    pub parts: Vec<Part>,
}

/// A document inside a document, as it came out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where it is in there: a path whose steps are separated by `/`, none of which leads upwards. Data, never a path that
    /// is opened.
    pub name: String,
    /// What the document around it says that it is: a hint, never trusted.
    pub declared: Option<MediaType>,
    /// The bytes.
    #[serde(with = "as_bytes")]
    pub bytes: Bytes,
}

/// Bytes as bytes, in formats that have such.
mod as_bytes {
    use std::fmt;

    use bytes::Bytes;
    use serde::de::{SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        from.deserialize_byte_buf(Read)
    }

    struct Read;

    impl<'de> Visitor<'de> for Read {
        type Value = Bytes;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
            Ok(Bytes::copy_from_slice(bytes))
        }

        fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
            Ok(Bytes::from(bytes))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bytes, A::Error> {
            let mut bytes = Vec::new();
            while let Some(byte) = seq.next_element()? {
                bytes.push(byte);
            }
            Ok(Bytes::from(bytes))
        }
    }
}

/// A stretch of text that belongs together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Where it is in the text.
    pub span: Span,
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// A heading; 1 is the highest level.
    Heading {
        /// 1–6.
        level: u8,
    },
    /// Running text.
    Paragraph,
    /// One item of a list, its marker included.
    ListItem,
    /// A row of a table, its cells separated by ` | `.
    TableRow {
        /// Whether it is the header row of the rows that follow.
        header: bool,
    },
    /// Code or preformatted text.
    Code,
    /// A quotation.
    Quote,
    /// A caption, a footnote or the like.
    Note,
}

/// Where a page is in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageSpan {
    /// The page's number, from 1.
    pub number: u32,
    /// Its text.
    pub span: Span,
}
