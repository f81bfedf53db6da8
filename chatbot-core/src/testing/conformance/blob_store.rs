//! What every [`BlobStore`] must do.

#![allow(clippy::unwrap_used, reason = "a suite reports by panicking, as every test does")]

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::traits::{BlobStore, ByteStream, once};
use crate::types::BlobHash;

/// Runs the suite on a store that holds nothing yet.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn blob_store(store: &dyn BlobStore) {
    what_was_put_comes_back(store).await;
    the_same_bytes_are_one_original(store).await;
    what_is_too_large_is_refused(store).await;
    a_broken_stream_stores_nothing(store).await;
    what_is_held_stays_readable(store).await;
    all_are_listed_in_order(store).await;
}

async fn what_was_put_comes_back(store: &dyn BlobStore) {
    let ctx = Context::local();
    let pieces = ["one ", "", "two"].map(|piece| Ok(Bytes::from(piece)));
    let pieces: ByteStream = stream::iter(pieces).boxed();
    let blob = store.put(&ctx, pieces, 7).await.unwrap();
    assert_eq!((blob.hash, blob.size_bytes), (BlobHash::of(b"one two"), 7));
    assert_eq!(store.get(&ctx, blob.hash).await.unwrap(), "one two");
    let empty = store.put(&ctx, once(""), 0).await.unwrap();
    assert_eq!(store.get(&ctx, empty.hash).await.unwrap(), "");
    let missing = store.get(&ctx, BlobHash::of(b"never stored")).await;
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn the_same_bytes_are_one_original(store: &dyn BlobStore) {
    let ctx = Context::local();
    let (a, b) = tokio::join!(store.put(&ctx, once("twice"), 9), store.put(&ctx, once("twice"), 9));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a, b);
    store.delete(&ctx, a.hash).await.unwrap();
    assert_eq!(store.get(&ctx, a.hash).await.unwrap_err().kind(), ErrorKind::NotFound);
    store.delete(&ctx, a.hash).await.unwrap();
}

async fn what_is_too_large_is_refused(store: &dyn BlobStore) {
    let ctx = Context::local();
    let refused = store.put(&ctx, once("12345"), 4).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::TooLarge);
    let found = store.get(&ctx, BlobHash::of(b"12345")).await;
    assert_eq!(found.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_broken_stream_stores_nothing(store: &dyn BlobStore) {
    let ctx = Context::local();
    let pieces = [Ok(Bytes::from("half")), Err(Error::new(ErrorKind::Unavailable, "gone"))];
    let pieces: ByteStream = stream::iter(pieces).boxed();
    let refused = store.put(&ctx, pieces, 99).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable);
    let found = store.get(&ctx, BlobHash::of(b"half")).await;
    assert_eq!(found.unwrap_err().kind(), ErrorKind::NotFound);
    let stopped = Context::local();
    stopped.cancel();
    let refused = store.put(&stopped, once("half"), 99).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Cancelled);
}

async fn what_is_held_stays_readable(store: &dyn BlobStore) {
    let ctx = Context::local();
    let blob = store.put(&ctx, once("held"), 9).await.unwrap();
    let hold = store.hold(&ctx).await.unwrap();
    let later = store.put(&ctx, once("later"), 9).await.unwrap();
    for hash in [blob.hash, later.hash] {
        store.delete(&ctx, hash).await.unwrap();
        store.delete(&ctx, hash).await.unwrap();
    }
    assert_eq!(store.get(&ctx, blob.hash).await.unwrap(), "held");
    assert_eq!(store.get(&ctx, later.hash).await.unwrap(), "later");
    let again = store.put(&ctx, once("later"), 9).await.unwrap();
    drop(hold);
    assert_eq!(store.get(&ctx, blob.hash).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.get(&ctx, again.hash).await.unwrap(), "later", "it came back meanwhile");
}

async fn all_are_listed_in_order(store: &dyn BlobStore) {
    let ctx = Context::local();
    let mut put = Vec::new();
    for number in 0..20 {
        put.push(store.put(&ctx, once(format!("listed {number}")), 99).await.unwrap().hash);
    }
    let gone = put.pop().unwrap();
    store.delete(&ctx, gone).await.unwrap();
    let (mut listed, mut last) = (Vec::new(), None);
    loop {
        let some = store.list(&ctx, last, 3).await.unwrap();
        assert!(some.len() <= 3);
        let Some(newest) = some.last() else { break };
        last = Some(*newest);
        listed.extend(some);
    }
    assert!(listed.is_sorted() && !listed.contains(&gone));
    assert!(put.iter().all(|hash| listed.contains(hash)), "each once, and none is left out");
    let n_listed = listed.len();
    listed.dedup();
    assert_eq!(listed.len(), n_listed);
}
