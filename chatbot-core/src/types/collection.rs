//! Collections and who may use them.

use serde::{Deserialize, Serialize};

use super::{CollectionId, PrincipalId, Timestamp};

/// A set of documents that is shared and searched as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Collection {
    /// The id.
    pub id: CollectionId,
    /// A short name.
    pub name: String,
    /// What is in it.
    pub description: String,
    /// Who may read it besides those with a grant.
    pub visibility: Visibility,
    /// Whether documents land here when no collection is named.
    pub is_default: bool,
    /// Documents in it that are not deleted.
    pub document_count: u64,
    /// Who made it.
    pub created_by: PrincipalId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a new collection is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewCollection {
    /// A short name, 1–200 characters.
    pub name: String,
    /// What is in it.
    #[serde(default)]
    pub description: String,
    /// Who may read it besides those with a grant.
    #[serde(default)]
    pub visibility: Visibility,
}

/// What to change of a collection; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CollectionPatch {
    /// A short name, 1–200 characters.
    pub name: Option<String>,
    /// What is in it.
    pub description: Option<String>,
    /// Who may read it besides those with a grant.
    pub visibility: Option<Visibility>,
}

/// Who may read a collection besides those with a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Nobody.
    #[default]
    Private,
    /// Those with a grant; shown to its owners as shared.
    Shared,
    /// Every principal.
    Public,
}

/// What a grant allows; a later role includes the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Search and read.
    Reader,
    /// Add, change and delete documents.
    Writer,
    /// Change and delete the collection, and grant roles.
    Owner,
}
