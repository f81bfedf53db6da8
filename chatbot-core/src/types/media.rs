//! Media types.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A media type such as `text/html`, in lower case and without parameters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// Plain text.
    pub const TEXT: Self = Self::from_static("text/plain");
    /// Markdown.
    pub const MARKDOWN: Self = Self::from_static("text/markdown");
    /// HTML.
    pub const HTML: Self = Self::from_static("text/html");
    /// PDF.
    pub const PDF: Self = Self::from_static("application/pdf");
    /// Word documents.
    pub const DOCX: Self = Self::from_static(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    );
    /// A mail message.
    pub const MAIL: Self = Self::from_static("message/rfc822");
    /// A mail folder in one file.
    pub const MBOX: Self = Self::from_static("application/mbox");
    /// An Outlook message.
    pub const OUTLOOK: Self = Self::from_static("application/vnd.ms-outlook");
    /// A zip archive.
    pub const ZIP: Self = Self::from_static("application/zip");
    /// Bytes that no rule recognised.
    pub const UNKNOWN: Self = Self::from_static("application/octet-stream");

    /// A media type known at compile time; must be lower case and without parameters.
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Parses a `Content-Type` value; parameters are dropped.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let name = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let valid = name.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "/+-._".contains(c));
        valid.then_some(Self(Cow::Owned(name)))
    }

    /// The type's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
