//! Documents and collections as a host handles them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};

use super::Engine;
use super::turn::Deletion;
use crate::context::Context;
use crate::crash;
use crate::error::{Error, ErrorKind, Result};
use crate::text::refuse_nul;
use crate::traits::{AcceptDocument, AcceptVersion, Accepted, ByteStream, Idempotency, Signal};
use crate::types::{
    Collection, CollectionId, CollectionPatch, Document, DocumentId, DocumentPatch, DocumentStatus,
    ListDocuments, MediaType, Metadata, NewCollection, PageRequest, Role,
};

/// The longest title or name, in characters.
const MAX_NAME_CHARS: usize = 200;
/// The longest title of a document, in characters: file names can be long.
const MAX_TITLE_CHARS: usize = 1024;
/// How long a watcher relies on signals before it looks for itself: they may be lost.
const WATCH_POLL: Duration = Duration::from_secs(1);

/// A document to add.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewDocument {
    /// Where to; the asker's default collection where none is named.
    pub collection_id: Option<CollectionId>,
    /// A title; the document's own, or its file name, where there is none.
    pub title: Option<String>,
    /// The name, path or URL it comes under: data, never a path that is opened.
    pub source: String,
    /// What it is declared as.
    pub declared: Option<MediaType>,
    /// The host's own facts.
    pub metadata: Metadata,
    /// Makes it happen once.
    pub idempotency: Option<Idempotency>,
}

/// The original bytes of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Original {
    /// The name it came under.
    pub source: String,
    /// What the bytes are.
    pub media_type: MediaType,
    /// The bytes.
    pub bytes: Bytes,
}

impl Engine {
    pub(crate) async fn create_collection(
        &self,
        ctx: &Context,
        new: NewCollection,
        idempotency: Option<Idempotency>,
    ) -> Result<Collection> {
        let name = checked_name("name", &new.name, MAX_NAME_CHARS)?;
        refuse_nul("`description`", &new.description)?;
        let new = NewCollection { name, ..new };
        self.store().create_collection(ctx, new, idempotency).await
    }

    pub(crate) async fn update_collection(
        &self,
        ctx: &Context,
        id: CollectionId,
        mut patch: CollectionPatch,
    ) -> Result<Collection> {
        self.require(ctx, id, Role::Owner).await?;
        if let Some(name) = &mut patch.name {
            *name = checked_name("name", name, MAX_NAME_CHARS)?;
        }
        refuse_nul("`description`", patch.description.as_deref().unwrap_or_default())?;
        self.store().update_collection(ctx, id, patch).await
    }

    pub(crate) async fn delete_collection(&self, ctx: &Context, id: CollectionId) -> Result<()> {
        self.require(ctx, id, Role::Owner).await?;
        let list = ListDocuments { collection_id: Some(id), ..ListDocuments::default() };
        let in_it =
            if self.turns.any() { self.all_documents(ctx, &list).await? } else { Vec::new() };
        self.store().delete_collection(ctx, id).await?;
        for document in in_it {
            self.running.stop(document.id, None);
            self.turns.forget(document.id, Deletion::Document);
        }
        self.signal(Signal::Changed).await;
        Ok(())
    }

    pub(super) async fn all_documents(
        &self,
        ctx: &Context,
        list: &ListDocuments,
    ) -> Result<Vec<Document>> {
        let read_set = self.read_set(ctx).await?;
        let mut page = PageRequest::new(PageRequest::MAX_LIMIT, None)?;
        let mut found = Vec::new();
        loop {
            let listed = self.store().documents(ctx, &read_set, list, &page).await?;
            found.extend(listed.items);
            let Some(cursor) = listed.next_cursor else { return Ok(found) };
            page = PageRequest::new(PageRequest::MAX_LIMIT, Some(cursor))?;
        }
    }

    pub(crate) async fn add_document(
        &self,
        ctx: &Context,
        new: NewDocument,
        content: ByteStream,
    ) -> Result<Document> {
        let title = match &new.title {
            Some(title) => Some(checked_name("title", title, MAX_TITLE_CHARS)?),
            None => None,
        };
        let collection = self.destination(ctx, new.collection_id).await?;
        let _kept = self.originals.read().await;
        let blob = self.parts.blobs.put(ctx, content, self.settings.max_upload_bytes).await?;
        let accept = AcceptDocument {
            collection,
            title,
            source: new.source,
            declared: new.declared,
            blob: blob.hash,
            size_bytes: blob.size_bytes,
            metadata: new.metadata,
            idempotency: new.idempotency,
        };
        let accepted = self.store().accept_document(ctx, accept).await?;
        crash::point("accept/after_commit");
        Ok(self.queued(accepted).await)
    }

