//! Who may read and write where.

use async_trait::async_trait;

use super::Idempotency;
use crate::context::{Context, ReadSet};
use crate::error::Result;
use crate::types::{
    Collection, CollectionId, CollectionPatch, NewCollection, Page, PageRequest, Role,
};

/// Collections and grants.
#[async_trait]
pub trait CollectionStore: Send + Sync + std::fmt::Debug {
    /// What the context's scope may read now; everything for the engine's own work.
    async fn read_set(&self, ctx: &Context) -> Result<ReadSet>;

    /// What the principal may do with a collection; `None` where it may not even know of it.
    async fn role(&self, ctx: &Context, collection: CollectionId) -> Result<Option<Role>>;

    /// The principal's own collection for documents that name none; made when it is first asked for.
    async fn default_collection(&self, ctx: &Context) -> Result<CollectionId>;

    /// Makes a collection that the principal owns.
    ///
    /// # Errors
    /// `already_exists` where the principal has one of this name; `conflict` for a reused key.
    async fn create_collection(
        &self,
        ctx: &Context,
        new: NewCollection,
        idempotency: Option<Idempotency>,
    ) -> Result<Collection>;

    /// The readable collections, the default one first, then by name.
    async fn collections(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        page: &PageRequest,
    ) -> Result<Page<Collection>>;

    /// One collection.
    ///
    /// # Errors
    /// `not_found`.
    async fn collection(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: CollectionId,
    ) -> Result<Collection>;

    /// Changes a collection. Once more changes nothing more.
    ///
    /// # Errors
    /// `not_found`; `already_exists` where whoever made it has another one of this name.
    async fn update_collection(
        &self,
        ctx: &Context,
        id: CollectionId,
        patch: CollectionPatch,
    ) -> Result<Collection>;

    /// Removes a collection; its documents stop answering at once (a change for each).
    ///
    /// # Errors
    /// `not_found`; `conflict` for a default collection.
    async fn delete_collection(&self, ctx: &Context, id: CollectionId) -> Result<()>;
}
