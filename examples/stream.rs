//! Follows an answer while it is made: what was found, the text as it grows, and which bytes of which document it
//! rests on.
//!
//! Prints: `4.90 euros`

use chatbot_core::Chatbot;
use chatbot_core::types::Event;
use futures_util::StreamExt as _;

#[tokio::main]
async fn main() -> chatbot_core::Result<()> {
    let chatbot = Chatbot::builder().build().await?;
    chatbot.ingest("documents").await?;
    let mut turn = chatbot.stream("What does shipping cost for a small order?").await?;
    while let Some(event) = turn.next().await {
        match event.event {
            Event::Sources { sources } => println!("found {} passages", sources.len()),
            Event::Text { delta } => print!("{delta}"),
            Event::Citation(citation) => {
                let (from, to) = (citation.byte_start, citation.byte_end);
                println!("\n  [{}] bytes {from} to {to}: {:?}", citation.index, citation.quote);
            }
            Event::Failed { error, .. } => println!("\nfailed: {}", error.message),
            _ => {}
        }
    }
    println!();
    chatbot.close().await
}
