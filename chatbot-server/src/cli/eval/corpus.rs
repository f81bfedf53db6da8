//! A set's documents in an engine of their own.

use std::collections::HashMap;

use chatbot_core::types::{Document, DocumentId, DocumentStatus};
use chatbot_core::{Chatbot, Context, ErrorKind, NewDocument, Result};
use futures_util::{StreamExt as _, stream};

use super::super::output::Output;
use super::data::Text;
use crate::config::Config;

/// Documents taken in at the same time: enough for the store to write many at once.
const N_CONCURRENT: usize = 64;

/// An engine that knows a set's documents, and which is which.
#[derive(Debug)]
pub(super) struct Corpus {
    pub(super) chatbot: Chatbot,
    /// The set's ids of each document; several where texts are the same.
    pub(super) names: HashMap<DocumentId, Vec<String>>,
}

impl Corpus {
    /// Takes in every document, with nothing kept after the process.
    ///
    /// # Errors
    /// Whatever is about more than one document; those that cannot be read are counted in a note.
    pub(super) async fn open(config: &Config, texts: Vec<Text>, output: &Output) -> Result<Self> {
        let mut config = config.engine.clone();
        config.data_dir = None;
        let mut corpus = Self { chatbot: Chatbot::open(config).await?, names: HashMap::new() };
        let (n_texts, mut n_done, mut n_failed) = (texts.len(), 0_usize, 0_usize);
        let chatbot = corpus.chatbot.clone();
        let mut outcomes =
            stream::iter(texts).map(|text| take_in(&chatbot, text)).buffer_unordered(N_CONCURRENT);
        while let Some(outcome) = outcomes.next().await {
            let (name, document) = outcome?;
            n_done += 1;
            match document {
                Some(id) => corpus.names.entry(id).or_default().push(name),
                None => n_failed += 1,
            }
            if n_done.is_multiple_of(100) {
                output.progress(&format!("{n_done} of {n_texts} documents"));
            }
        }
        drop(outcomes);
        output.clear_progress();
        if n_failed > 0 {
            output.note(&format!(
                "{n_failed} of {n_texts} documents have no text or cannot be read."
            ));
        }
        Ok(corpus)
    }
}

async fn take_in(chatbot: &Chatbot, text: Text) -> Result<(String, Option<DocumentId>)> {
    let ctx = Context::local();
    let new = NewDocument {
        title: Some(text.title).filter(|title| !title.trim().is_empty()),
        source: text.id.clone(),
        ..NewDocument::default()
    };
    let added = match chatbot.add_text(&ctx, new, text.text).await {
        Ok(document) => document,
        Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok((text.id, None)),
        Err(error) => return Err(error),
    };
    let states: Vec<Document> = chatbot.watch_document(&ctx, added.id).await?.collect().await;
    let ready = states.last().is_some_and(|last| last.status == DocumentStatus::Ready);
    Ok((text.id, ready.then_some(added.id)))
}