    /// Nothing is connected to for an asker who may not add the document.
    pub(crate) async fn add_from_address(
        &self,
        ctx: &Context,
        new: NewDocument,
        address: &str,
    ) -> Result<Document> {
        let fetcher = self.parts.fetcher.as_ref().ok_or_else(|| {
            let message = "This program was built without fetching: add the document's bytes.";
            Error::new(ErrorKind::Unsupported, message)
        })?;
        let collection = self.destination(ctx, new.collection_id).await?;
        let fetched = fetcher.fetch(ctx, address, self.settings.max_upload_bytes).await?;
        let new = NewDocument {
            collection_id: Some(collection),
            source: fetched.address,
            declared: fetched.declared,
            ..new
        };
        self.add_document(ctx, new, fetched.content).await
    }

    /// The collection that a document goes to; the asker may add to it.
    async fn destination(&self, ctx: &Context, id: Option<CollectionId>) -> Result<CollectionId> {
        let collection = match id {
            Some(id) => id,
            None => self.store().default_collection(ctx).await?,
        };
        self.require(ctx, collection, Role::Writer).await?;
        Ok(collection)
    }

    pub(crate) async fn replace_document(
        &self,
        ctx: &Context,
        id: DocumentId,
        new: NewDocument,
        content: ByteStream,
    ) -> Result<Document> {
        let read_set = self.writable(ctx, id).await?;
        let _kept = self.originals.read().await;
        let blob = self.parts.blobs.put(ctx, content, self.settings.max_upload_bytes).await?;
        let accept = AcceptVersion {
            document: id,
            source: Some(new.source).filter(|source| !source.is_empty()),
            declared: new.declared,
            blob: blob.hash,
            size_bytes: blob.size_bytes,
        };
        let accepted = self.store().accept_version(ctx, &read_set, accept).await?;
        crash::point("accept/version_after_commit");
        self.running.stop(id, accepted.job);
        Ok(self.queued(accepted).await)
    }

    pub(crate) async fn reindex_document(&self, ctx: &Context, id: DocumentId) -> Result<Document> {
        let read_set = self.writable(ctx, id).await?;
        let accepted = self.store().reindex_document(ctx, &read_set, id).await?;
        self.running.stop(id, accepted.job);
        Ok(self.queued(accepted).await)
    }

    /// An index has the version's passages again a moment after this returns.
    pub(crate) async fn restore_version(
        &self,
        ctx: &Context,
        id: DocumentId,
        version: u32,
    ) -> Result<Document> {
        let read_set = self.writable(ctx, id).await?;
        let document = self.store().restore_version(ctx, &read_set, id, version).await?;
        self.running.stop(id, None);
        // What lay inside that version and is not there now is read again.
        self.signal(Signal::JobQueued).await;
        self.signal(Signal::Changed).await;
        self.signal(Signal::Document(id)).await;
        Ok(document)
    }

    async fn queued(&self, accepted: Accepted) -> Document {
        if accepted.job.is_some() {
            self.signal(Signal::JobQueued).await;
            self.signal(Signal::Document(accepted.document.id)).await;
        }
        accepted.document
    }

    pub(crate) async fn update_document(
        &self,
        ctx: &Context,
        id: DocumentId,
        patch: DocumentPatch,
    ) -> Result<Document> {
        let title = match &patch.title {
            Some(title) => Some(checked_name("title", title, MAX_TITLE_CHARS)?),
            None => None,
        };
        if let Some(source) = &patch.source {
            refuse_nul("`source`", source)?;
            if source.trim().is_empty() {
                return Err(Error::invalid("`source` must not be empty."));
            }
        }
        let read_set = self.writable(ctx, id).await?;
        let patch = DocumentPatch { title, ..patch };
        let document = self.store().update_document(ctx, &read_set, id, patch).await?;
        self.signal(Signal::Changed).await;
        self.signal(Signal::Document(id)).await;
        Ok(document)
    }

