//! What every [`Embedder`] must do.

use std::time::Duration;

use crate::context::Context;
use crate::error::{ErrorKind, Result};
use crate::traits::{EmbedKind, EmbedRequest, Embedder};

/// How much two runs over the same text may differ in a component: batches may be added up in another order.
const TOLERANCE: f32 = 1e-5;

/// Runs the whole suite.
///
/// # Panics
/// Where the embedder breaks the contract.
pub async fn run(embedder: &dyn Embedder) {
    let info = embedder.info();
    assert!(!info.name.is_empty() && !info.fingerprint.is_empty(), "it has a name and a space");
    assert!(info.dimensions > 0, "its vectors have components");
    for kind in [EmbedKind::Query, EmbedKind::Document] {
        vectors_have_the_promised_shape(embedder, kind).await;
        vectors_come_in_the_order_of_the_texts(embedder, kind).await;
        nothing_asked_is_nothing_answered(embedder, kind).await;
        a_call_that_is_over_is_refused(embedder, kind).await;
    }
}

async fn try_embed(
    embedder: &dyn Embedder,
    ctx: &Context,
    kind: EmbedKind,
    texts: &[&str],
) -> Result<Vec<Vec<f32>>> {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    let vectors = embedder.embed(ctx, EmbedRequest { kind, texts }).await?;
    Ok(vectors.iter().map(<[f32]>::to_vec).collect())
}

async fn embed(embedder: &dyn Embedder, kind: EmbedKind, texts: &[&str]) -> Vec<Vec<f32>> {
    let vectors = try_embed(embedder, &Context::local(), kind, texts).await;
    vectors.unwrap_or_else(|error| panic!("the embedder fails: {error:?}"))
}

async fn vectors_have_the_promised_shape(embedder: &dyn Embedder, kind: EmbedKind) {
    let long = "A long text about the tides of the sea. ".repeat(100);
    let unbroken = "x".repeat(5_000);
    let combining = format!("a{}", "\u{301}".repeat(2_000));
    let texts = [
        "Where is the Seine?",
        "",
        " \n\t",
        "日本語の文章",
        "\u{0}\u{fffd}",
        "🦀",
        &long,
        &unbroken,
        &combining,
    ];
    let vectors = embed(embedder, kind, &texts).await;
    assert_eq!(vectors.len(), texts.len(), "one vector for each text");
    for (vector, text) in vectors.iter().zip(texts) {
        let start: String = text.chars().take(20).collect();
        assert_eq!(vector.len(), embedder.info().dimensions, "components of {start:?}");
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        assert!((length - 1.0).abs() < 1e-3, "the vector of {start:?} is {length} long");
    }
}

async fn vectors_come_in_the_order_of_the_texts(embedder: &dyn Embedder, kind: EmbedKind) {
    let texts =
        ["The tide rises twice a day.", "Bread", "A ship left the harbour at noon and sank."];
    let together = embed(embedder, kind, &texts).await;
    for (text, vector) in texts.iter().zip(&together) {
        let alone = embed(embedder, kind, &[text]).await;
        assert!(
            alone.first().is_some_and(|alone| is_near(alone, vector)),
            "{text:?}: same vector alone"
        );
    }
    let distinct = together.windows(2).all(|pair| match pair {
        [a, b] => !is_near(a, b),
        _ => true,
    });
    assert!(distinct, "different texts have different vectors");
    let again = embed(embedder, kind, &texts).await;
    assert!(
        together.iter().zip(&again).all(|(a, b)| is_near(a, b)),
        "the same texts, the same vectors"
    );
}

fn is_near(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= TOLERANCE)
}

async fn nothing_asked_is_nothing_answered(embedder: &dyn Embedder, kind: EmbedKind) {
    assert!(embed(embedder, kind, &[]).await.is_empty(), "no text, no vector");
}

async fn a_call_that_is_over_is_refused(embedder: &dyn Embedder, kind: EmbedKind) {
    let cancelled = Context::local();
    cancelled.cancel();
    let outcome = try_embed(embedder, &cancelled, kind, &["a text"]).await;
    let kind_of_error = outcome.err().map(|error| error.kind());
    assert_eq!(kind_of_error, Some(ErrorKind::Cancelled), "nothing is done for who has left");
    let late = Context::local().with_timeout(Duration::ZERO);
    let outcome = try_embed(embedder, &late, kind, &["a text"]).await;
    let kind_of_error = outcome.err().map(|error| error.kind());
    assert_eq!(kind_of_error, Some(ErrorKind::Timeout), "nothing is begun too late");
}
