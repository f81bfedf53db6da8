//! Embedding in the background: documents answer by their words first, and by meaning soon after.

use std::path::Path;

use async_trait::async_trait;
use chatbot_core::config::{ChunkingConfig, EmbeddingConfig, EngineConfig};
use chatbot_core::testing::ScriptedEmbedder;
use chatbot_core::traits::{EmbedKind, EmbedRequest, Embedder, EmbedderInfo, Embeddings, once};
use chatbot_core::types::{
    Document, DocumentId, DocumentStatus, MessageState, SearchRequest, Stage,
};
use chatbot_core::{
    Chatbot, Context, Error, ErrorKind, IngestOptions, NewDocument, Result, WaitFor,
};
use futures_util::StreamExt as _;

use crate::support::{add, settled};

/// A passage for each pump.
fn pump(n: usize) -> String {
    let pump = |i| {
        format!(
            "# Pump {i}\n\nPump {i} is oiled every {i} hours, and whoever oils it writes the day and \
             the amount of oil into the book that lies beside it.\n\n"
        )
    };
    (0..n).map(pump).collect()
}

fn config(batch_size: u32, paused: bool, dir: Option<&Path>) -> EngineConfig {
    EngineConfig {
        data_dir: dir.map(Into::into),
        chunking: ChunkingConfig { max_tokens: 32, overlap_tokens: 0 },
        embedding: EmbeddingConfig { paused, batch_size, ..EmbeddingConfig::default() },
        ..EngineConfig::default()
    }
}

async fn open(embedder: &ScriptedEmbedder, config: EngineConfig) -> Chatbot {
    Chatbot::builder().config(config).custom_embedder(embedder.clone()).build().await.unwrap()
}

async fn add_pumps(chatbot: &Chatbot, title: &str, n: usize) -> Document {
    let new = NewDocument {
        title: Some(title.to_owned()),
        source: "pumps.md".to_owned(),
        ..NewDocument::default()
    };
    chatbot.add_document(&Context::local(), new, once(pump(n))).await.unwrap()
}

/// The document once it answers, however far its vectors are.
async fn searchable(chatbot: &Chatbot, id: DocumentId) -> Document {
    let mut states = chatbot.watch_document(&Context::local(), id).await.unwrap();
    while let Some(document) = states.next().await {
        if document.status == DocumentStatus::Ready {
            return document;
        }
    }
    panic!("it never answered");
}

