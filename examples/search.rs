//! Finds passages without asking a model: only in documents that meet a filter, and with the steps that found them.
//!
//! Prints: `30 days`

use std::future::ready;

use chatbot_core::types::{Filter, SearchRequest};
use chatbot_core::{Chatbot, Context, NewDocument};
use futures_util::StreamExt as _;
use serde_json::json;

#[tokio::main]
async fn main() -> chatbot_core::Result<()> {
    let chatbot = Chatbot::builder().build().await?;
    let ctx = Context::local();
    for (year, days) in [(2023, 14), (2024, 30)] {
        let mut new = NewDocument { source: format!("returns-{year}.txt"), ..Default::default() };
        new.metadata.insert("year".to_owned(), year.into());
        let text = format!("A parcel can be sent back within {days} days.");
        let document = chatbot.add_text(&ctx, new, text).await?;
        let states = chatbot.watch_document(&ctx, document.id).await?;
        states.for_each(|_| ready(())).await;
    }

    let mut request = SearchRequest::new("When can a parcel be sent back?");
    request.filter = Some(Filter::parse(&json!({"op": "gte", "key": "year", "value": 2024}))?);
    request.explain = true;
    let reply = chatbot.search(&ctx, request).await?;
    for hit in &reply.hits {
        println!("{:.2} {}: {}", hit.score, hit.title, hit.text);
    }
    for step in reply.trace.iter().flat_map(|trace| &trace.steps) {
        println!("  {}: {} candidates in {:.1} ms", step.name, step.n_candidates, step.took_ms);
    }
    chatbot.close().await
}
