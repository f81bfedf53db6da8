//! What answers where the model does not: the documents themselves, quoted.

use super::Run;
use crate::context::Context;
use crate::engine::evidence;
use crate::error::{Error, Result};
use crate::traits::{ChatRequest, Grounding};
use crate::types::Warning;

impl Run {
    /// Has the model answer; where it fails before it said anything and that is wanted, has the documents quoted.
    pub(super) async fn speak(&mut self, ctx: &Context, request: ChatRequest) -> Result<()> {
        let quoting = self.quoting(&request);
        let Err(error) = self.answer_in_rounds(ctx, request).await else { return Ok(()) };
        match quoting {
            Some(request) if self.may_be_quoted_instead(&error) => {
                ctx.check()?;
                self.quote(ctx, request, &error).await
            }
            _ => Err(error),
        }
    }

    /// What would be asked of the model that quotes; `None` where that is not wanted, or there is nothing to quote.
    fn quoting(&self, request: &ChatRequest) -> Option<ChatRequest> {
        self.engine.parts.quoting.as_ref()?;
        let is_needed = !self.model.info().quotes_only && request.grounding.is_some();
        is_needed
            .then(|| ChatRequest { grounding: request.grounding.clone(), ..ChatRequest::default() })
    }

    fn may_be_quoted_instead(&self, error: &Error) -> bool {
        self.draft.is_silent() && error.kind().may_differ_elsewhere()
    }

    async fn quote(&mut self, ctx: &Context, request: ChatRequest, error: &Error) -> Result<()> {
        let Some(model) = self.engine.parts.quoting.clone() else { return Ok(()) };
        let (from, to) = (self.model.info().name.clone(), model.info().name.clone());
        tracing::warn!(from, to, code = %error.kind(), "the documents are quoted instead");
        self.warn(Warning::model_fallback(&from, &to));
        self.draft.message.model = Some(to);
        self.model = model;
        match request.grounding.as_ref().filter(|grounding| !answers(grounding)) {
            Some(Grounding { question, .. }) => {
                self.abstain(question);
                Ok(())
            }
            None => self.answer_in_rounds(ctx, request).await,
        }
    }
}

fn answers(grounding: &Grounding) -> bool {
    let Grounding { question, sources, terms } = grounding;
    evidence::assess(question, sources, terms).answerable
}
