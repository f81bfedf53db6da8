//! Versions: what changed is embedded and nothing else, and the way back costs nothing.

use chatbot_core::config::{ChunkingConfig, DocumentsConfig, EngineConfig};
use chatbot_core::testing::ScriptedEmbedder;
use chatbot_core::traits::{EmbedKind, once};
use chatbot_core::types::{Document, DocumentId, SearchRequest, Strategy};
use chatbot_core::{Chatbot, Context, ErrorKind, NewDocument};

use crate::support::settled;

/// A passage for each pump; that of pump `changed` says something else.
fn manual(n: usize, changed: Option<usize>) -> String {
    let passage = |i| {
        let hours = if changed == Some(i) {
            "never, since it is sealed".to_owned()
        } else {
            format!("every {i} hours")
        };
        format!(
            "# Pump {i}\n\nPump {i} is oiled {hours}, and whoever looks after it writes the day and what was done \
             into the book that lies beside it.\n\n"
        )
    };
    (0..n).map(passage).collect()
}

async fn open(embedder: &ScriptedEmbedder, keep_versions: u32) -> Chatbot {
    let config = EngineConfig {
        chunking: ChunkingConfig { max_tokens: 48, overlap_tokens: 0 },
        documents: DocumentsConfig { keep_versions },
        ..EngineConfig::default()
    };
    Chatbot::builder().config(config).custom_embedder(embedder.clone()).build().await.unwrap()
}

async fn add(chatbot: &Chatbot, text: String) -> Document {
    let new = NewDocument {
        title: Some("Pumps".to_owned()),
        source: "pumps.md".to_owned(),
        ..NewDocument::default()
    };
    let document = chatbot.add_document(&Context::local(), new, once(text)).await.unwrap();
    settled(chatbot, document.id).await
}

async fn replace(chatbot: &Chatbot, id: DocumentId, text: String) -> Document {
    let new = NewDocument { source: "pumps.md".to_owned(), ..NewDocument::default() };
    chatbot.replace_document(&Context::local(), id, new, once(text)).await.unwrap();
    settled(chatbot, id).await
}

/// What the best passage says, once the index has caught up.
async fn best(chatbot: &Chatbot, query: &str, strategy: Strategy, version: u32) -> String {
    let request = SearchRequest { strategy, ..SearchRequest::new(query) };
    loop {
        let hits = chatbot.search(&Context::local(), request.clone()).await.unwrap().hits;
        assert!(hits.iter().all(|hit| hit.document_version == version), "only what answers");
        if let Some(hit) = hits.into_iter().next() {
            return hit.text;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_new_version_embeds_what_changed_and_going_back_embeds_nothing() {
    let (embedder, ctx) = (ScriptedEmbedder::default(), Context::local());
    let chatbot = open(&embedder, 2).await;
    let id = add(&chatbot, manual(50, None)).await.id;
    let n_passages = embedder.n_texts(EmbedKind::Document);
    assert!(n_passages >= 50);
    let second = replace(&chatbot, id, manual(50, Some(17))).await;
    assert_eq!((second.version, second.coverage.dense), (2, 1.0));
    assert_eq!(embedder.n_texts(EmbedKind::Document) - n_passages, 1, "one of fifty has changed");
    let versions = chatbot.versions(&ctx, id).await.unwrap();
    let changes = versions[0].changes.unwrap();
    assert_eq!((changes.since_version, changes.added, changes.removed), (1, 1, 1));
    assert_eq!(changes.kept, versions[0].chunk_count - 1);
    assert_eq!((versions[1].changes, versions[1].restorable), (None, true));
    let sealed = best(&chatbot, "pump sealed never", Strategy::Lexical, 2).await;
    assert!(sealed.contains("sealed"));

    // Also after the sweep, which takes away what no version needs.
    chatbot.clear_up().await.unwrap();
    let restored = chatbot.restore_version(&ctx, id, 1).await.unwrap();
    assert_eq!((restored.version, restored.coverage.dense), (1, 1.0));
    assert_eq!(settled(&chatbot, id).await, restored, "nothing is left to do");
    assert_eq!(embedder.n_texts(EmbedKind::Document), n_passages + 1);
    let passage = best(&chatbot, "pump 17 oiled", Strategy::Lexical, 1).await;
    assert!(passage.contains("every 17 hours"), "{passage}");
    for strategy in [Strategy::Dense, Strategy::Auto] {
        best(&chatbot, "Pump 17 is oiled every 17 hours", strategy, 1).await;
    }
    let again = chatbot.restore_version(&ctx, id, 2).await.unwrap();
    assert_eq!((again.version, again.coverage.dense), (2, 1.0), "and forth again");
    assert_eq!(embedder.n_texts(EmbedKind::Document), n_passages + 1);
    let original = chatbot.original(&ctx, id).await.unwrap();
    assert_eq!(original.bytes, manual(50, Some(17)), "the original goes with its version");
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn the_last_few_versions_can_be_restored_and_of_the_others_the_text_stays() {
    let (embedder, ctx) = (ScriptedEmbedder::default(), Context::local());
    let chatbot = open(&embedder, 1).await;
    let id = add(&chatbot, manual(3, None)).await.id;
    for changed in [0, 1] {
        replace(&chatbot, id, manual(3, Some(changed))).await;
    }
    chatbot.clear_up().await.unwrap();
    let versions = chatbot.versions(&ctx, id).await.unwrap();
    let shown: Vec<_> = versions.iter().map(|v| (v.version, v.live, v.restorable)).collect();
    assert_eq!(shown, [(3, true, false), (2, false, true), (1, false, false)]);
    let kind = |result: chatbot_core::Result<Document>| result.unwrap_err().kind();
    assert_eq!(kind(chatbot.restore_version(&ctx, id, 1).await), ErrorKind::Conflict);
    assert_eq!(kind(chatbot.restore_version(&ctx, id, 9).await), ErrorKind::NotFound);
    let text = chatbot.text(&ctx, id, Some(1), None).await.unwrap();
    assert!(text.contains("Pump 0 is oiled every 0 hours"), "it is quoted by answers");
    // The version that was replaced last is the one that is kept, however old it is.
    chatbot.restore_version(&ctx, id, 2).await.unwrap();
    chatbot.clear_up().await.unwrap();
    chatbot.restore_version(&ctx, id, 3).await.unwrap();
    chatbot.close().await.unwrap();
}
