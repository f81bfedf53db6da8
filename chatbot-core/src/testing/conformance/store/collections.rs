//! Collections, defaults, and what each principal may read.

use std::sync::Arc;

use super::bench::{Bench, Fresh, first, key, kind, new_collection, principal, upload};
use crate::context::Context;
use crate::error::ErrorKind;
use crate::testing::FixedClock;
use crate::types::{CollectionId, CollectionPatch, Page, PageRequest, Role, Visibility};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn collections(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    a_default_is_made_once(make).await;
    names_are_unique_per_principal(make).await;
    changes_keep_what_they_do_not_name(make).await;
    principals_do_not_see_each_other(make).await;
    lists_page_through_in_order(make).await;
    removing_one_removes_it_for_everybody(make).await;
    keys_make_creates_happen_once(make).await;
}

async fn a_default_is_made_once(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, bob) = (principal("ada"), principal("bob"));
    let (one, two) = tokio::join!(bench.default_collection(&ada), bench.default_collection(&ada));
    assert_eq!(one, two);
    assert_ne!(bench.default_collection(&bob).await, one);
    let shown = bench.store.collection(&ada, &bench.read_set(&ada).await, one).await.unwrap();
    assert!(shown.is_default && shown.visibility == Visibility::Private);
    assert_eq!(kind(bench.store.delete_collection(&ada, one).await), ErrorKind::Conflict);
    assert_eq!(
        kind(bench.store.default_collection(&Context::system()).await),
        ErrorKind::PermissionDenied
    );
}

async fn names_are_unique_per_principal(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, bob) = (principal("ada"), principal("bob"));
    let first = bench.collection(&ada, "Letters").await;
    let again = new_collection("Letters", Visibility::Private);
    let refused = bench.store.create_collection(&ada, again, None).await;
    assert_eq!(kind(refused), ErrorKind::AlreadyExists);
    bench.collection(&bob, "Letters").await;
    bench.store.delete_collection(&ada, first).await.unwrap();
    bench.collection(&ada, "Letters").await;
}

async fn changes_keep_what_they_do_not_name(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, bob, store) = (principal("ada"), principal("bob"), &bench.store);
    let id = bench.collection(&ada, "Letters").await;
    bench.collection(&ada, "Bills").await;
    let named = CollectionPatch { name: Some("Post".to_owned()), ..CollectionPatch::default() };
    let made = store.update_collection(&ada, id, named.clone()).await.unwrap();
    assert_eq!((made.name.as_str(), made.visibility), ("Post", Visibility::Private));
    let again = store.update_collection(&ada, id, named).await.unwrap();
    assert_eq!(again, made, "once more changes nothing more");
    let taken = CollectionPatch { name: Some("Bills".to_owned()), ..CollectionPatch::default() };
    let refused = store.update_collection(&ada, id, taken).await;
    assert_eq!(kind(refused), ErrorKind::AlreadyExists);
    assert!(!bench.read_set(&bob).await.contains(id));
    let public =
        CollectionPatch { visibility: Some(Visibility::Public), ..CollectionPatch::default() };
    store.update_collection(&ada, id, public).await.unwrap();
    assert!(bench.read_set(&bob).await.contains(id), "others may read it at once");
    let shown = store.collection(&bob, &bench.read_set(&bob).await, id).await.unwrap();
    assert_eq!(shown.name, "Post");
    let unknown = CollectionPatch::default();
    let unknown = store.update_collection(&ada, CollectionId::new(), unknown).await;
    assert_eq!(kind(unknown), ErrorKind::NotFound);
}

async fn principals_do_not_see_each_other(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, bob, store) = (principal("ada"), principal("bob"), &bench.store);
    assert!(bench.read_set(&ada).await.is_empty());
    let own = bench.collection(&ada, "Mine").await;
    let epoch = bench.read_set(&ada).await.epoch();
    let public = new_collection("For all", Visibility::Public);
    let public = store.create_collection(&ada, public, None).await.unwrap().id;
    assert!(bench.read_set(&ada).await.epoch() > epoch, "caches must notice");

    let (adas, bobs) = (bench.read_set(&ada).await, bench.read_set(&bob).await);
    assert!(adas.contains(own) && adas.contains(public));
    assert!(!bobs.contains(own) && bobs.contains(public));
    assert_eq!(kind(store.collection(&bob, &bobs, own).await), ErrorKind::NotFound);
    let listed = store.collections(&bob, &bobs, &first(10)).await.unwrap();
    assert_eq!(ids(&listed), [public]);

    let system = bench.read_set(&Context::system()).await;
    assert!(system.contains(own) && system.contains(public));
    assert_eq!(store.role(&ada, own).await.unwrap(), Some(Role::Owner));
    assert_eq!(store.role(&bob, own).await.unwrap(), None);
    assert_eq!(store.role(&bob, public).await.unwrap(), Some(Role::Reader));
    assert_eq!(store.role(&ada, CollectionId::new()).await.unwrap(), None);
}

async fn lists_page_through_in_order(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let ada = principal("ada");
    for name in ["delta", "alpha", "charlie"] {
        bench.collection(&ada, name).await;
    }
    bench.default_collection(&ada).await;
    bench.collection(&principal("bob"), "beta").await;
    let set = bench.read_set(&ada).await;
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let page = PageRequest::new(1, cursor).unwrap();
        let page = bench.store.collections(&ada, &set, &page).await.unwrap();
        names.extend(page.items.iter().map(|found| (found.name.clone(), found.is_default)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert!(names[0].1, "the default one comes first");
    let rest: Vec<&str> = names[1..].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(rest, ["alpha", "charlie", "delta"]);
}

async fn removing_one_removes_it_for_everybody(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let doomed = bench.collection(&ada, "Doomed").await;
    let accepted = store.accept_document(&ada, upload(doomed, "One", "one\n")).await.unwrap();
    let (_, chunks, seq) = bench.work("one\n").await;
    let before = bench.read_set(&ada).await;
    store.delete_collection(&ada, doomed).await.unwrap();

    assert!(!bench.read_set(&ada).await.contains(doomed));
    assert_eq!(kind(store.collection(&ada, &before, doomed).await), ErrorKind::NotFound);
    assert_eq!(kind(store.delete_collection(&ada, doomed).await), ErrorKind::NotFound);
    let document = store.document(&ada, &before, accepted.document.id).await;
    assert_eq!(kind(document), ErrorKind::NotFound, "an old read-set does not help");
    assert!(store.hydrate(&ada, &before, &chunks).await.unwrap().is_empty());
    assert_eq!(store.last_change(&Context::system()).await.unwrap(), seq + 1, "a change for each");
    let late = store.accept_document(&ada, upload(doomed, "Two", "two\n")).await;
    assert_eq!(kind(late), ErrorKind::NotFound);
}

async fn keys_make_creates_happen_once(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, bob, store) = (principal("ada"), principal("bob"), &bench.store);
    let new = || new_collection("Once", Visibility::Private);
    let made = store.create_collection(&ada, new(), Some(key("k", 1))).await.unwrap();
    let again = store.create_collection(&ada, new(), Some(key("k", 1))).await.unwrap();
    assert_eq!(made.id, again.id);
    let other = store.create_collection(&ada, new(), Some(key("k", 2))).await;
    assert_eq!(kind(other), ErrorKind::Conflict);
    let bobs = store.create_collection(&bob, new(), Some(key("k", 1))).await.unwrap();
    assert_ne!(bobs.id, made.id, "a key is its principal's");
}

fn ids(page: &Page<crate::types::Collection>) -> Vec<CollectionId> {
    page.items.iter().map(|collection| collection.id).collect()
}
