//! Sessions: one principal's own, listed, searched, removed.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, Fresh, TTL, first, key, kind, lost, principal, turn};
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::traits::TurnTarget;
use crate::types::{CollectionId, ListSessions, PageRequest, Session, SessionPatch};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn sessions(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    sessions_are_made_and_changed(make).await;
    titles_come_from_the_first_message(make).await;
    suggested_titles_give_way_to_given_ones(make).await;
    lists_have_pinned_ones_first(make).await;
    searching_finds_titles_and_messages(make).await;
    nobody_sees_anothers(make).await;
    a_removed_session_is_gone(make).await;
}

async fn sessions_are_made_and_changed(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let everything = SessionPatch {
        title: Some("Work".to_owned()),
        collection_ids: Some(vec![CollectionId::new()]),
        model: Some("scripted".to_owned()),
        pinned: Some(true),
        folder: Some("Projects".to_owned()),
    };
    let made = store.create_session(&ada, everything.clone(), Some(key("k", 1))).await.unwrap();
    let again = store.create_session(&ada, everything.clone(), Some(key("k", 1))).await.unwrap();
    assert_eq!(made, again);
    let refused = store.create_session(&ada, everything.clone(), Some(key("k", 2))).await;
    assert_eq!(kind(refused), ErrorKind::Conflict);
    assert_eq!((made.title.as_str(), made.pinned), ("Work", true));
    assert_eq!(made.collection_ids, everything.collection_ids);
    assert_eq!(
        (made.model.as_deref(), made.folder.as_deref()),
        (Some("scripted"), Some("Projects"))
    );

    let untouched = store.update_session(&ada, made.id, SessionPatch::default()).await.unwrap();
    assert_eq!(untouched, Session { updated_at: untouched.updated_at, ..made.clone() });
    let patch = SessionPatch {
        folder: Some(String::new()),
        pinned: Some(false),
        ..SessionPatch::default()
    };
    let changed = store.update_session(&ada, made.id, patch).await.unwrap();
    assert_eq!((changed.folder, changed.pinned, changed.title.as_str()), (None, false, "Work"));
}

async fn suggested_titles_give_way_to_given_ones(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, bob, store) = (principal("ada"), principal("bob"), &bench.store);
    let id = bench.begin(&ada, "How do I return a book?").await.session.id;
    let refused = store.suggest_title(&bob, id, "Bob's".to_owned()).await;
    assert_eq!(kind(refused), ErrorKind::NotFound);
    for title in ["Returning books", "Books"] {
        assert!(store.suggest_title(&ada, id, title.to_owned()).await.unwrap());
        assert_eq!(store.session(&ada, id).await.unwrap().title, title);
    }
    let given = SessionPatch { title: Some("Mine".to_owned()), ..SessionPatch::default() };
    store.update_session(&ada, id, given).await.unwrap();
    assert!(!store.suggest_title(&ada, id, "Books".to_owned()).await.unwrap());
    assert_eq!(store.session(&ada, id).await.unwrap().title, "Mine");
}

async fn titles_come_from_the_first_message(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let begun = bench.begin(&ada, "How do I return a book?\nThanks!").await;
    assert_eq!(begun.session.title, "How do I return a book?");
    bench.answer(&ada, &begun, "Bring it.").await;
    let session = begun.session.id;
    let reply = |content| turn(TurnTarget::Reply { session, parent: None }, content);
    let next = store.begin_turn(&ada, reply("And two books?")).await.unwrap();
    assert_eq!(next.session.title, "How do I return a book?", "later ones do not change it");

    let empty = store.create_session(&ada, SessionPatch::default(), None).await.unwrap();
    let reply = turn(TurnTarget::Reply { session: empty.id, parent: None }, &"long ".repeat(40));
    let begun = store.begin_turn(&ada, reply).await.unwrap();
    assert!(begun.session.title.chars().count() <= 60 && begun.session.title.starts_with("long"));
    let named = SessionPatch { title: Some("Named".to_owned()), ..SessionPatch::default() };
    let named = turn(TurnTarget::NewSession(named), "A question");
    assert_eq!(store.begin_turn(&ada, named).await.unwrap().session.title, "Named");
}

