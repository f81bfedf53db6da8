//! A set's documents in an engine of their own.

use std::collections::HashMap;
use std::path::Path;

use chatbot_core::config::EngineConfig;
use chatbot_core::traits::once;
use chatbot_core::types::{DocumentId, DocumentStatus};
use chatbot_core::{Chatbot, Context, ErrorKind, NewDocument, Result};
use futures_util::{StreamExt as _, stream};

use super::super::output::Output;
use super::data::{self, Text};
use crate::config::Config;

/// Documents taken in at the same time: enough for the store to write many at once.
const N_CONCURRENT: usize = 64;
/// Documents between two reports.
const REPORT_EVERY: usize = 100;

/// The set's ids of each document; several where texts are the same.
type Names = HashMap<DocumentId, Vec<String>>;

/// An engine that knows a set's documents, and which is which.
#[derive(Debug)]
pub(super) struct Corpus {
    pub(super) chatbot: Chatbot,
    pub(super) names: Names,
}

impl Corpus {
    /// Takes in every document, with nothing kept after the process, and waits until each is found by its words and, where
    /// an embedder is configured, by meaning: a question that is asked sooner would be answered from a part of the set, and
    /// figures would say how fast the machine was.
    ///
    /// # Errors
    /// Whatever is about more than one document; those that cannot be read or embedded are counted in a note.
    pub(super) async fn open(config: &Config, texts: Vec<Text>, output: &Output) -> Result<Self> {
        let chatbot = Chatbot::open(of_a_process(&config.engine)).await?;
        Self::fill(chatbot, texts, output).await
    }

    /// Takes in one file, from its bytes, as [`open`](Self::open) takes in a set.
    ///
    /// # Errors
    /// `not_found`, `storage`, and whatever is about more than the document; one that cannot be read is counted in a note.
    pub(super) async fn of_file(config: &Config, path: &Path, output: &Output) -> Result<Self> {
        let bytes = data::bytes(path).await?;
        let chatbot = Chatbot::open(of_a_process(&config.engine)).await?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let new = NewDocument { source: name.clone(), ..NewDocument::default() };
        let added = chatbot.add_document(&Context::local(), new, once(bytes)).await?;
        let mut names = Names::new();
        if is_ready(&chatbot, added.id).await? {
            names.insert(added.id, vec![name]);
        } else {
            output.note(&format!("{name} has no text or cannot be read."));
        }
        learn(&chatbot, &names, output).await?;
        Ok(Self { chatbot, names })
    }

    async fn fill(chatbot: Chatbot, texts: Vec<Text>, output: &Output) -> Result<Self> {
        let names = take_in_all(&chatbot, texts, output).await?;
        learn(&chatbot, &names, output).await?;
        Ok(Self { chatbot, names })
    }
}

/// The configuration without what is about a host's own documents: where they are kept, and that embedding them waits.
fn of_a_process(config: &EngineConfig) -> EngineConfig {
    let mut config = config.clone();
    config.data_dir = None;
    config.embedding.paused = false;
    config
}

/// Takes every document in and waits until each is found by its words.
async fn take_in_all(chatbot: &Chatbot, texts: Vec<Text>, output: &Output) -> Result<Names> {
    let (n_texts, mut n_done, mut n_failed) = (texts.len(), 0_usize, 0_usize);
    let mut names = Names::new();
    let mut outcomes =
        stream::iter(texts).map(|text| take_in(chatbot, text)).buffer_unordered(N_CONCURRENT);
    while let Some(outcome) = outcomes.next().await {
        let (name, document) = outcome?;
        n_done += 1;
        match document {
            Some(id) => names.entry(id).or_default().push(name),
            None => n_failed += 1,
        }
        if n_done.is_multiple_of(REPORT_EVERY) {
            output.progress(&format!("{n_done} of {n_texts} documents"));
        }
    }
    output.clear_progress();
    if n_failed > 0 {
        output.note(&format!("{n_failed} of {n_texts} documents have no text or cannot be read."));
    }
    Ok(names)
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
    let is_ready = is_ready(chatbot, added.id).await?;
    Ok((text.id, is_ready.then_some(added.id)))
}

