//! Embedders: the suite that all of them pass, and what is peculiar to each.

use std::sync::Arc;
#[cfg(feature = "builtin-embedder")]
use std::time::Duration;

#[cfg(feature = "builtin-embedder")]
use chatbot_core::embedders::{BertEmbedder, BuiltinEmbedder};
use chatbot_core::layers::QueryCache;
use chatbot_core::testing::ScriptedEmbedder;
use chatbot_core::testing::conformance::embedder;
use chatbot_core::traits::{EmbedKind, EmbedRequest, Embedder as _};
#[cfg(feature = "builtin-embedder")]
use chatbot_core::types::{Language, SearchRequest};
use chatbot_core::{Chatbot, Context, ErrorKind};

#[cfg(feature = "builtin-embedder")]
const HOUR: Duration = Duration::from_secs(3600);

fn request(kind: EmbedKind, texts: &[&str]) -> EmbedRequest {
    EmbedRequest { kind, texts: texts.iter().map(|text| (*text).to_owned()).collect() }
}

#[tokio::test]
async fn the_scripted_embedder_keeps_the_contract() {
    embedder::run(&ScriptedEmbedder::default()).await;
}

#[tokio::test]
async fn the_scripted_embedder_counts_and_fails_as_told() {
    let embedder = ScriptedEmbedder::default();
    let ctx = Context::local();
    embedder.embed(&ctx, request(EmbedKind::Query, &["one"])).await.unwrap();
    embedder.embed(&ctx, request(EmbedKind::Document, &["one", "two"])).await.unwrap();
    embedder.fail_with(Some(ErrorKind::Unavailable));
    let failed = embedder.embed(&ctx, request(EmbedKind::Query, &["one"])).await;
    assert_eq!(failed.map_err(|error| error.kind()), Err(ErrorKind::Unavailable));
    assert_eq!(embedder.n_calls(), 3);
    assert_eq!(embedder.n_texts(EmbedKind::Query), 1);
    assert_eq!(embedder.n_texts(EmbedKind::Document), 2);
    embedder.fail_with(None);
    assert!(embedder.embed(&ctx, request(EmbedKind::Query, &["one"])).await.is_ok());
}

#[tokio::test]
async fn a_cache_keeps_the_contract_and_asks_once_for_a_question() {
    embedder::run(&QueryCache::new(Arc::new(ScriptedEmbedder::default()))).await;
    let inner = ScriptedEmbedder::default();
    let cache = QueryCache::new(Arc::new(inner.clone()));
    let ctx = Context::local();
    let plain = inner.embed(&ctx, request(EmbedKind::Document, &["two", "one"])).await.unwrap();
    cache.embed(&ctx, request(EmbedKind::Query, &["one"])).await.unwrap();
    let mixed = cache.embed(&ctx, request(EmbedKind::Query, &["two", "one"])).await.unwrap();
    assert_eq!(mixed, plain, "the order of the texts, known or not");
    cache.embed(&ctx, request(EmbedKind::Query, &["two", "one"])).await.unwrap();
    assert_eq!(inner.n_texts(EmbedKind::Query), 2);
    for _ in 0..2 {
        cache.embed(&ctx, request(EmbedKind::Document, &["one"])).await.unwrap();
    }
    assert_eq!(inner.n_texts(EmbedKind::Document), 4, "passages go through");
}

#[tokio::test]
async fn a_cache_forgets_the_question_asked_for_longest_ago() {
    let inner = ScriptedEmbedder::default();
    let cache = QueryCache::new(Arc::new(inner.clone()));
    let ctx = Context::local();
    for i in 0..512 {
        cache.embed(&ctx, request(EmbedKind::Query, &[&i.to_string()])).await.unwrap();
    }
    cache.embed(&ctx, request(EmbedKind::Query, &["0", "512"])).await.unwrap();
    assert_eq!(inner.n_texts(EmbedKind::Query), 513);
    cache.embed(&ctx, request(EmbedKind::Query, &["0"])).await.unwrap();
    assert_eq!(inner.n_texts(EmbedKind::Query), 513, "just asked for");
    cache.embed(&ctx, request(EmbedKind::Query, &["1"])).await.unwrap();
    assert_eq!(inner.n_texts(EmbedKind::Query), 514, "asked for longest ago");
}

