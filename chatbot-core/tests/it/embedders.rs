//! Embedders: the suite that all of them pass, and what is peculiar to each.

use chatbot_core::testing::ScriptedEmbedder;
use chatbot_core::testing::conformance::embedder;
use chatbot_core::traits::{EmbedKind, EmbedRequest, Embedder as _};
use chatbot_core::{Context, ErrorKind};

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
