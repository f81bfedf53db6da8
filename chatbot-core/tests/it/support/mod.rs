//! What the tests of the facade share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chatbot_core::traits::{ChatModel, ChatRequest, ModelEvent, ModelInfo, ModelStream};
use chatbot_core::types::{Document, DocumentId, FinishReason, SequencedEvent};
use chatbot_core::{Chatbot, Context, NewDocument, Result};
use futures_util::{Stream, StreamExt as _, stream};

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

/// A model that says the same words to everybody, one after the other, and knows whether it was let go of early.
#[derive(Debug)]
pub(crate) struct Words {
    info: ModelInfo,
    words: Vec<String>,
    pause: Duration,
    pub(crate) dropped_early: Arc<AtomicBool>,
}

impl Words {
    pub(crate) fn new(text: &str, pause: Duration) -> Arc<Self> {
        let info = ModelInfo {
            name: "words".to_owned(),
            context_window: None,
            max_output_tokens: None,
            quotes_only: false,
            usd_per_million: None,
        };
        let words = text.split_inclusive(' ').map(str::to_owned).collect();
        Arc::new(Self { info, words, pause, dropped_early: Arc::default() })
    }
}

/// Notes when it is dropped before it was told that all went well.
struct Alarm(Arc<AtomicBool>, bool);

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.fetch_or(!self.1, Ordering::SeqCst);
    }
}

#[async_trait]
impl ChatModel for Words {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, _: &Context, _: ChatRequest) -> Result<ModelStream> {
        let state =
            (self.words.clone().into_iter(), Alarm(self.dropped_early.clone(), false), self.pause);
        Ok(stream::unfold(state, |(mut words, mut alarm, pause)| async move {
            tokio::time::sleep(pause).await;
            let event = match words.next() {
                Some(word) => ModelEvent::Text(word),
                None if alarm.1 => return None,
                None => {
                    alarm.1 = true;
                    ModelEvent::Finish(FinishReason::Stop)
                }
            };
            Some((Ok(event), (words, alarm, pause)))
        })
        .boxed())
    }
}
