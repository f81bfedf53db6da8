//! The facade over what documents were: back to a version, and away for good.

use super::Chatbot;
use crate::context::Context;
use crate::error::Result;
use crate::types::{Document, DocumentId};

impl Chatbot {
    /// Makes a version that was replaced the one that answers again: nothing is read or embedded anew. The last few can
    /// be restored, as [`documents.keep_versions`](crate::config::DocumentsConfig::keep_versions) says.
    ///
    /// # Errors
    /// `not_found`, `permission_denied`; `conflict` where its passages are gone.
    pub async fn restore_version(
        &self,
        ctx: &Context,
        id: DocumentId,
        version: u32,
    ) -> Result<Document> {
        self.engine.restore_version(ctx, id, version).await
    }

    /// Removes a document together with the answers that it was a source of: they are empty from here on, and have a
    /// warning `purged`. What people asked stays theirs.
    ///
    /// # Errors
    /// `not_found`, `permission_denied` unless the asker owns the collection.
    ///
    /// # Cancellation
    /// The document is removed; what is left of the answers is removed within a minute.
    pub async fn purge_document(&self, ctx: &Context, id: DocumentId) -> Result<()> {
        self.engine.purge_document(ctx, id).await
    }

    /// Removes at once what was deleted from every file, which happens by itself within minutes. Writes wait meanwhile.
    /// While documents are being taken in, vectors stay that these may ask for.
    ///
    /// # Errors
    /// `storage`; `unavailable` where an index is behind, or somebody reads all the time: try again.
    pub async fn clear_up(&self) -> Result<()> {
        self.engine.clear_up_now().await
    }
}
