//! The feed that keeps indexes equal to the store.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CollectionId, DocumentId, VersionId};

/// Names one life of a store: a restored backup gets a new one, so that every index notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lineage(pub Uuid);

/// How far an index has followed the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose sequence numbers these are.
    pub lineage: Lineage,
    /// The last change applied; 0 before the first.
    pub seq: u64,
}

/// One row of the feed, written in the transaction that made it true. Commit order is sequence order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its number, from 1.
    pub seq: u64,
    /// What happened.
    pub kind: ChangeKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// A version began to answer, in place of another where there was one. In place of itself where what is searched
    /// of it changed, such as the document's title.
    Published {
        /// Its collection.
        collection: CollectionId,
        /// Its document.
        document: DocumentId,
        /// The version that answers now.
        version: VersionId,
        /// The version that answered before.
        replaced: Option<VersionId>,
    },
    /// A document stopped answering.
    Deleted {
        /// The document.
        document: DocumentId,
        /// The version that answered.
        version: VersionId,
    },
    /// Chunks of a version that answers got vectors.
    Embedded {
        /// The version.
        version: VersionId,
        /// Where the chunks are in the version; not each of them has one now.
        ordinals: Range<u32>,
    },
}