    pub(crate) async fn delete_document(&self, ctx: &Context, id: DocumentId) -> Result<()> {
        let read_set = self.writable(ctx, id).await?;
        let inside = self.store().parts_of(ctx, &read_set, id).await?;
        self.store().delete_document(ctx, &read_set, id).await?;
        self.deleted(id, &inside, Deletion::Document).await;
        Ok(())
    }

    /// Others' conversations lose answers: only an owner may do this.
    pub(crate) async fn purge_document(&self, ctx: &Context, id: DocumentId) -> Result<()> {
        let read_set = self.read_set(ctx).await?;
        let document = self.store().document(ctx, &read_set, id).await?;
        self.require(ctx, document.collection_id, Role::Owner).await?;
        let inside = self.store().parts_of(ctx, &read_set, id).await?;
        let purged = self.store().purge_document(ctx, &read_set, id).await;
        self.deleted(id, &inside, Deletion::WithAnswers).await;
        purged
    }

    /// A part that was added just now is not among those `inside`: nothing was answered from it yet, and whoever works on it
    /// has lost its lease.
    async fn deleted(&self, id: DocumentId, inside: &[DocumentId], deletion: Deletion) {
        crash::point("delete/after_commit");
        self.signal(Signal::Changed).await;
        for id in inside.iter().copied().chain([id]) {
            self.running.stop(id, None);
            self.turns.forget(id, deletion);
            self.signal(Signal::Document(id)).await;
        }
    }

    pub(crate) async fn cancel_document(&self, ctx: &Context, id: DocumentId) -> Result<Document> {
        let read_set = self.writable(ctx, id).await?;
        let document = self.store().cancel_document(ctx, &read_set, id).await?;
        self.running.stop(id, None);
        self.signal(Signal::Document(id)).await;
        Ok(document)
    }

    pub(crate) async fn original(&self, ctx: &Context, id: DocumentId) -> Result<Original> {
        let read_set = self.read_set(ctx).await?;
        let document = self.store().document(ctx, &read_set, id).await?;
        let bytes = self.parts.blobs.get(ctx, document.sha256).await?;
        Ok(Original { source: document.source, media_type: document.media_type, bytes })
    }

    /// The document now and at every change; ends once nothing more will happen, or it is gone.
    pub(crate) async fn watch_document(
        self: &Arc<Self>,
        ctx: &Context,
        id: DocumentId,
    ) -> Result<BoxStream<'static, Document>> {
        // Subscribed before the first look, so that no change falls between the two.
        let signals = self.parts.bus.subscribe();
        let read_set = self.read_set(ctx).await?;
        let first = self.store().document(ctx, &read_set, id).await?;
        let watch = Watch { engine: self.clone(), ctx: ctx.clone(), signals, id, last: None };
        let rest = stream::unfold((watch, Some(first)), |(mut watch, next)| async move {
            let document = match next {
                Some(first) => first,
                None => watch.next().await?,
            };
            watch.last = Some(document.clone());
            Some((document, (watch, None)))
        });
        Ok(rest.boxed())
    }
}

struct Watch {
    engine: Arc<Engine>,
    ctx: Context,
    signals: BoxStream<'static, Signal>,
    id: DocumentId,
    last: Option<Document>,
}

impl Watch {
    async fn next(&mut self) -> Option<Document> {
        if self.last.as_ref().is_some_and(is_settled) {
            return None;
        }
        loop {
            let poll = tokio::time::sleep(WATCH_POLL);
            tokio::select! {
                signal = self.signals.next() => match signal {
                    Some(Signal::Document(id)) if id == self.id => {}
                    Some(_) => continue,
                    None => return None,
                },
                () = poll => {}
            }
            let read_set = self.engine.read_set(&self.ctx).await.ok()?;
            let now = self.engine.store().document(&self.ctx, &read_set, self.id).await.ok()?;
            if self.last.as_ref() != Some(&now) {
                return Some(now);
            }
        }
    }
}

fn is_settled(document: &Document) -> bool {
    let learned = document.coverage.dense >= 1.0 || document.error.is_some();
    document.status.is_final()
        && document.stage.is_none()
        && (document.status != DocumentStatus::Ready || learned)
}

pub(super) fn checked_name(field: &'static str, text: &str, max_chars: usize) -> Result<String> {
    refuse_nul(&format!("`{field}`"), text)?;
    let text = text.trim();
    if text.is_empty() || text.chars().count() > max_chars {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("`{field}` must have 1 to {max_chars} characters."),
        ));
    }
    Ok(text.to_owned())
}
