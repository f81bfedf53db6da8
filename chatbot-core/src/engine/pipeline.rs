//! One job: original → text → chunks, and documents inside it → staged → published.

use std::path::Path;

use super::Engine;
use crate::background;
use crate::context::Context;
use crate::crash;
use crate::error::{Error, Result};
use crate::text::detect_language;
use crate::traits::{PublishVersion, Signal};
use crate::types::{
    ChunkHash, ChunkId, ChunkSpec, Job, Language, ParsedDocument, RawDocument, Stage, StagedChunk,
};

/// Bytes of text stored in one step: a few milliseconds of the writer's time.
const TEXT_PART_BYTES: usize = 256 * 1024;
/// Chunks stored in one step, for the same reason.
const CHUNKS_PER_STEP: usize = 200;
/// Texts longer than this say how far they are; shorter ones are done before anybody could read it.
const PROGRESS_FROM_BYTES: usize = 512 * 1024;
/// Bytes looked at to tell a document's main language.
const LANGUAGE_SAMPLE_BYTES: usize = 4096;

/// What was read out of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The text and its structure.
    pub document: ParsedDocument,
    /// Its main language.
    pub language: Option<Language>,
}

impl Engine {
    pub(crate) async fn extract(&self, ctx: &Context, raw: RawDocument) -> Result<Extraction> {
        let document = ctx.run(self.parts.reader.read(ctx, raw)).await?;
        let language = main_language(&document.text);
        Ok(Extraction { document, language })
    }

    /// Makes the job's version live and returns its change. A job that had come that far before is not done again.
    pub(super) async fn make_version(&self, ctx: &Context, job: &Job) -> Result<u64> {
        if let Some(seq) = job.published_seq {
            return Ok(seq);
        }
        let bytes = ctx.run(self.parts.blobs.get(ctx, job.blob)).await?;
        let raw = RawDocument { name: job.source.clone(), declared: job.declared.clone(), bytes };
        let mut parsed = ctx.run(self.parts.reader.read(ctx, raw)).await?;
        crash::point("ingest/parsed");
        let inside = self.parts_within_limits(ctx, job, &mut parsed).await?;
        let title = title_of(job, &parsed);
        let (parsed, chunks) = self.chunked(ctx, parsed, title.clone()).await?;
        self.stage(ctx, job, &parsed.text, &chunks).await?;
        let n_inside = inside.len();
        self.stage_parts(ctx, job, inside).await?;
        let publish = PublishVersion {
            version: job.version,
            title,
            language: main_language(&parsed.text),
            chunk_count: u32::try_from(chunks.len()).unwrap_or(u32::MAX),
            page_count: page_count(&parsed),
            media_type: parsed.media_type,
            metadata: parsed.metadata,
            warnings: parsed.warnings,
        };
        ctx.check()?;
        crash::point("publish/before");
        let seq = self.store().publish_version(ctx, &job.lease, publish).await?;
        crash::point("publish/after");
        self.signal(Signal::Changed).await;
        self.signal(Signal::Document(job.document)).await;
        if n_inside > 0 {
            self.signal(Signal::JobQueued).await;
        }
        Ok(seq)
    }

    async fn chunked(
        &self,
        ctx: &Context,
        parsed: ParsedDocument,
        title: String,
    ) -> Result<(ParsedDocument, Vec<StagedChunk>)> {
        let (chunker, ctx) = (self.parts.chunker.clone(), ctx.clone());
        let work = move || {
            let specs = chunker.chunk(&ctx, &parsed)?;
            let staged = (0..).zip(specs).map(|(ordinal, spec)| {
                ctx.check()?;
                stage_chunk(&parsed.text, &title, ordinal, spec)
            });
            let staged: Result<Vec<_>> = staged.collect();
            Ok((parsed, staged?))
        };
        background::run(work).await?
    }

