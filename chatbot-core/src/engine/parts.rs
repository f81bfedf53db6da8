//! Documents inside the one that is being read: within limits, and stored before that one answers.
//!
//! They are noted in the store first and their originals stored after that, so that none is left behind where nobody
//! knows of it; the transaction that publishes the version makes documents of them. From then on each is a document
//! like any other.

use futures_util::future::try_join_all;

use super::Engine;
use crate::context::Context;
use crate::crash;
use crate::error::{Error, Reason, Result};
use crate::traits::{StagedPart, once};
use crate::types::{BlobHash, Job, ParsedDocument, Part, Warning};

/// Originals stored at once, as each waits for the disk; whoever removes others waits for that long.
const PER_STEP: usize = 16;

impl Engine {
    /// Takes out of what was read the documents that may be added: not too deep, and not too many within the outermost
    /// document.
    pub(super) async fn parts_within_limits(
        &self,
        ctx: &Context,
        job: &Job,
        parsed: &mut ParsedDocument,
    ) -> Result<Vec<Part>> {
        let mut inside = std::mem::take(&mut parsed.parts);
        if inside.is_empty() {
            return Ok(inside);
        }
        let n_allowed = self.n_allowed(ctx, job).await?;
        if inside.len() <= n_allowed {
            return Ok(inside);
        }
        let n_too_many = inside.len() - n_allowed;
        inside.truncate(n_allowed);
        if inside.is_empty() && parsed.text.trim().is_empty() {
            return Err(Error::parse(
                Reason::LimitExceeded,
                "What is in it lies too deep inside other documents, or those hold too many. Add it by itself.",
            ));
        }
        parsed.warnings.push(Warning::new(
            "parts_left_out",
            format!(
                "{n_too_many} documents inside it were left out: they lie too deep inside other documents, or those hold too many."
            ),
        ));
        Ok(inside)
    }

    async fn n_allowed(&self, ctx: &Context, job: &Job) -> Result<usize> {
        if job.depth >= self.settings.max_part_depth {
            return Ok(0);
        }
        if job.depth == 0 {
            return Ok(self.settings.max_parts);
        }
        let n_around = self.store().n_parts_around(ctx, job.document).await?;
        Ok(self.settings.max_parts.saturating_sub(usize::try_from(n_around).unwrap_or(usize::MAX)))
    }

    /// Notes the documents inside a version and stores their originals.
    pub(super) async fn stage_parts(
        &self,
        ctx: &Context,
        job: &Job,
        inside: Vec<Part>,
    ) -> Result<()> {
        for some in inside.chunks(PER_STEP) {
            ctx.check()?;
            // An original that is named as nobody's at this moment must be gone before the same bytes are stored again.
            let _kept = self.originals.read().await;
            let staged = some.iter().map(staged).collect();
            self.store().stage_parts(ctx, &job.lease, staged).await?;
            crash::point("parts/noted");
            let contents = some.iter().map(|part| once(part.bytes.clone()));
            let puts = contents.map(|content| self.parts.blobs.put(ctx, content, u64::MAX));
            ctx.run(try_join_all(puts)).await?;
            crash::point("parts/originals_stored");
        }
        Ok(())
    }
}

fn staged(part: &Part) -> StagedPart {
    StagedPart {
        name: part.name.clone(),
        declared: part.declared.clone(),
        blob: BlobHash::of(&part.bytes),
        size_bytes: u64::try_from(part.bytes.len()).unwrap_or(u64::MAX),
    }
}
