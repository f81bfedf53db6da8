//! Answers with a model of your own: here one that repeats the best passage in capital letters. A real one would call
//! an engine in the process or a service.
//!
//! A model streams text with `[n]` after what source *n* says. The engine checks each of these marks against the
//! sources: one that names no source is never shown, and a sentence that its source does not support is not marked as
//! verified.
//!
//! Prints: `30 DAYS`

use async_trait::async_trait;
use chatbot_core::traits::{ChatModel, ChatRequest, ModelEvent, ModelInfo, ModelStream};
use chatbot_core::types::FinishReason;
use chatbot_core::{Chatbot, Context, Result};
use futures_util::{StreamExt as _, stream};

#[derive(Debug)]
struct Shouting {
    info: ModelInfo,
}

#[async_trait]
impl ChatModel for Shouting {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, ctx: &Context, request: ChatRequest) -> Result<ModelStream> {
        ctx.check()?;
        let best = request.grounding.as_ref().and_then(|grounding| grounding.sources.first());
        let text = match best {
            Some(source) => format!("{} [{}]", source.text.to_uppercase(), source.index),
            None => "NOTHING WAS FOUND.".to_owned(),
        };
        let events = [ModelEvent::Text(text), ModelEvent::Finish(FinishReason::Stop)];
        Ok(stream::iter(events.map(Ok)).boxed())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let info = ModelInfo {
        name: "shouting".to_owned(),
        context_window: None,
        max_output_tokens: None,
        quotes_only: false,
        usd_per_million: None,
    };
    let chatbot = Chatbot::builder().custom_model(Shouting { info }).build().await?;
    chatbot.ingest("documents").await?;
    let answer = chatbot.ask("How can a parcel be sent back?").await?;
    println!("{}", answer.content);
    println!("{} of {} citations verified", verified(&answer), answer.citations.len());
    chatbot.close().await
}

fn verified(answer: &chatbot_core::types::Message) -> usize {
    answer.citations.iter().filter(|citation| citation.verified).count()
}
