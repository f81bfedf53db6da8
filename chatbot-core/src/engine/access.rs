//! Who may do what: the only place where roles are asked for.

use super::Engine;
use crate::context::{Context, ReadSet};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{CollectionId, DocumentId, Role};

impl Engine {
    /// Everything that the asker may read.
    pub(crate) async fn read_set(&self, ctx: &Context) -> Result<ReadSet> {
        self.store().read_set(ctx).await
    }

    /// What the asker may read of `wanted`; everything where nothing is named.
    pub(super) async fn narrowed(
        &self,
        ctx: &Context,
        wanted: Option<&[CollectionId]>,
    ) -> Result<ReadSet> {
        let all = self.read_set(ctx).await?;
        let Some(wanted) = wanted else { return Ok(all) };
        if wanted.iter().any(|id| !all.contains(*id)) {
            return Err(Error::not_found("collection"));
        }
        Ok(all.narrowed(wanted))
    }

    /// Fails unless the asker has at least `needed` on the collection.
    pub(super) async fn require(
        &self,
        ctx: &Context,
        collection: CollectionId,
        needed: Role,
    ) -> Result<()> {
        match self.store().role(ctx, collection).await? {
            None => Err(Error::not_found("collection")),
            Some(role) if role < needed => Err(Error::new(
                ErrorKind::PermissionDenied,
                "You may read this collection, but not change it.",
            )),
            Some(_) => Ok(()),
        }
    }

    /// The read-set for changing a document, once the asker is known to be allowed to.
    pub(super) async fn writable(&self, ctx: &Context, id: DocumentId) -> Result<ReadSet> {
        let read_set = self.read_set(ctx).await?;
        let document = self.store().document(ctx, &read_set, id).await?;
        self.require(ctx, document.collection_id, Role::Writer).await?;
        Ok(read_set)
    }
}
