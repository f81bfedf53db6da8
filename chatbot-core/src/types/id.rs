//! Ids: UUIDv7, so that they sort by the time they were made; one newtype per noun.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $noun:literal,)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, later than every id made before it in this process.
            #[must_use]
            #[allow(clippy::new_without_default, reason = "an id is made, not defaulted")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The id's 16 bytes, big-endian.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Parses the hyphenated form.
            ///
            /// # Errors
            /// `not_found` for anything else: an id that cannot exist names nothing.
            fn from_str(text: &str) -> Result<Self, Error> {
                Uuid::try_parse(text).map(Self).map_err(|_| Error::not_found($noun))
            }
        }
    )+};
}

ids! {
    /// Names a collection.
    CollectionId = "collection",
    /// Names a document, whatever version of it is live.
    DocumentId = "document",
    /// Names one version of a document.
    VersionId = "document version",
    /// Names a chunk of one version.
    ChunkId = "chunk",
    /// Names a job.
    JobId = "job",
    /// Names a session.
    SessionId = "session",
    /// Names a message.
    MessageId = "message",
    /// Names one holding of a lease: the fencing token. A later holder's token is greater.
    LeaseToken = "lease",
    /// Names a call to a model, in the ledger.
    CallId = "call",
    /// Names a request, for logs and traces.
    RequestId = "request",
}

/// Who is asking: an opaque name that the host chooses, such as a user id. Groups are principals too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct PrincipalId(String);

impl PrincipalId {
    /// The principal with this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The owner of everything where there are no accounts.
    #[must_use]
    pub fn local() -> Self {
        Self::new("local")
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
