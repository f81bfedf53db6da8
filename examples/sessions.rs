//! A conversation: stored, continued, answered again on another branch, and found by what was said in it.
//!
//! Prints: `2 answers to the same question`

use chatbot_core::traits::TurnTarget;
use chatbot_core::types::{ListSessions, MessageRole, PageRequest};
use chatbot_core::{Chatbot, Context, TurnRequest};

#[tokio::main]
async fn main() -> chatbot_core::Result<()> {
    let chatbot = Chatbot::builder().build().await?;
    chatbot.ingest("documents").await?;
    let ctx = Context::local();

    let first = chatbot.ask("How often do I descale the kettle?").await?;
    println!("{}", first.content);
    let session = first.session_id;
    let next = TurnRequest::new("When is shipping free?").in_session(session);
    println!("{}", chatbot.ask(next).await?.content);

    let mut again = TurnRequest::new("");
    again.target = TurnTarget::Regenerate { session, message: first.id };
    let second = chatbot.ask(again).await?;
    let siblings =
        [&first, &second].iter().filter(|answer| answer.parent_id == first.parent_id).count();
    println!("{siblings} answers to the same question");

    let page = PageRequest::default();
    let found =
        chatbot.sessions(&ctx, &ListSessions { q: Some("descale".to_owned()) }, &page).await?;
    for session in &found.items {
        println!("{} ({} messages)", session.title, session.message_count);
    }
    let branch = chatbot.messages(&ctx, session, Some(second.id), &page).await?;
    for message in branch.items {
        let who = if message.role == MessageRole::User { "you" } else { "it" };
        println!("{who}: {}", message.content);
    }
    chatbot.close().await
}