/// Waits until a document is found by its words; false where it cannot be read.
async fn is_ready(chatbot: &Chatbot, id: DocumentId) -> Result<bool> {
    let states = chatbot.watch_document(&Context::local(), id).await?;
    Ok(states.any(async |document| document.status == DocumentStatus::Ready).await)
}

/// Waits until searches use the vectors of every document, as far as it has some.
async fn learn(chatbot: &Chatbot, names: &Names, output: &Output) -> Result<()> {
    let (ctx, n_documents, mut n_refused) = (Context::local(), names.len(), 0_usize);
    for (n_done, id) in names.keys().enumerate() {
        // It ends once nothing more happens to the document.
        let states = chatbot.watch_document(&ctx, *id).await?;
        let share = states.fold(0.0, async |_, document| document.coverage.dense).await;
        n_refused += usize::from(share < 1.0);
        if n_done.is_multiple_of(REPORT_EVERY) {
            output.progress(&format!("{n_done} of {n_documents} documents are found by meaning"));
        }
    }
    output.clear_progress();
    if n_refused > 0 {
        output.note(&format!("{n_refused} of {n_documents} documents could not be embedded."));
    }
    // Stored is not searchable yet: the index follows the store.
    chatbot.vectors_applied(&ctx).await
}

#[cfg(test)]
mod tests {
    use chatbot_core::config::{ChunkingConfig, EmbeddingConfig};
    use chatbot_core::testing::ScriptedEmbedder;
    use chatbot_core::types::{ChunkId, SearchRequest, Strategy};

    use super::*;

    /// An engine that embeds in large batches: what is taken in is found by its words long before it is found by meaning.
    async fn late() -> Chatbot {
        let config = EngineConfig {
            chunking: ChunkingConfig { max_tokens: 32, overlap_tokens: 0 },
            embedding: EmbeddingConfig { batch_size: 1024, ..EmbeddingConfig::default() },
            ..EngineConfig::default()
        };
        let built = Chatbot::builder().config(config).custom_embedder(ScriptedEmbedder::default());
        built.build().await.unwrap()
    }

    async fn found(corpus: &Corpus) -> Vec<ChunkId> {
        // A search by meaning finds whatever the index has, however far it is from the question.
        let request = SearchRequest {
            strategy: Strategy::Dense,
            top_k: SearchRequest::MAX_TOP_K,
            ..SearchRequest::new("pump")
        };
        let hits = corpus.chatbot.search(&Context::local(), request).await.unwrap().hits;
        hits.iter().map(|hit| hit.chunk_id).collect()
    }

    #[tokio::test]
    async fn the_first_question_finds_every_passage_by_meaning() {
        let sentence = |n: usize| {
            format!("Pump {n} is oiled every {n} hours, and whoever oils it writes that down.\n\n")
        };
        let text = |n: usize| Text {
            id: format!("d{n}"),
            title: format!("Pumps {n}"),
            text: (n * 200..n * 200 + 200).map(sentence).collect(),
        };
        let texts = (0..3).map(text).collect();
        let corpus = Corpus::fill(late().await, texts, &Output::new(true)).await.unwrap();
        let first = found(&corpus).await;
        assert!(!first.is_empty(), "nothing was in the index yet");
        corpus.chatbot.vectors_applied(&Context::local()).await.unwrap();
        assert_eq!(first, found(&corpus).await, "something was not in the index yet");
        corpus.chatbot.close().await.unwrap();
    }

    #[test]
    fn a_pause_of_the_embedding_and_a_data_directory_are_the_hosts_own() {
        let mut config = EngineConfig { data_dir: Some("data".into()), ..EngineConfig::default() };
        config.embedding.paused = true;
        let config = of_a_process(&config);
        assert_eq!((config.data_dir, config.embedding.paused), (None, false));
    }
}
