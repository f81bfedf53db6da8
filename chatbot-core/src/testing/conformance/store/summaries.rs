//! Summaries: of one branch, and never of what is gone.

use std::sync::Arc;

use super::bench::{Bench, Fresh, kind, principal};
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::traits::{BegunTurn, KeepSummary};
use crate::types::{DocumentId, MessageId, Summary};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn summaries(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    the_newest_of_the_path_is_read(make).await;
    a_deleted_document_takes_its_summaries_along(make).await;
    nobody_reads_anothers(make).await;
}

fn keep(covers: MessageId, text: &str, documents: &[DocumentId]) -> KeepSummary {
    let summary = Summary { covers, text: text.to_owned() };
    KeepSummary { summary, extends: None, documents: documents.iter().copied().collect() }
}

async fn read(bench: &Bench, ctx: &Context, turn: &BegunTurn) -> Option<String> {
    let path = vec![turn.user_message.id, turn.assistant_message.id];
    let found = bench.store.summary(ctx, turn.session.id, path).await.unwrap();
    found.map(|summary| summary.text)
}

async fn the_newest_of_the_path_is_read(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let ada = principal("ada");
    let turn = bench.begin(&ada, "One?").await;
    bench.answer(&ada, &turn, "One.").await;
    let (session, asked, said) = (turn.session.id, turn.user_message.id, turn.assistant_message.id);
    assert_eq!(read(&bench, &ada, &turn).await, None);
    for (covers, text) in [(said, "both"), (asked, "the question"), (said, "both again")] {
        let kept = bench.store.keep_summary(&ada, session, keep(covers, text, &[])).await;
        assert!(kept.unwrap());
    }
    assert_eq!(read(&bench, &ada, &turn).await.as_deref(), Some("both again"));
    let path = vec![asked];
    let of_question = bench.store.summary(&ada, session, path).await.unwrap();
    assert_eq!(of_question, Some(keep(asked, "the question", &[]).summary));
    bench.store.delete_session(&ada, session).await.unwrap();
    assert_eq!(kind(bench.store.summary(&ada, session, vec![asked]).await), ErrorKind::NotFound);
}

async fn a_deleted_document_takes_its_summaries_along(
    make: &impl AsyncFn(Arc<FixedClock>) -> Fresh,
) {
    let bench = Bench::new(make).await;
    let ada = principal("ada");
    let doomed = bench.add(&ada, "Doomed", "The crane is red.").await.document.id;
    let stays = bench.add(&ada, "Stays", "The pump is blue.").await.document.id;
    let turn = bench.begin(&ada, "Which is red?").await;
    bench.answer(&ada, &turn, "The crane.").await;
    let (session, asked, said) = (turn.session.id, turn.user_message.id, turn.assistant_message.id);
    let first = keep(asked, "A crane is red.", &[doomed]);
    assert!(bench.store.keep_summary(&ada, session, first).await.unwrap());
    let second = KeepSummary { extends: Some(asked), ..keep(said, "It is red.", &[stays]) };
    assert!(bench.store.keep_summary(&ada, session, second.clone()).await.unwrap());
    let read_set = bench.read_set(&ada).await;
    bench.store.delete_document(&ada, &read_set, doomed).await.unwrap();
    assert_eq!(read(&bench, &ada, &turn).await, None, "what goes on from it is gone, too");
    assert!(!bench.store.keep_summary(&ada, session, second).await.unwrap());
    let late = keep(said, "A crane is red.", &[doomed]);
    assert!(!bench.store.keep_summary(&ada, session, late).await.unwrap());
    let other = keep(said, "A pump is blue.", &[stays]);
    assert!(bench.store.keep_summary(&ada, session, other).await.unwrap());
    assert_eq!(read(&bench, &ada, &turn).await.as_deref(), Some("A pump is blue."));
}

async fn nobody_reads_anothers(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, bob) = (principal("ada"), principal("bob"));
    let turn = bench.begin(&ada, "One?").await;
    bench.answer(&ada, &turn, "One.").await;
    let (session, said) = (turn.session.id, turn.assistant_message.id);
    let refused = bench.store.keep_summary(&bob, session, keep(said, "mine", &[])).await;
    assert_eq!(kind(refused), ErrorKind::NotFound);
    assert_eq!(kind(bench.store.summary(&bob, session, vec![said]).await), ErrorKind::NotFound);
    let elsewhere = bench.begin(&ada, "Two?").await.session.id;
    let kept = bench.store.keep_summary(&ada, elsewhere, keep(said, "moved", &[])).await.unwrap();
    assert!(!kept, "a message of another session");
}
