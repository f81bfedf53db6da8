//! Another embedder takes the place of one: the old answers until the new one has learned everything, and the way back is
//! open.

use std::path::Path;

use chatbot_core::config::{ChunkingConfig, EmbeddingConfig, EngineConfig};
use chatbot_core::testing::ScriptedEmbedder;
use chatbot_core::traits::{EmbedKind, once};
use chatbot_core::types::{SearchRequest, Strategy};
use chatbot_core::{Chatbot, Context, NewDocument};
use futures_util::StreamExt as _;

use crate::support::{add, settled};

const QUERIES: [&str; 4] = [
    "How often is pump 3 oiled?",
    "the book beside pump 11",
    "who writes the amount of oil",
    "oil hours day",
];
const STRATEGIES: [Strategy; 3] = [Strategy::Dense, Strategy::Hybrid, Strategy::Auto];

fn config(dir: &Path, paused: bool) -> EngineConfig {
    EngineConfig {
        data_dir: Some(dir.into()),
        chunking: ChunkingConfig { max_tokens: 32, overlap_tokens: 0 },
        embedding: EmbeddingConfig { paused, batch_size: 1, ..EmbeddingConfig::default() },
        ..EngineConfig::default()
    }
}

async fn open(embedder: &ScriptedEmbedder, config: EngineConfig) -> Chatbot {
    Chatbot::builder().config(config).custom_embedder(embedder.clone()).build().await.unwrap()
}

async fn moving(new: &ScriptedEmbedder, old: &ScriptedEmbedder, config: EngineConfig) -> Chatbot {
    let builder = Chatbot::builder().config(config).custom_embedder(new.clone());
    builder.custom_embedder_previous(old.clone()).build().await.unwrap()
}

async fn add_pumps(chatbot: &Chatbot) {
    for n in 0..4 {
        let pump = |i: usize| {
            format!(
                "# Pump {i}\n\nPump {i} is oiled every {i} hours, and whoever oils it writes the day and the \
                 amount of oil into the book that lies beside it.\n\n"
            )
        };
        let text: String = (4 * n..4 * n + 4).map(pump).collect();
        let new = NewDocument {
            title: Some(format!("pumps {n}")),
            source: "pumps.md".to_owned(),
            ..NewDocument::default()
        };
        let document = chatbot.add_document(&Context::local(), new, once(text)).await.unwrap();
        settled(chatbot, document.id).await;
    }
    chatbot.vectors_applied(&Context::local()).await.unwrap();
}

/// What is found, in its order and with its scores, which no two spaces have in common.
async fn rankings(chatbot: &Chatbot) -> Vec<Vec<(String, f32, Option<f32>)>> {
    let mut rankings = Vec::new();
    for (query, strategy) in QUERIES.iter().flat_map(|q| STRATEGIES.map(|s| (q, s))) {
        let request = SearchRequest { strategy, ..SearchRequest::new(*query) };
        let hits = chatbot.search(&Context::local(), request).await.unwrap().hits;
        assert!(!hits.is_empty(), "no question is left without an answer");
        rankings
            .push(hits.into_iter().map(|hit| (hit.text, hit.score, hit.scores.dense)).collect());
    }
    rankings
}

/// A store that one embedder filled, with its rankings, and those of a store that the other one filled.
struct Spaces {
    folder: tempfile::TempDir,
    old: ScriptedEmbedder,
    new: ScriptedEmbedder,
    by_old: Vec<Vec<(String, f32, Option<f32>)>>,
    by_new: Vec<Vec<(String, f32, Option<f32>)>>,
    n_passages: usize,
}