#[tokio::test]
async fn an_engine_refuses_an_embedder_that_nobody_knows() {
    let refused = Chatbot::builder().embedder("nonsense").build().await;
    assert_eq!(refused.err().map(|error| error.kind()), Some(ErrorKind::ConfigInvalid));
    let chatbot = Chatbot::builder().embedder("none").build().await.unwrap();
    chatbot.close().await.unwrap();
    let custom = ScriptedEmbedder::default();
    let chatbot = Chatbot::builder().custom_embedder(custom).build().await.unwrap();
    chatbot.close().await.unwrap();
}

#[cfg(feature = "builtin-embedder")]
#[tokio::test]
async fn the_built_in_embedder_keeps_the_contract() {
    embedder::run(&BuiltinEmbedder::new(HOUR)).await;
}

/// What sentence-transformers makes of these texts with the numbers that the data hold.
#[cfg(feature = "builtin-embedder")]
#[tokio::test]
async fn the_built_in_embedder_computes_what_sentence_transformers_does() {
    // Where matrices of codes are multiplied as integers, the other side is rounded to 16 bits.
    let (golden, tolerance) = (include_str!("embedders/builtin.json"), 2e-4);
    assert_golden(&BuiltinEmbedder::new(HOUR), golden, tolerance).await;
}

#[cfg(feature = "builtin-embedder")]
#[test]
fn the_built_in_embedder_says_what_it_is_before_it_reads_anything() {
    let embedder = BuiltinEmbedder::new(HOUR);
    let info = embedder.info();
    assert_eq!((info.name.as_str(), info.dimensions), ("builtin", 384));
    assert_eq!(info.languages.as_deref(), Some(&[Language::from_static("eng")][..]));
    let hash = chatbot_model_encoder::SHA256;
    assert!(hash.len() == 64 && info.fingerprint.contains(hash), "{}", info.fingerprint);
}

#[cfg(feature = "builtin-embedder")]
#[tokio::test]
async fn it_is_the_default_and_finds_what_shares_no_word_with_the_question() {
    let (chatbot, ctx) = (Chatbot::builder().build().await.unwrap(), Context::local());
    let texts = [
        "The physician prescribed tablets against the headache.",
        "The ferry leaves the harbour at nine in the morning.",
        "Rents in the old town rose by a tenth last year.",
    ];
    let folder = tempfile::tempdir().unwrap();
    for (n, text) in texts.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{n}.txt")), text).unwrap();
    }
    chatbot.ingest(folder.path()).await.unwrap();
    let question = SearchRequest::new("Which medicine did a doctor give her?");
    let found = chatbot.search(&ctx, question).await.unwrap();
    let first = found.hits.first().map(|hit| hit.text.as_str());
    assert_eq!(first, Some(texts[0]));
    chatbot.close().await.unwrap();
}

#[cfg(feature = "builtin-embedder")]
async fn assert_golden(
    embedder: &dyn chatbot_core::traits::Embedder,
    golden: &str,
    tolerance: f64,
) {
    let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
    let golden = golden.as_array().unwrap();
    let texts: Vec<&str> = golden.iter().map(|entry| entry["text"].as_str().unwrap()).collect();
    let vectors = embedder.embed(&Context::local(), request(EmbedKind::Document, &texts)).await;
    for (vector, entry) in vectors.unwrap().iter().zip(golden) {
        for (value, expected) in vector.iter().zip(entry["start"].as_array().unwrap()) {
            assert!((f64::from(*value) - expected.as_f64().unwrap()).abs() < tolerance, "{entry}");
        }
    }
}

/// What sentence-transformers makes of these texts with all-MiniLM-L6-v2: the first components of each vector.
#[cfg(feature = "builtin-embedder")]
#[tokio::test]
async fn a_model_in_a_folder_computes_what_sentence_transformers_does() {
    let Ok(folder) = std::env::var("CHATBOT_MINILM") else {
        println!("skipped: CHATBOT_MINILM names no folder with the weights of all-MiniLM-L6-v2");
        return;
    };
    let embedder = BertEmbedder::open(folder, HOUR).unwrap();
    assert_golden(&embedder, include_str!("embedders/minilm.json"), 1e-5).await;
    embedder::run(&embedder).await;
}

#[cfg(feature = "builtin-embedder")]
#[test]
fn a_folder_without_a_model_is_refused_by_the_name_of_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let error = BertEmbedder::open(folder.path(), HOUR).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("config.json"), "{error}");
}
