//! Bits that the disk flipped, and others that hold the file: never is a passage read that no document says.

use std::path::Path;

use super::faults::{Rig, played};
use super::*;
use crate::error::{Error, Result};
use crate::stores::sqlite::checkpoint;
use crate::traits::ChunkReader as _;
use crate::types::ChunkId;

/// Bits flipped in each file; each costs the opening of a store.
const N_FLIPS: u64 = 150;

/// Flips the bit that a number stands for, anywhere in the file.
fn flip(path: &Path, n: u64) {
    let mut bytes = std::fs::read(path).unwrap();
    // Weyl's sequence over the golden ratio: places that are spread evenly, and the same every time.
    let bit = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (bytes.len() as u64 * 8);
    bytes[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
    std::fs::write(path, bytes).unwrap();
}

async fn passages(store: &SqliteStore, ids: &[ChunkId]) -> Result<Vec<(ChunkId, String)>> {
    let ctx = Context::local();
    let read_set = store.read_set(&ctx).await?;
    let passages = store.hydrate(&ctx, &read_set, ids).await?;
    Ok(passages.into_iter().map(|passage| (passage.chunk.id, passage.chunk.text)).collect())
}

fn assert_refused(error: &Error, what: &str) {
    assert_eq!(error.kind(), ErrorKind::Storage, "{what}: {error:?}");
}

#[tokio::test]
async fn a_flipped_bit_in_the_database_is_never_shown_as_a_passage() {
    let rig = Rig::new();
    let (store, ids) = played(&rig).await;
    let truth = passages(&store, &ids).await.unwrap();
    assert_eq!(truth.len(), ids.len());
    store.close().await;
    let (mut n_refused, mut n_missing) = (0, 0);
    for n in 0..N_FLIPS {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        std::fs::copy(rig.path("store.db"), &path).unwrap();
        flip(&path, n);
        let store = match open(&path).await {
            Ok(store) => store,
            Err(error) => {
                assert_refused(&error, &format!("flip {n}, opening"));
                n_refused += 1;
                continue;
            }
        };
        // One by one: a damaged passage takes no other with it.
        for (id, text) in &truth {
            match passages(&store, &[*id]).await {
                Ok(found) if found.is_empty() => n_missing += 1,
                Ok(found) => assert_eq!(found, [(*id, text.clone())], "flip {n}"),
                Err(error) => {
                    assert_refused(&error, &format!("flip {n}"));
                    n_refused += 1;
                }
            }
        }
        store.close().await;
    }
    println!("{N_FLIPS} flips: {n_refused} reads refused, {n_missing} passages not found");
    assert!(n_refused > 0);
}

#[tokio::test]
async fn a_wrong_letter_in_a_text_is_refused_and_takes_no_other_passage_with_it() {
    let rig = Rig::new();
    let (store, ids) = played(&rig).await;
    let truth = passages(&store, &ids).await.unwrap();
    store.close().await;
    let wanted = truth[7].1.as_bytes();
    let mut bytes = std::fs::read(rig.path("store.db")).unwrap();
    let at = bytes.windows(wanted.len()).position(|part| part == wanted).unwrap();
    bytes[at + 3] ^= 1;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("store.db"), bytes).unwrap();
    let store = open(&dir.path().join("store.db")).await.unwrap();
    let error = passages(&store, &[truth[7].0]).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Storage, Some(Reason::Corrupt)));
    assert_eq!(passages(&store, &[truth[8].0]).await.unwrap(), [truth[8].clone()]);
}

#[tokio::test]
async fn a_flipped_bit_in_the_log_never_makes_half_a_state() {
    let rig = Rig::new();
    let expected = super::faults::expected_of(&rig).await;
    for n in 0..N_FLIPS {
        let dir = tempfile::tempdir().unwrap();
        for name in ["store.db", "store.db-wal"] {
            std::fs::copy(rig.path(name), dir.path().join(name)).unwrap();
        }
        flip(&dir.path().join("store.db-wal"), n);
        let store = open(&dir.path().join("store.db")).await.unwrap();
        let found = super::faults::facts_of(&store).await;
        assert!(expected.contains(&found), "flip {n}: {found:#?}");
    }
}

#[tokio::test]
async fn a_reader_that_does_not_end_keeps_the_log_and_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = open(&path).await.unwrap();
    let ctx = Context::local();
    let mut copier = connect::copier(&path).await.unwrap();
    let mut reader = store.snapshot().await.unwrap();
    sql("SELECT count(*) AS n FROM meta").one(&mut reader).await.unwrap();
    for _ in 0..50 {
        store.create_session(&ctx, SessionPatch::default(), None).await.unwrap();
    }
    let held = checkpoint::copy(&mut copier).await.unwrap();
    assert!(held.n_copied < held.n_pages, "{held:?}");
    assert_eq!(n_sessions(&store).await, 50, "writing and reading go on");
    drop(reader);
    // A connection that is given back ends its snapshot on a thread of its own.
    let mut free = checkpoint::copy(&mut copier).await.unwrap();
    for _ in 0..500 {
        if free.n_copied == free.n_pages {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        free = checkpoint::copy(&mut copier).await.unwrap();
    }
    assert_eq!(free.n_copied, free.n_pages);
    store.create_session(&ctx, SessionPatch::default(), None).await.unwrap();
    let anew = checkpoint::copy(&mut copier).await.unwrap();
    assert!(anew.n_pages < held.n_pages, "the log began anew: {anew:?}");
}

#[tokio::test]
async fn the_log_begins_anew_once_those_have_gone_who_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = open(&path).await.unwrap();
    let ctx = Context::local();
    let mut copier = connect::copier(&path).await.unwrap();
    let session = async || store.create_session(&ctx, SessionPatch::default(), None).await.unwrap();
    for _ in 0..50 {
        session().await;
    }
    let mut reader = store.snapshot().await.unwrap();
    sql("SELECT count(*) AS n FROM meta").one(&mut reader).await.unwrap();
    let before = checkpoint::copy(&mut copier).await.unwrap();
    assert_eq!(
        before.n_copied, before.n_pages,
        "the reader sees all of it, and is in the way all the same"
    );
    let control = store.writer.control();
    let finished = tokio::spawn(async move { control.finish_checkpoint().await });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    drop(reader);
    finished.await.unwrap();
    session().await;
    let after = checkpoint::copy(&mut copier).await.unwrap();
    assert!(after.n_pages < before.n_pages, "{after:?} after {before:?}");
}

#[tokio::test]
async fn who_finds_the_database_held_is_told_after_a_while() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = open(&path).await.unwrap();
    let ctx = Context::local();
    let mut other = connect::writer(&path).await.unwrap();
    sql("BEGIN IMMEDIATE").run(&mut other).await.unwrap();
    let new = || store.create_session(&ctx, SessionPatch::default(), None);
    let error = new().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
    sql("ROLLBACK").run(&mut other).await.unwrap();
    new().await.unwrap();
}