#[tokio::test]
async fn coverage_grows_to_one_and_the_watch_ends_then() {
    let embedder = ScriptedEmbedder::default();
    let chatbot = open(&embedder, config(2, true, None)).await;
    let document = add_pumps(&chatbot, "pumps", 7).await;
    let ready = searchable(&chatbot, document.id).await;
    assert_eq!((ready.stage, ready.coverage.dense), (Some(Stage::Embedding), 0.0));
    assert_eq!(embedder.n_texts(EmbedKind::Document), 0, "it is paused");
    let progress = chatbot.embedding_progress().await.unwrap();
    assert_eq!((progress.n_done, progress.paused), (0, true));
    assert_eq!((progress.n_total, progress.seconds_left), (u64::from(ready.chunk_count), None));

    let states = chatbot.watch_document(&Context::local(), document.id).await.unwrap();
    chatbot.resume_embedding();
    let shares: Vec<f32> = states.map(|state| state.coverage.dense).collect().await;
    assert!(shares.is_sorted() && shares.last() == Some(&1.0), "{shares:?}");
    let done = chatbot.document(&Context::local(), document.id).await.unwrap();
    assert_eq!((done.stage, done.error), (None, None));
    assert_eq!(embedder.n_texts(EmbedKind::Document), done.chunk_count as usize);
    let progress = chatbot.embedding_progress().await.unwrap();
    assert_eq!((progress.n_done, progress.seconds_left), (progress.n_total, Some(0.0)));
    assert!(progress.per_second > 0.0);
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn what_was_embedded_is_not_embedded_again_after_a_restart() {
    let (folder, embedder) = (tempfile::tempdir().unwrap(), ScriptedEmbedder::default());
    let chatbot = open(&embedder, config(1, true, Some(folder.path()))).await;
    let document = add_pumps(&chatbot, "pumps", 6).await;
    let n_chunks = searchable(&chatbot, document.id).await.chunk_count as usize;
    assert!(n_chunks > 3, "enough for several batches");
    let mut states = chatbot.watch_document(&Context::local(), document.id).await.unwrap();
    chatbot.resume_embedding();
    while states.next().await.unwrap().coverage.dense == 0.0 {}
    chatbot.pause_embedding();
    chatbot.close().await.unwrap();
    drop((states, chatbot));

    let chatbot = open(&embedder, config(1, false, Some(folder.path()))).await;
    let done = settled(&chatbot, document.id).await;
    assert_eq!(done.coverage.dense, 1.0);
    // A batch that was stored is never asked for again; the one that was interrupted may be.
    let n_texts = embedder.n_texts(EmbedKind::Document);
    assert!((n_chunks..=n_chunks + 1).contains(&n_texts), "{n_texts} for {n_chunks}");
    chatbot.close().await.unwrap();
    drop(chatbot);

    let other = ScriptedEmbedder::with_fingerprint("another");
    let chatbot = open(&other, config(32, false, Some(folder.path()))).await;
    assert_eq!(settled(&chatbot, document.id).await.coverage.dense, 1.0);
    assert_eq!(other.n_texts(EmbedKind::Document), n_chunks, "another space begins anew");
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn the_same_passage_in_two_documents_is_embedded_once() {
    let embedder = ScriptedEmbedder::default();
    let chatbot = open(&embedder, config(32, false, None)).await;
    let first = add_pumps(&chatbot, "pumps", 4).await;
    let n_chunks = settled(&chatbot, first.id).await.chunk_count as usize;
    let new = NewDocument {
        title: Some("pumps".to_owned()),
        source: "pumps.md".to_owned(),
        ..NewDocument::default()
    };
    let more = format!("{}# Pump\n\nThe last pump is new.\n", pump(4));
    let second = chatbot.add_document(&Context::local(), new, once(more)).await.unwrap();
    let second = settled(&chatbot, second.id).await;
    assert_ne!(first.id, second.id);
    assert_eq!(second.coverage.dense, 1.0);
    let n_both = n_chunks + second.chunk_count as usize;
    assert!(embedder.n_texts(EmbedKind::Document) < n_both);
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn a_document_answers_while_the_embedder_is_down_and_is_embedded_later() {
    let embedder = ScriptedEmbedder::default();
    embedder.fail_with(Some(ErrorKind::Unavailable));
    let chatbot = open(&embedder, config(32, false, None)).await;
    let document = add_pumps(&chatbot, "pumps", 4).await;
    let ready = searchable(&chatbot, document.id).await;
    assert_eq!(ready.coverage.dense, 0.0);
    while embedder.n_calls() == 0 {
        tokio::task::yield_now().await;
    }
    let hits = chatbot.search(&Context::local(), SearchRequest::new("pump hours")).await.unwrap();
    assert!(!hits.hits.is_empty());
    let answer = chatbot.ask("How often is pump 3 oiled?").await.unwrap();
    assert_eq!(answer.state, MessageState::Complete);
    embedder.fail_with(None);
    let done = settled(&chatbot, document.id).await;
    assert_eq!((done.coverage.dense, done.error), (1.0, None));
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn an_embedder_that_refuses_for_good_costs_the_vectors_and_not_the_answers() {
    let embedder = ScriptedEmbedder::default();
    embedder.fail_with(Some(ErrorKind::ConfigInvalid));
    let chatbot = open(&embedder, config(32, false, None)).await;
    let document = add_pumps(&chatbot, "pumps", 4).await;
    let done = settled(&chatbot, document.id).await;
    assert_eq!((done.status, done.stage), (DocumentStatus::Ready, None));
    assert_eq!(done.coverage.dense, 0.0);
    assert_eq!(done.error.map(|error| error.code), Some(ErrorKind::ConfigInvalid));
    let health = chatbot.health().await;
    let part = health.iter().find(|part| part.name == "embedder").unwrap();
    assert!(part.error.is_some() && !part.is_needed && part.progress.is_some());
    let hits = chatbot.search(&Context::local(), SearchRequest::new("pump hours")).await.unwrap();
    assert!(!hits.hits.is_empty());
    chatbot.close().await.unwrap();
}

/// Refuses a text with the word "poison", and all that come with it.
#[derive(Debug)]
struct Squeamish(ScriptedEmbedder);

#[async_trait]
impl Embedder for Squeamish {
    fn info(&self) -> &EmbedderInfo {
        self.0.info()
    }

    async fn embed(&self, ctx: &Context, request: EmbedRequest) -> Result<Embeddings> {
        if request.texts.iter().any(|text| text.contains("poison")) {
            return Err(Error::invalid("It does not read this."));
        }
        self.0.embed(ctx, request).await
    }
}

#[tokio::test]
async fn many_small_documents_share_a_batch_and_one_that_is_refused_costs_no_other() {
    let embedder = ScriptedEmbedder::default();
    let built = Chatbot::builder().config(config(32, true, None));
    let chatbot = built.custom_embedder(Squeamish(embedder.clone())).build().await.unwrap();
    let mut notes = Vec::new();
    for n in 0..8 {
        notes.push(add_pumps(&chatbot, &format!("note {n}"), 1).await);
        searchable(&chatbot, notes[n].id).await;
    }
    chatbot.resume_embedding();
    for note in notes {
        assert_eq!(settled(&chatbot, note.id).await.coverage.dense, 1.0);
    }
    assert_eq!(embedder.n_calls(), 1, "eight notes are one batch");

    chatbot.pause_embedding();
    let new = |title: &str| NewDocument { title: Some(title.to_owned()), ..NewDocument::default() };
    let ctx = Context::local();
    let bad = chatbot.add_text(&ctx, new("bad"), "A note about poison in the well.").await.unwrap();
    let good = chatbot.add_text(&ctx, new("good"), "A note about water in it.").await.unwrap();
    searchable(&chatbot, bad.id).await;
    searchable(&chatbot, good.id).await;
    chatbot.resume_embedding();
    let (bad, good) = (settled(&chatbot, bad.id).await, settled(&chatbot, good.id).await);
    assert_eq!(bad.error.map(|error| error.code), Some(ErrorKind::InvalidInput));
    assert_eq!((good.coverage.dense, good.error), (1.0, None));
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn deleting_and_cancelling_end_the_embedding_of_a_document() {
    let embedder = ScriptedEmbedder::default();
    let (chatbot, ctx) = (open(&embedder, config(1, true, None)).await, Context::local());
    let (gone, stopped) =
        (add_pumps(&chatbot, "gone", 3).await, add_pumps(&chatbot, "stopped", 3).await);
    searchable(&chatbot, gone.id).await;
    searchable(&chatbot, stopped.id).await;
    chatbot.delete_document(&ctx, gone.id).await.unwrap();
    let shown = chatbot.cancel_document(&ctx, stopped.id).await.unwrap();
    assert_eq!((shown.status, shown.stage), (DocumentStatus::Ready, None));
    chatbot.resume_embedding();
    let other = add(&chatbot, "manual", "The filter is changed in spring.").await;
    assert_eq!(settled(&chatbot, other.id).await.coverage.dense, 1.0);
    assert_eq!(embedder.n_texts(EmbedKind::Document), 1, "only what is wanted is embedded");
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn ingesting_waits_for_what_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pumps.md"), pump(5)).unwrap();
    let embedder = ScriptedEmbedder::default();
    let chatbot = open(&embedder, config(2, true, None)).await;
    let options = IngestOptions { wait: WaitFor::Searchable, ..IngestOptions::default() };
    let report = chatbot.ingest_with(&Context::local(), folder.path(), options).await.unwrap();
    assert_eq!(report.documents[0].coverage.dense, 0.0);
    chatbot.resume_embedding();
    let report = chatbot.ingest(folder.path()).await.unwrap();
    assert!(report.documents[0].duplicate);
    assert_eq!(report.documents[0].coverage.dense, 1.0);
    chatbot.close().await.unwrap();
}