    async fn stage(
        &self,
        ctx: &Context,
        job: &Job,
        text: &str,
        chunks: &[StagedChunk],
    ) -> Result<()> {
        let shows_progress = text.len() > PROGRESS_FROM_BYTES;
        let n_steps = text.len().div_ceil(TEXT_PART_BYTES) + chunks.len().div_ceil(CHUNKS_PER_STEP);
        let mut n_done = 0_usize;
        for (offset, part) in parts(text, TEXT_PART_BYTES) {
            ctx.check()?;
            self.store().stage_text(ctx, &job.lease, offset, part.to_owned()).await?;
            crash::point("ingest/text_staged");
            n_done += 1;
            self.show_progress(ctx, job, (n_done, n_steps), shows_progress).await?;
        }
        for step in chunks.chunks(CHUNKS_PER_STEP) {
            ctx.check()?;
            self.store().stage_chunks(ctx, &job.lease, step.to_vec()).await?;
            crash::point("ingest/chunks_staged");
            n_done += 1;
            self.show_progress(ctx, job, (n_done, n_steps), shows_progress).await?;
        }
        Ok(())
    }

    async fn show_progress(
        &self,
        ctx: &Context,
        job: &Job,
        (n_done, n_steps): (usize, usize),
        shown: bool,
    ) -> Result<()> {
        /// Steps between two reports, so that reporting costs less than a tenth of the work.
        const EVERY: usize = 10;
        if !shown || n_done % EVERY != 1 {
            return Ok(());
        }
        #[allow(clippy::cast_precision_loss, reason = "a share, shown to a person")]
        let progress = n_done as f32 / n_steps.max(1) as f32;
        self.store().set_stage(ctx, &job.lease, Stage::Chunking, progress).await?;
        self.signal(Signal::Document(job.document)).await;
        Ok(())
    }
}

fn stage_chunk(text: &str, title: &str, ordinal: u32, spec: ChunkSpec) -> Result<StagedChunk> {
    let chunk = spec
        .span
        .slice(text)
        .ok_or_else(|| Error::internal("A chunk does not lie on character boundaries."))?;
    Ok(StagedChunk {
        id: ChunkId::new(),
        ordinal,
        language: detect_language(chunk),
        hash: ChunkHash::of(title, spec.heading.as_deref(), chunk),
        spec,
    })
}

/// The text in parts of about `max_bytes`, cut between characters, with their offsets. An empty text is one part.
fn parts(text: &str, max_bytes: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut next = Some(0_usize);
    std::iter::from_fn(move || {
        let start = next?;
        let end = text.ceil_char_boundary(start.saturating_add(max_bytes).min(text.len()));
        next = (end < text.len()).then_some(end);
        Some((start, text.get(start..end)?))
    })
}

fn title_of(job: &Job, parsed: &ParsedDocument) -> String {
    let given = job.title.clone().or_else(|| parsed.title.clone());
    given.filter(|title| !title.trim().is_empty()).unwrap_or_else(|| {
        let name = Path::new(&job.source).file_name().map(|name| name.to_string_lossy());
        name.map_or_else(|| "Untitled".to_owned(), std::borrow::Cow::into_owned)
    })
}

fn main_language(text: &str) -> Option<Language> {
    let end = text.floor_char_boundary(LANGUAGE_SAMPLE_BYTES);
    detect_language(text.get(..end)?)
}

fn page_count(parsed: &ParsedDocument) -> Option<u32> {
    let n_pages = u32::try_from(parsed.pages.len()).unwrap_or(u32::MAX);
    (n_pages > 0).then_some(n_pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_join_to_the_text_and_cut_between_characters() {
        let text = "aé漢".repeat(7);
        for max_bytes in 1..9 {
            let pieces: Vec<_> = parts(&text, max_bytes).collect();
            assert_eq!(pieces.iter().map(|(_, part)| *part).collect::<String>(), text);
            let mut at = 0;
            for (offset, part) in pieces {
                assert_eq!(offset, at);
                at += part.len();
            }
        }
        assert_eq!(parts("", 4).collect::<Vec<_>>(), [(0, "")]);
    }
}
