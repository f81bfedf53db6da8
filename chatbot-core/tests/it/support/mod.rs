//! What the tests of the facade share.

use chatbot_core::types::{Document, DocumentId, SequencedEvent};
use chatbot_core::{Chatbot, Context, NewDocument};
use futures_util::{Stream, StreamExt as _};

/// Adds a text and waits until nothing more happens to it.
pub(crate) async fn add(chatbot: &Chatbot, title: &str, text: &str) -> Document {
    let ctx = Context::local();
    let new = NewDocument { title: Some(title.to_owned()), ..NewDocument::default() };
    let document = chatbot.add_text(&ctx, new, text).await.unwrap();
    settled(chatbot, document.id).await
}

/// The document once nothing more happens to it.
pub(crate) async fn settled(chatbot: &Chatbot, id: DocumentId) -> Document {
    let states = chatbot.watch_document(&Context::local(), id).await.unwrap();
    states.collect::<Vec<_>>().await.pop().unwrap()
}

/// All events of a stream.
pub(crate) async fn all(events: impl Stream<Item = SequencedEvent>) -> Vec<SequencedEvent> {
    events.collect().await
}
