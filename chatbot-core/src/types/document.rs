//! Documents as people see them: one live version, a status, and how far its answers reach.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CollectionId, DocumentId, MediaType, PrincipalId, Timestamp, VersionId, Warning};
use crate::error::{Error, ErrorKind, Reason};

/// A JSON object of the host's own facts about a document.
pub type Metadata = serde_json::Map<String, serde_json::Value>;

/// A document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Document {
    /// The id; stays the same over versions.
    pub id: DocumentId,
    /// The collection it is in.
    pub collection_id: CollectionId,
    /// What it is called.
    pub title: String,
    /// Where it came from: a file name, a path or a URL, as data only.
    pub source: String,
    /// What the bytes are, by content.
    pub media_type: MediaType,
    /// Size of the original.
    pub size_bytes: u64,
    /// SHA-256 of the original, in hex.
    pub sha256: BlobHash,
    /// Where it stands.
    pub status: DocumentStatus,
    /// What is being done to it, while something is.
    pub stage: Option<Stage>,
    /// How far the stage has come, 0–1.
    pub progress: f32,
    /// How far it answers.
    pub coverage: Coverage,
    /// Why it failed, where it did.
    pub error: Option<DocumentFailure>,
    /// What was odd about it but did not stop it.
    pub warnings: Vec<Warning>,
    /// The version that answers, from 1; the newest one where none does yet.
    pub version: u32,
    /// Chunks of that version.
    pub chunk_count: u32,
    /// Pages, where the format has pages.
    pub page_count: Option<u32>,
    /// The main language, as an ISO 639-3 code.
    pub language: Option<String>,
    /// The host's own facts.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub metadata: Metadata,
    /// Whether this answer to an upload names a document that was there before.
    pub duplicate: bool,
    /// The document that it came out of: an archive, a message.
    pub parent_id: Option<DocumentId>,
    /// Documents directly inside it.
    pub part_count: u32,
    /// Who added it.
    pub created_by: PrincipalId,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DocumentStatus {
    /// Accepted and waiting.
    Queued,
    /// Being worked on.
    Processing,
    /// Answering.
    Ready,
    /// Given up; `error` says why.
    Failed,
    /// Stopped by a person.
    Cancelled,
    /// Being removed; it answers no more.
    Deleting,
}

impl DocumentStatus {
    /// Every status.
    pub const ALL: &'static [Self] = &[
        Self::Queued,
        Self::Processing,
        Self::Ready,
        Self::Failed,
        Self::Cancelled,
        Self::Deleting,
    ];

    /// The name on every surface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Deleting => "deleting",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == name)
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Ready | Self::Failed | Self::Cancelled)
    }
}

/// What is being done to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reading the original.
    Parsing,
    /// Cutting and storing chunks nobody sees yet.
    Chunking,
    /// Making the version live and searchable.
    Publishing,
    /// Giving chunks their vectors.
    Embedding,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: &'static [Self] =
        &[Self::Parsing, Self::Chunking, Self::Publishing, Self::Embedding];

    /// The name on every surface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parsing => "parsing",
            Self::Chunking => "chunking",
            Self::Publishing => "publishing",
            Self::Embedding => "embedding",
        }
    }

    /// The stage with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|stage| stage.as_str() == name)
    }
}

/// How far a document answers: shares of its chunks, 0–1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Coverage {
    /// By its words.
    pub lexical: f32,
    /// By meaning. Always 1 for a ready document where no embedder is configured: nothing is missing.
    pub dense: f32,
}

/// Why a document failed, for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentFailure {
    /// The error's kind.
    pub code: ErrorKind,
    /// What refines it.
    pub reason: Option<Reason>,
    /// What the person can do.
    pub message: String,
}

impl From<&Error> for DocumentFailure {
    fn from(error: &Error) -> Self {
        Self { code: error.kind(), reason: error.reason(), message: error.message().to_owned() }
    }
}

/// One version in a document's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentVersion {
    /// The version's own id.
    #[serde(skip)]
    pub id: Option<VersionId>,
    /// From 1.
    pub version: u32,
    /// Whether this one answers.
    pub live: bool,
    /// What the bytes are.
    pub media_type: MediaType,
    /// Size of the original.
    pub size_bytes: u64,
    /// SHA-256 of the original, in hex.
    pub sha256: BlobHash,
    /// Chunks in it.
    pub chunk_count: u32,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// When it began to answer.
    pub published_at: Option<Timestamp>,
    /// Whether it can be made the one that answers again. One that is about to be removed may still say so.
    pub restorable: bool,
    /// How its passages differ from those that answered before it; null where none did.
    pub changes: Option<VersionChanges>,
}

/// How a version's passages differ from those of the version that it replaced. Passages are the same where their text,
/// their headings and the title are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionChanges {
    /// The number of the version that it replaced.
    pub since_version: u32,
    /// Passages that were there before.
    pub kept: u32,
    /// Passages that are new.
    pub added: u32,
    /// Passages that are there no more.
    pub removed: u32,
}

/// What to change about a document; `None` leaves a thing as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct DocumentPatch {
    /// A new title.
    pub title: Option<String>,
    /// Where it lies now, after it was moved. A title that was the name of the file becomes the new name.
    pub source: Option<String>,
    /// New metadata, as a whole.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<Metadata>,
}

/// Which documents to list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListDocuments {
    /// Only in this collection.
    pub collection_id: Option<CollectionId>,
    /// Only with this status.
    pub status: Option<DocumentStatus>,
    /// Only with this text in title or source, ignoring case.
    pub q: Option<String>,
    /// Only those that came out of this document, and not out of one of these.
    pub parent_id: Option<DocumentId>,
}

/// SHA-256 of an original: its name in the blob store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
pub struct BlobHash([u8; 32]);

impl BlobHash {
    /// The hash with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash's 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Parses 64 hex digits.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for BlobHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlobHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hex = String::deserialize(deserializer)?;
        Self::from_hex(&hex).ok_or_else(|| serde::de::Error::custom("not a SHA-256 in hex"))
    }
}
