//! Documents, versions, texts and chunks: which file does what.

use std::collections::HashSet;

use async_trait::async_trait;

use super::document_rows::{
    by_id, list_page, live_version, matching, no_document, quotable_version, versions_of,
};
use super::{SqliteStore, accept, edits, history, parts, purge, scrub, sweep, texts};
use crate::context::{Context, ReadSet};
use crate::error::{Error, Result};
use crate::traits::{AcceptDocument, AcceptVersion, Accepted, DocumentStore, Swept};
use crate::types::{
    BlobHash, Chunk, Document, DocumentId, DocumentPatch, DocumentVersion, Filter, ListDocuments,
    Page, PageRequest, Span, Timestamp,
};

#[async_trait]
impl DocumentStore for SqliteStore {
    async fn accept_document(&self, ctx: &Context, new: AcceptDocument) -> Result<Accepted> {
        accept::document(self, ctx, new).await
    }

    async fn accept_version(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        new: AcceptVersion,
    ) -> Result<Accepted> {
        accept::version(self, ctx, read_set, new).await
    }

    async fn reindex_document(
        &self,
        _ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<Accepted> {
        accept::again(self, read_set, id).await
    }

    async fn documents(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        list: &ListDocuments,
        page: &PageRequest,
    ) -> Result<Page<Document>> {
        ctx.run(async { list_page(&mut *self.snapshot().await?, read_set, list, page).await }).await
    }

    async fn document(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<Document> {
        ctx.run(async {
            let found = by_id(&mut *self.snapshot().await?, id).await?;
            if read_set.contains(found.collection_id) { Ok(found) } else { Err(no_document()) }
        })
        .await
    }

    async fn parts_of(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<Vec<DocumentId>> {
        ctx.run(async { parts::inside(&mut *self.snapshot().await?, read_set, id).await }).await
    }

    async fn matching_documents(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        filter: &Filter,
    ) -> Result<HashSet<DocumentId>> {
        ctx.run(async { matching(&mut *self.snapshot().await?, read_set, filter).await }).await
    }

    async fn update_document(
        &self,
        _ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
        patch: DocumentPatch,
    ) -> Result<Document> {
        edits::update(self, read_set, id, patch).await
    }

    async fn delete_document(
        &self,
        _ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<()> {
        edits::delete(self, read_set, id).await
    }

    async fn purge_document(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<()> {
        purge::purge(self, ctx, read_set, id).await
    }

    async fn cancel_document(
        &self,
        _ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<Document> {
        edits::cancel(self, read_set, id).await
    }

    async fn versions(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
    ) -> Result<Vec<DocumentVersion>> {
        ctx.run(async { versions_of(&mut *self.snapshot().await?, read_set, id).await }).await
    }

    async fn keep_versions(&self, _ctx: &Context, n: u32) -> Result<()> {
        history::keep(self, n).await
    }

    async fn restore_version(
        &self,
        _ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
        version: u32,
    ) -> Result<Document> {
        history::restore(self, read_set, id, version).await
    }

    async fn text(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
        version: Option<u32>,
        span: Option<Span>,
    ) -> Result<String> {
        ctx.run(async {
            let mut tx = self.snapshot().await?;
            let (version, len) = quotable_version(&mut tx, read_set, id, version).await?;
            let span = span.unwrap_or(Span::new(0, len));
            texts::slice(&mut tx, version, span).await?.ok_or_else(|| {
                Error::invalid("The span is not inside the text, or cuts a character in two.")
            })
        })
        .await
    }

    async fn chunks(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        id: DocumentId,
        version: Option<u32>,
        page: &PageRequest,
    ) -> Result<Page<Chunk>> {
        ctx.run(async {
            let mut tx = self.snapshot().await?;
            let (version, _) = live_version(&mut tx, read_set, id, version).await?;
            super::chunks::page(&mut tx, version, page).await
        })
        .await
    }

    async fn sweep(&self, ctx: &Context, limit: u32) -> Result<Swept> {
        sweep::sweep(self, ctx, limit).await
    }

    async fn note_unreferenced(&self, ctx: &Context, originals: Vec<BlobHash>) -> Result<()> {
        sweep::note_unreferenced(self, ctx, originals).await
    }

    async fn unscrubbed_since(&self, ctx: &Context) -> Result<Option<Timestamp>> {
        ctx.run(scrub::unscrubbed_since(self)).await
    }

    async fn scrub(&self, _ctx: &Context) -> Result<()> {
        scrub::scrub(self).await
    }
}
