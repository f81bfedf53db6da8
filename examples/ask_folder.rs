//! Takes in a folder and asks it.
//!
//! Prints: `three years`

use chatbot_core::Chatbot;

#[tokio::main]
async fn main() -> chatbot_core::Result<()> {
    let chatbot = Chatbot::builder().build().await?;
    chatbot.ingest("documents").await?;
    let answer = chatbot.ask("How long is the warranty of a kettle?").await?;
    println!("{}", answer.content);
    for source in &answer.sources {
        println!("[{}] {}", source.index, source.title);
    }
    chatbot.close().await
}
