//! Chunks: the passages that are searched and shown.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ChunkId, CollectionId, DocumentId, Span, VersionId};

/// A language, as an ISO 639-3 code such as `eng`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Language(Cow<'static, str>);

impl Language {
    /// A language known at compile time.
    #[must_use]
    pub const fn from_static(code: &'static str) -> Self {
        Self(Cow::Borrowed(code))
    }

    /// The language with this code.
    #[must_use]
    pub fn new(code: impl Into<String>) -> Self {
        Self(Cow::Owned(code.into()))
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a page begins inside a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageStart {
    /// The page's number, from 1.
    pub page: u32,
    /// Its first byte in the version's text.
    pub byte: usize,
}

/// What a chunker says of one chunk: where it is and what stands above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkSpec {
    /// The exact bytes of the parsed text.
    pub span: Span,
    /// The headings above it, outermost first, joined by ` › `.
    pub heading: Option<String>,
    /// The page it starts on.
    pub page_start: Option<u32>,
    /// The page it ends on.
    pub page_end: Option<u32>,
    /// The pages that begin inside it, in order; the one it starts on is not among them.
    pub page_starts: Vec<PageStart>,
}

/// A chunk on its way into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedChunk {
    /// Its id.
    pub id: ChunkId,
    /// Its position in the version, from 0.
    pub ordinal: u32,
    /// What the chunker said.
    pub spec: ChunkSpec,
    /// The language of its text, where one was recognised.
    pub language: Option<Language>,
    /// Names the text that is embedded for it.
    pub hash: ChunkHash,
}

/// A chunk of a stored version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Chunk {
    /// Its id.
    pub id: ChunkId,
    /// The document.
    pub document_id: DocumentId,
    /// The version's id.
    #[serde(skip)]
    pub version_id: Option<VersionId>,
    /// The version, from 1.
    pub document_version: u32,
    /// The collection.
    pub collection_id: CollectionId,
    /// Its position in the version, from 0.
    pub ordinal: u32,
    /// The document's title.
    pub title: String,
    /// The headings above it.
    pub heading: Option<String>,
    /// Where it is in the version's text.
    pub span: Span,
    /// The page it starts on.
    pub page_start: Option<u32>,
    /// The page it ends on.
    pub page_end: Option<u32>,
    /// The pages that begin inside it, in order; the one it starts on is not among them.
    #[serde(skip)]
    pub page_starts: Vec<PageStart>,
    /// The language of its text.
    pub language: Option<Language>,
    /// The text: exactly the bytes of the span.
    pub text: String,
}

/// The exact text that is embedded for a chunk: the title and the headings above the text, a line each.
///
/// The title is the one that the version was cut under: a document that is renamed keeps its vectors, and its words are
/// found under the new title at once. Reading it again embeds it under the new title.
#[must_use]
pub fn embedded_text(title: &str, heading: Option<&str>, text: &str) -> String {
    let parts = [title.trim(), heading.unwrap_or_default().trim(), text];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// SHA-256 of the exact text that is embedded for a chunk, as [`embedded_text`] makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkHash(pub [u8; 32]);

impl ChunkHash {
    /// The hash of a chunk's text under its title and headings.
    #[must_use]
    pub fn of(title: &str, heading: Option<&str>, text: &str) -> Self {
        Self(Sha256::digest(embedded_text(title, heading, text)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_is_what_the_hash_names() {
        let text = embedded_text("Manual", Some("Pump › Oil"), "Every 400 hours.");
        assert_eq!(text, "Manual\nPump › Oil\nEvery 400 hours.");
        assert_eq!(embedded_text(" ", None, "Alone."), "Alone.");
        let hash: [u8; 32] = Sha256::digest(&text).into();
        assert_eq!(
            ChunkHash::of("Manual", Some("Pump › Oil"), "Every 400 hours."),
            ChunkHash(hash)
        );
    }
}
