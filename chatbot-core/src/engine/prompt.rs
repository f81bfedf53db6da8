//! Puts a prompt together.
#![allow(
    missing_docs,
    reason = "a stand-in: engine/turn/run.rs is written against these signatures (assemble); the real file replaces it"
)]
use crate::context::Context;
use crate::error::Result;
use crate::traits::*;
use crate::types::*;
pub(crate) struct PromptParts<'a> {
    pub(crate) question: &'a str,
    pub(crate) grounding: Option<Grounding>,
    pub(crate) temperature: Option<f32>,
    pub(crate) max_output_tokens: Option<usize>,
}
pub(crate) async fn assemble(
    _: &Context,
    p: PromptParts<'_>,
    _: &[Message],
    _: &ModelInfo,
    _: (&dyn HistoryPolicy, &dyn TokenCounter),
) -> Result<ChatRequest> {
    Ok(ChatRequest {
        grounding: p.grounding,
        temperature: p.temperature,
        max_output_tokens: p.max_output_tokens,
        system: Some(p.question.into()),
        ..Default::default()
    })
}
