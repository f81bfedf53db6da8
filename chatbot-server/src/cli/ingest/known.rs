//! The documents that a store has of files: each by the path that it has as its source.

use std::collections::HashMap;
use std::path::Path;

use chatbot_core::Result;
use chatbot_core::types::{CollectionId, Document, DocumentStatus};

use super::api;
use crate::cli::client::Client;
use crate::cli::multipart;

/// Documents by their sources.
#[derive(Debug, Default)]
pub(in crate::cli) struct Known {
    by_source: HashMap<String, Document>,
}

impl Known {
    /// Those of the collection whose source is this path or lies below it.
    ///
    /// # Errors
    /// Whatever the server says.
    pub(in crate::cli) async fn below(
        client: &Client,
        collection: Option<CollectionId>,
        path: &Path,
    ) -> Result<Self> {
        let collection = match collection {
            Some(id) => Some(id),
            None => api::default_collection(client).await?,
        };
        let Some(collection) = collection else { return Ok(Self::default()) };
        let source = multipart::source(path);
        let said: String = form_urlencoded::byte_serialize(source.as_bytes()).collect();
        let list = format!("/api/v1/documents?limit=200&collection_id={collection}&q={said}");
        let mut by_source = HashMap::new();
        for document in api::all::<Document>(client, &list).await? {
            if is_of_a_file(&document) && Path::new(&document.source).starts_with(&source) {
                // The newest comes first, and is the one that counts.
                by_source.entry(document.source.clone()).or_insert(document);
            }
        }
        Ok(Self { by_source })
    }

    /// The document of the file.
    pub(in crate::cli) fn take(&mut self, path: &Path) -> Option<Document> {
        // A name that is no text may stand for several files.
        path.to_str().and_then(|_| self.by_source.remove(&multipart::source(path)))
    }

    /// All of them.
    pub(in crate::cli) fn into_documents(self) -> impl Iterator<Item = Document> {
        self.by_source.into_values()
    }
}

fn is_of_a_file(document: &Document) -> bool {
    document.parent_id.is_none() && document.status != DocumentStatus::Deleting
}
