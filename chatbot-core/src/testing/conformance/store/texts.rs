//! Text and chunks: byte for byte what was staged.

use std::sync::Arc;

use super::bench::{Bench, Fresh, first, kind, lost, principal, staged};
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::traits::PassageRequest;
use crate::types::{ChunkId, DocumentId, JobOutcome, PageRequest, PageStart, Span, VersionId};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn texts(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    any_text_comes_back_byte_for_byte(make).await;
    spans_are_exact_or_refused(make).await;
    passages_come_in_the_order_asked_for(make).await;
    slices_are_of_live_versions(make).await;
    chunks_are_paged(make).await;
    parts_come_in_order(make).await;
}

/// 120 kB in characters of one to four bytes, so that any fixed cut falls inside one somewhere.
fn long_text() -> String {
    let line = "a é € 😀 zero \0 end; ".repeat(6);
    (0..800).map(|n| format!("{n}: {line}\n")).collect()
}

async fn any_text_comes_back_byte_for_byte(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let text = long_text();
    for (name, part_bytes) in [("whole", usize::MAX), ("parts", 5_000), ("crumbs", 777)] {
        let id = bench.accept(&ada, name, &format!("{name}{text}")).await.document.id;
        let job = bench.lease().await;
        let mut at = 0;
        while at < text.len() {
            let end = text.floor_char_boundary(at.saturating_add(part_bytes));
            let part = text[at..end].to_owned();
            store.stage_text(&system, &job.lease, at, part).await.unwrap();
            at = end;
        }
        store.stage_chunks(&system, &job.lease, staged(&text)).await.unwrap();
        bench.publish(&job, &text).await;
        bench.finish(&job, JobOutcome::Ready).await;
        let set = bench.read_set(&ada).await;
        assert!(store.text(&ada, &set, id, None, None).await.unwrap() == text, "{name}");
        let chunks = staged(&text);
        let found = store.chunks_of(&system, job.version, 0, 10_000).await.unwrap();
        assert_eq!(found.len(), chunks.len());
        for (chunk, spec) in found.iter().zip(&chunks) {
            assert_eq!(chunk.span, spec.spec.span);
            assert_eq!(Some(chunk.text.as_str()), chunk.span.slice(&text));
        }
    }
}

async fn spans_are_exact_or_refused(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let text = long_text();
    let id = bench.add(&ada, "A", &text).await.document.id;
    let set = bench.read_set(&ada).await;
    let read = async |span: Span| store.text(&ada, &set, id, Some(1), Some(span)).await;
    for start in (0..text.len()).step_by(1_021) {
        let span = Span::new(
            text.floor_char_boundary(start),
            text.floor_char_boundary((start + 20_000).min(text.len())),
        );
        assert_eq!(Some(read(span).await.unwrap().as_str()), span.slice(&text));
    }
    assert_eq!(read(Span::new(5, 5)).await.unwrap(), "");
    let euro = text.find('€').unwrap();
    assert_eq!(kind(read(Span::new(euro + 1, euro + 3)).await), ErrorKind::InvalidInput);
    assert_eq!(kind(read(Span::new(0, euro + 1)).await), ErrorKind::InvalidInput);
    assert_eq!(kind(read(Span::new(0, text.len() + 1)).await), ErrorKind::InvalidInput);
    let other = store.text(&ada, &set, id, Some(7), None).await;
    assert_eq!(kind(other), ErrorKind::NotFound);
    let other = store.text(&ada, &set, DocumentId::new(), None, None).await;
    assert_eq!(kind(other), ErrorKind::NotFound);
}

async fn passages_come_in_the_order_asked_for(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let ada = principal("ada");
    let (one, two) =
        (bench.add(&ada, "One", "a\nb\nc\n").await, bench.add(&ada, "Two", "d\ne\n").await);
    let wanted = [two.chunks[1], one.chunks[2], ChunkId::new(), one.chunks[0]];
    assert_eq!(bench.hydrated(&ada, &wanted).await, ["e\n", "c\n", "a\n"]);
    let set = bench.read_set(&ada).await;
    let passages = bench.store.hydrate(&ada, &set, &wanted[..1]).await.unwrap();
    let chunk = &passages[0].chunk;
    assert_eq!((chunk.id, chunk.ordinal, chunk.span), (two.chunks[1], 1, Span::new(2, 4)));
    assert_eq!((chunk.document_id, chunk.document_version), (two.document.id, 1));
    assert_eq!((chunk.title.as_str(), chunk.heading.as_deref()), ("Two", Some("Heading")));
    assert_eq!((chunk.page_start, chunk.page_end), (Some(1), Some(2)));
    assert_eq!(chunk.page_starts, [PageStart { page: 2, byte: 3 }]);
    assert_eq!(chunk.language.as_ref().map(|language| language.as_str()), Some("eng"));
    assert_eq!(chunk.collection_id, two.document.collection_id);
    assert_eq!(chunk.version_id, Some(passages[0].version));
}

async fn slices_are_of_live_versions(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, bob, store) = (principal("ada"), principal("bob"), &bench.store);
    let one = bench.add(&ada, "One", "größer\n").await;
    let set = bench.read_set(&ada).await;
    let old = store.versions(&ada, &set, one.document.id).await.unwrap()[0].id.unwrap();
    let request = |version: VersionId, start, end| PassageRequest {
        document: one.document.id,
        version,
        span: Span::new(start, end),
    };
    let asked = [request(old, 4, 8), request(old, 0, 3), request(old, 0, 99), request(old, 2, 4)];
    let found = store.slices(&ada, &set, &asked).await.unwrap();
    // "größer" in bytes: g 0, r 1, ö 2–3, ß 4–5, e 6, r 7.
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found, [text("ßer"), None, None, text("ö")]);
    let bobs = bench.read_set(&bob).await;
    assert_eq!(store.slices(&bob, &bobs, &asked[..1]).await.unwrap(), [None]);
    bench.replace(&ada, one.document.id, "new\n").await;
    bench.work("new\n").await;
    assert_eq!(store.slices(&ada, &set, &asked[..1]).await.unwrap(), [None]);
}

async fn chunks_are_paged(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let text: String = (0..7).map(|n| format!("line {n}\n")).collect();
    let id = bench.add(&ada, "A", &text).await.document.id;
    let set = bench.read_set(&ada).await;
    let mut seen = String::new();
    let mut page = first(3);
    loop {
        let found = store.chunks(&ada, &set, id, None, &page).await.unwrap();
        seen.extend(found.items.iter().map(|chunk| chunk.text.as_str()));
        let Some(cursor) = found.next_cursor else { break };
        page = PageRequest::new(3, Some(cursor)).unwrap();
    }
    assert_eq!(seen, text);
}

async fn parts_come_in_order(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let id = bench.accept(&ada, "A", "abc").await.document.id;
    let job = bench.lease().await;
    let stage = async |offset, part: &str| {
        store.stage_text(&system, &job.lease, offset, part.to_owned()).await
    };
    stage(0, "wrong").await.unwrap();
    assert_eq!(kind(stage(9, "gap").await), ErrorKind::InvalidInput);
    stage(0, "ab").await.unwrap();
    stage(2, "c").await.unwrap();
    bench.publish(&job, "").await;
    let set = bench.read_set(&ada).await;
    assert_eq!(store.text(&ada, &set, id, None, None).await.unwrap(), "abc");
    bench.finish(&job, JobOutcome::Ready).await;
    assert!(lost(stage(3, "late").await));
}