async fn lists_have_pinned_ones_first(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    for title in ["a", "b", "c", "d"] {
        let new = SessionPatch {
            title: Some(title.to_owned()),
            pinned: Some(title == "b"),
            ..SessionPatch::default()
        };
        store.create_session(&ada, new, None).await.unwrap();
        bench.clock.advance(Duration::from_secs(1));
    }
    let all = store.sessions(&ada, &ListSessions::default(), &first(9)).await.unwrap();
    assert_eq!(titles(&all.items), ["b", "d", "c", "a"]);
    let oldest = all.items[3].id;
    let reply = turn(TurnTarget::Reply { session: oldest, parent: None }, "hello");
    store.begin_turn(&ada, reply).await.unwrap();
    let mut seen = Vec::new();
    let mut page = first(1);
    loop {
        let found = store.sessions(&ada, &ListSessions::default(), &page).await.unwrap();
        seen.extend(found.items);
        let Some(cursor) = found.next_cursor else { break };
        page = PageRequest::new(1, Some(cursor)).unwrap();
    }
    assert_eq!(titles(&seen), ["b", "a", "d", "c"], "what something happened in comes first");
}

async fn searching_finds_titles_and_messages(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let one = bench.begin(&ada, "Where is the ÖFFNUNG of the library?").await;
    bench.answer(&ada, &one, "It is at 100%_sure street.").await;
    let two = bench.begin(&ada, "Something else").await;
    bench.answer(&ada, &two, "Nothing.").await;
    let find = async |q: &str| {
        let list = ListSessions { q: Some(q.to_owned()) };
        store.sessions(&ada, &list, &first(9)).await.unwrap().items
    };
    let found = find("öffnung").await;
    assert_eq!(found.len(), 1);
    let snippet = found[0].snippet.clone().unwrap();
    assert!(snippet.message_id.is_none() && snippet.text.contains("ÖFFNUNG"));
    let found = find("100%_SURE").await;
    assert_eq!(found.len(), 1);
    let snippet = found[0].snippet.clone().unwrap();
    assert_eq!(snippet.message_id, Some(one.assistant_message.id));
    assert!(snippet.text.contains("100%_sure"));
    assert!(find("100_sure").await.is_empty() && find("%").await.len() == 1);
    assert_eq!(find("").await.len(), 2);
    assert!(find("nowhere").await.is_empty());
}

async fn nobody_sees_anothers(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, bob, store) = (principal("ada"), principal("bob"), &bench.store);
    let adas = bench.begin(&ada, "A secret question").await;
    let (session, message) = (adas.session.id, adas.assistant_message.id);
    assert_eq!(kind(store.session(&bob, session).await), ErrorKind::NotFound);
    assert_eq!(kind(store.delete_session(&bob, session).await), ErrorKind::NotFound);
    let patch = SessionPatch::default();
    assert_eq!(kind(store.update_session(&bob, session, patch).await), ErrorKind::NotFound);
    assert_eq!(kind(store.message(&bob, message).await), ErrorKind::NotFound);
    assert_eq!(kind(store.messages(&bob, session, None, &first(9)).await), ErrorKind::NotFound);
    let reply = turn(TurnTarget::Reply { session, parent: None }, "x");
    assert_eq!(kind(store.begin_turn(&bob, reply).await), ErrorKind::NotFound);
    let list = ListSessions { q: Some("secret".to_owned()) };
    assert!(store.sessions(&bob, &list, &first(9)).await.unwrap().items.is_empty());
}

async fn a_removed_session_is_gone(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let begun = bench.begin(&ada, "A question").await;
    let (session, message) = (begun.session.id, begun.assistant_message.id);
    store.delete_session(&ada, session).await.unwrap();
    for swept in [false, true] {
        assert_eq!(kind(store.session(&ada, session).await), ErrorKind::NotFound);
        assert_eq!(kind(store.message(&ada, message).await), ErrorKind::NotFound);
        let list = ListSessions { q: Some("question".to_owned()) };
        assert!(store.sessions(&ada, &list, &first(9)).await.unwrap().items.is_empty());
        let append = store.append_turn(&ada, begun.lease.as_ref().unwrap(), "x".to_owned(), TTL);
        assert!(lost(append.await), "swept: {swept}");
        while store.sweep(&Context::system(), 100).await.unwrap().n_rows > 0 {}
    }
}

fn titles(sessions: &[Session]) -> Vec<&str> {
    sessions.iter().map(|session| session.title.as_str()).collect()
}
