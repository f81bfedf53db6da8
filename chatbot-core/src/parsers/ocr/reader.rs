//! Reads documents, and the characters on those of their pages that are pictures.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::traits::DocumentReader;
use crate::types::{MediaType, ParsedDocument, RawDocument, Warning};

use super::super::pictures::{MAX_STAMP_LETTERS, Pictures, Wanted};
use super::super::worker::WorkerReader;
use super::OcrOptions;
use super::merge::Found;
use super::tesseract::{Outcome, Tesseract};

/// Bytes of pictures that a worker sends at a time: three pages of A4.
const BATCH_BYTES: usize = 24 << 20;

/// Has documents read by workers, and what has no text in them by a program that recognises characters.
///
/// # Cancellation
/// The program and the worker are killed.
#[derive(Debug, Clone)]
pub struct OcrReader {
    workers: WorkerReader,
    engine: Arc<Tesseract>,
}

impl OcrReader {
    /// A reader that has pictures decoded by `workers` and read as the options say.
    #[must_use]
    pub fn new(workers: WorkerReader, options: OcrOptions) -> Self {
        Self { workers, engine: Arc::new(Tesseract::new(options)) }
    }

    async fn recognised(
        &self,
        ctx: &Context,
        raw: &RawDocument,
        only: Vec<u32>,
    ) -> Result<Option<Found>> {
        let until = Instant::now() + self.engine.options().document_time;
        let mut wanted = Wanted { from: 1, only, max_bytes: BATCH_BYTES };
        let mut all: Option<Found> = None;
        loop {
            let batch = self.workers.pictures(ctx, raw, wanted.clone()).await?;
            let next = batch.next;
            let found = all.get_or_insert_with(|| begun(&batch));
            self.read_batch(batch, found, until).await?;
            match next {
                Some(next) if found.n_left_out == 0 => wanted.from = next,
                Some(next) => {
                    let rest = (next..=found.n_pages).filter(|page| wanted.includes(*page));
                    found.n_left_out += rest.count();
                    break;
                }
                None => break,
            }
        }
        Ok(all.filter(|found| !found.pages.is_empty() || !found.lost.is_empty()))
    }

    async fn read_batch(&self, batch: Pictures, found: &mut Found, until: Instant) -> Result<()> {
        for picture in batch.pictures {
            let n_tried = found.pages.len() + found.lost.len();
            if n_tried >= self.engine.options().max_pages || Instant::now() >= until {
                found.n_left_out += 1;
                continue;
            }
            match self.engine.read(&picture).await? {
                Outcome::Read(page) => drop(found.pages.insert(picture.page, page)),
                Outcome::Lost => found.lost.push(picture.page),
            }
        }
        Ok(())
    }
}

fn begun(batch: &Pictures) -> Found {
    Found {
        media_type: batch.media_type.clone(),
        title: batch.title.clone(),
        metadata: batch.metadata.clone(),
        n_pages: batch.n_pages,
        pages: std::collections::BTreeMap::new(),
        lost: Vec::new(),
        n_left_out: 0,
    }
}

#[async_trait]
impl DocumentReader for OcrReader {
    async fn read(&self, ctx: &Context, raw: RawDocument) -> Result<ParsedDocument> {
        let read = self.workers.read(ctx, raw.clone()).await;
        let Some(only) = wanting(&read) else { return read };
        match ctx.run(self.recognised(ctx, &raw, only)).await {
            Ok(Some(found)) => {
                let document = found.merged(read.ok(), ctx, self.workers.limits())?;
                if document.text.trim().is_empty() { Err(nothing_found()) } else { Ok(document) }
            }
            Ok(None) => read,
            Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Timeout) => {
                Err(error)
            }
            Err(error) => without_recognition(read, error),
        }
    }
}

/// The pages whose text may fail, all where there are none in the list; `None` where the document has nothing to recognise.
fn wanting(read: &Result<ParsedDocument>) -> Option<Vec<u32>> {
    match read {
        Err(error) => (error.reason() == Some(Reason::NoTextLayer)).then(Vec::new),
        Ok(document) if document.media_type == MediaType::PDF => {
            let fails = |text: &str| {
                let letters = text.chars().filter(|c| c.is_alphanumeric());
                letters.take(MAX_STAMP_LETTERS).count() < MAX_STAMP_LETTERS
            };
            let pages = document.pages.iter();
            let failing = pages.filter(|page| page.span.slice(&document.text).is_none_or(fails));
            let failing: Vec<u32> = failing.map(|page| page.number).collect();
            (!failing.is_empty()).then_some(failing)
        }
        Ok(_) => None,
    }
}

/// What there is without it. A document that has nothing else says what is amiss.
fn without_recognition(read: Result<ParsedDocument>, error: Error) -> Result<ParsedDocument> {
    tracing::warn!(%error, "characters were not recognised");
    match read {
        Ok(mut document) => {
            let message = "Pages that are pictures were not read: character recognition failed.";
            document.warnings.push(Warning::new("recognition_failed", message));
            Ok(document)
        }
        Err(_) if error.reason().is_some() => Err(error),
        Err(_) => Err(Error::parse(Reason::NoTextLayer, error.message().to_owned())),
    }
}

fn nothing_found() -> Error {
    Error::parse(
        Reason::NoTextLayer,
        "The pages of this document are pictures, and no text was recognised in them. Scan it again with 300 dots per inch.",
    )
}
