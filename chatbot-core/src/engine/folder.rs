//! Files and folders of this machine, taken in by a host in its own process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::io::AsyncReadExt as _;

use super::{Engine, NewDocument};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::ByteStream;
use crate::types::{
    CollectionId, Document, DocumentFailure, DocumentId, DocumentStatus, ListDocuments,
};

/// Files read at the same time: enough to keep the workers busy.
const N_CONCURRENT: usize = 8;
/// Bytes read from a file at a time.
const READ_BYTES: usize = 64 * 1024;

/// How files are taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IngestOptions {
    /// Where to; the asker's default collection where none is named.
    pub collection_id: Option<CollectionId>,
    /// What to wait for.
    pub wait: WaitFor,
}

/// What to wait for after documents were taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WaitFor {
    /// Until they answer by their words.
    Searchable,
    /// Until they answer by meaning too, or the embedder has refused them. An embedder that is down is waited for.
    #[default]
    Complete,
}

/// What became of the files that were taken in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IngestReport {
    /// The documents that answer now, those that were there before included.
    pub documents: Vec<Document>,
    /// What failed, and why: the path, and the failure.
    pub failed: Vec<(String, DocumentFailure)>,
}

impl Engine {
    /// Takes in a file, or all files of a folder, and waits until each is ready or has failed, and where that is asked for
    /// until it answers by meaning. All files answer by their words first. What lies inside a file counts as well.
    pub(crate) async fn ingest_path(
        self: &Arc<Self>,
        ctx: &Context,
        path: &Path,
        options: &IngestOptions,
    ) -> Result<IngestReport> {
        let root = path.to_owned();
        let files = tokio::task::spawn_blocking(move || files_under(&root))
            .await
            .map_err(|error| Error::internal("Listing files failed.").with_source(error))??;
        let added = stream::iter(files)
            .map(|file| self.ingest_file(ctx, file, options.collection_id))
            .buffered(N_CONCURRENT);
        let mut outcomes: Vec<_> = added.try_collect().await?;
        let around: Vec<_> =
            outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()).collect();
        let around = around.into_iter().filter(|document| document.part_count > 0).map(|d| d.id);
        let inside = self.parts_settled(ctx, around.collect()).await?;
        outcomes.extend(inside);
        let mut report = IngestReport::default();
        for (source, outcome) in outcomes {
            match outcome {
                Ok(document) if options.wait == WaitFor::Complete => {
                    report.documents.push(self.complete(ctx, document).await?);
                }
                Ok(document) => report.documents.push(document),
                Err(failure) => report.failed.push((source, failure)),
            }
        }
        if options.wait == WaitFor::Complete && self.parts.embedder.is_some() {
            self.vectors_applied(ctx).await?;
        }
        Ok(report)
    }

    /// The document once nothing more will happen to it; as it is where somebody removed it meanwhile.
    async fn complete(self: &Arc<Self>, ctx: &Context, document: Document) -> Result<Document> {
        let mut states = match self.watch_document(ctx, document.id).await {
            Ok(states) => states,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(document),
            Err(error) => return Err(error),
        };
        let mut last = document;
        while let Some(next) = ctx.run(async { Ok(states.next().await) }).await? {
            last = Document { duplicate: last.duplicate, ..next };
        }
        Ok(last)
    }

    async fn ingest_file(
        self: &Arc<Self>,
        ctx: &Context,
        file: PathBuf,
        collection: Option<CollectionId>,
    ) -> Result<(String, Result<Document, DocumentFailure>)> {
        let source = file.display().to_string();
        let new = NewDocument {
            collection_id: collection,
            source: source.clone(),
            ..NewDocument::default()
        };
        let added = match read_file(&file).await {
            Ok(content) => self.add_document(ctx, new, content).await,
            Err(error) => Err(error),
        };
        let document = match added {
            Ok(document) => document,
            Err(error) if is_about_the_file(&error) => return Ok((source, Err((&error).into()))),
            Err(error) => return Err(error),
        };
        Ok((source, settled(self.answering(ctx, document).await?)))
    }

    /// What lies inside the documents, at whatever depth, once it answers or has failed.
    async fn parts_settled(
        self: &Arc<Self>,
        ctx: &Context,
        mut around: Vec<DocumentId>,
    ) -> Result<Vec<(String, Result<Document, DocumentFailure>)>> {
        let mut outcomes = Vec::new();
        while let Some(id) = around.pop() {
            let list = ListDocuments { parent_id: Some(id), ..ListDocuments::default() };
            // The oldest first, as they lie in there.
            for part in self.all_documents(ctx, &list).await?.into_iter().rev() {
                let part = self.answering(ctx, part).await?;
                if part.part_count > 0 {
                    around.push(part.id);
                }
                outcomes.push((part.source.clone(), settled(part)));
            }
        }
        Ok(outcomes)
    }

    /// The document once it answers, or nothing more will happen to it.
    async fn answering(self: &Arc<Self>, ctx: &Context, document: Document) -> Result<Document> {
        let mut states = self.watch_document(ctx, document.id).await?;
        let mut last = document;
        while let Some(next) = ctx.run(async { Ok(states.next().await) }).await? {
            last = Document { duplicate: last.duplicate, ..next };
            if last.status == DocumentStatus::Ready {
                break;
            }
        }
        Ok(last)
    }
}

fn settled(document: Document) -> Result<Document, DocumentFailure> {
    match (document.status, document.error.clone()) {
        (DocumentStatus::Ready, _) => Ok(document),
        (_, Some(failure)) => Err(failure),
        _ => {
            Err((&Error::new(ErrorKind::Cancelled, "The work on this document was stopped."))
                .into())
        }
    }
}

/// Whether only this one file is affected, so that the others go on.
fn is_about_the_file(error: &Error) -> bool {
    use ErrorKind::{InvalidInput, NotFound, TooLarge};
    matches!(error.kind(), InvalidInput | NotFound | TooLarge)
        || error.reason() == Some(crate::error::Reason::ReadOnly)
}

/// All files under `root` by name; hidden ones and links are left out, a file named itself is taken as it is.
fn files_under(root: &Path) -> Result<Vec<PathBuf>> {
    let describe = |error: std::io::Error| Error::from(error).with_context("path", root.display());
    if std::fs::metadata(root).map_err(describe)?.is_file() {
        return Ok(vec![root.to_owned()]);
    }
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).map_err(describe)? {
            let entry = entry.map_err(describe)?;
            let kind = entry.file_type().map_err(describe)?;
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            match (hidden, kind.is_dir(), kind.is_file()) {
                (false, true, _) => folders.push(entry.path()),
                (false, _, true) => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

async fn read_file(path: &Path) -> Result<ByteStream> {
    let file = tokio::fs::File::open(path).await?;
    let pieces = stream::try_unfold(file, |mut file| async move {
        let mut piece = bytes::BytesMut::with_capacity(READ_BYTES);
        let n_read = file.read_buf(&mut piece).await?;
        Ok((n_read > 0).then(|| (piece.freeze(), file)))
    });
    Ok(pieces.boxed())
}