impl Spaces {
    async fn new() -> Self {
        let (folder, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let old = ScriptedEmbedder::with_fingerprint("old");
        let new = ScriptedEmbedder::with_fingerprint("new");
        let mut found = Vec::new();
        for (embedder, dir) in [(&old, folder.path()), (&new.clone(), fresh.path())] {
            let chatbot = open(embedder, config(dir, false)).await;
            add_pumps(&chatbot).await;
            found.push(rankings(&chatbot).await);
            chatbot.close().await.unwrap();
        }
        let (by_new, by_old) = (found.pop().unwrap(), found.pop().unwrap());
        assert_ne!(by_old, by_new);
        let n_passages = old.n_texts(EmbedKind::Document);
        let new = ScriptedEmbedder::with_fingerprint("new");
        Self { folder, old, new, by_old, by_new, n_passages }
    }
}

#[tokio::test]
async fn the_old_embedder_answers_until_the_new_one_has_learned_everything() {
    let spaces = Spaces::new().await;
    let chatbot = moving(&spaces.new, &spaces.old, config(spaces.folder.path(), true)).await;
    assert_eq!(rankings(&chatbot).await, spaces.by_old, "nothing is worse than before");
    chatbot.resume_embedding();
    loop {
        let now = rankings(&chatbot).await;
        if now == spaces.by_new {
            break;
        }
        // In the round in which the switch falls some searches are of the one and some of the other, none of both.
        let mut of_one = now.iter().zip(spaces.by_old.iter().zip(&spaces.by_new));
        assert!(of_one.all(|(now, (old, new))| now == old || now == new));
    }
    assert_eq!(spaces.new.n_texts(EmbedKind::Document), spaces.n_passages);
    assert_eq!(
        spaces.old.n_texts(EmbedKind::Document),
        spaces.n_passages,
        "nothing was embedded anew"
    );
    chatbot.close().await.unwrap();
    drop(chatbot);

    // Back again: what the old one learned is there.
    let chatbot = moving(&spaces.old, &spaces.new, config(spaces.folder.path(), false)).await;
    while rankings(&chatbot).await != spaces.by_old {}
    assert_eq!(
        spaces.old.n_texts(EmbedKind::Document),
        spaces.n_passages,
        "going back embeds nothing"
    );
    chatbot.close().await.unwrap();
    drop(chatbot);

    // Without the other one, and at once.
    let chatbot = open(&spaces.new, config(spaces.folder.path(), true)).await;
    assert_eq!(spaces.new.n_texts(EmbedKind::Document), spaces.n_passages);
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn a_move_that_is_interrupted_goes_on_where_it_was() {
    let spaces = Spaces::new().await;
    let mut n_restarts = 0;
    loop {
        let chatbot = moving(&spaces.new, &spaces.old, config(spaces.folder.path(), true)).await;
        // A copy that was broken off is behind the store until it has followed it.
        chatbot.changes_applied(&Context::local()).await.unwrap();
        let before = chatbot.embedding_progress().await.unwrap();
        if before.n_done == before.n_total {
            break;
        }
        assert_eq!(rankings(&chatbot).await, spaces.by_old);
        chatbot.resume_embedding();
        while chatbot.embedding_progress().await.unwrap().n_done == before.n_done {
            tokio::task::yield_now().await;
        }
        chatbot.pause_embedding();
        // Dropped, not closed: what is under way breaks off.
        drop(chatbot);
        n_restarts += 1;
    }
    assert!(n_restarts > 2, "{n_restarts}");
    let chatbot = moving(&spaces.new, &spaces.old, config(spaces.folder.path(), false)).await;
    while rankings(&chatbot).await != spaces.by_new {}
    let n_texts = spaces.new.n_texts(EmbedKind::Document);
    let most = spaces.n_passages + n_restarts;
    assert!((spaces.n_passages..=most).contains(&n_texts), "{n_texts} for {}", spaces.n_passages);
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn what_is_added_during_a_move_is_found_by_its_words_and_then_by_meaning() {
    let spaces = Spaces::new().await;
    let chatbot = moving(&spaces.new, &spaces.old, config(spaces.folder.path(), true)).await;
    let ctx = Context::local();
    let new = NewDocument { title: Some("turbine".to_owned()), ..NewDocument::default() };
    let added = chatbot.add_text(&ctx, new, "The turbine is inspected in May.").await.unwrap();
    let mut states = chatbot.watch_document(&ctx, added.id).await.unwrap();
    while states.next().await.unwrap().coverage.lexical == 0.0 {}
    let request = SearchRequest::new("When is the turbine inspected?");
    let hits = chatbot.search(&ctx, request.clone()).await.unwrap().hits;
    assert_eq!(hits[0].document_id, added.id);
    chatbot.resume_embedding();
    while states.next().await.is_some() {}
    let dense = SearchRequest { strategy: Strategy::Dense, ..request };
    while chatbot.search(&ctx, dense.clone()).await.unwrap().hits[0].document_id != added.id {}
    let other = add(&chatbot, "manual", "The filter is changed in spring.").await;
    assert_eq!(other.coverage.dense, 1.0);
    chatbot.close().await.unwrap();
}
