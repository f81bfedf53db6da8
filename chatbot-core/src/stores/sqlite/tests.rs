//! What is particular to one file on one disk: opening, closing, crashing, other people's files.

mod damage;
mod faults;
mod model;

use std::path::Path;
use std::sync::Arc;

use super::sql::{Columns as _, sql};
use super::{SqliteStore, connect};
use crate::context::Context;
use crate::error::{ErrorKind, Reason};
use crate::testing::FixedClock;
use crate::traits::{CollectionStore as _, ConversationStore as _, DocumentStore as _, Store as _};
use crate::types::{ListSessions, PageRequest, SessionPatch};

async fn open(path: &Path) -> crate::error::Result<SqliteStore> {
    SqliteStore::open(path, Arc::new(FixedClock::default())).await
}

async fn n_sessions(store: &SqliteStore) -> usize {
    let page = PageRequest::default();
    store.sessions(&Context::local(), &ListSessions::default(), &page).await.unwrap().items.len()
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = open(&path).await.unwrap();
    let ctx = Context::local();
    for _ in 0..3 {
        store.create_session(&ctx, SessionPatch::default(), None).await.unwrap();
    }
    // The files as they are now are what a killed process leaves.
    let left = tempfile::tempdir().unwrap();
    for name in ["store.db", "store.db-wal"] {
        std::fs::copy(dir.path().join(name), left.path().join(name)).unwrap();
    }
    let reopened = open(&left.path().join("store.db")).await.unwrap();
    assert_eq!(n_sessions(&reopened).await, 3);
    drop(store);
    let reopened = open(&path).await.unwrap();
    assert_eq!(n_sessions(&reopened).await, 3, "closing properly is not needed");
}

#[tokio::test]
async fn texts_of_replaced_versions_go_with_their_document() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("store.db")).await.unwrap();
    let ctx = Context::system();
    let (document, old, live) = ([1_u8; 16], [2_u8; 16], [3_u8; 16]);
    let fill = store.writer.write(super::Lane::Bulk, move |conn| {
        Box::pin(async move {
            sql("INSERT INTO documents (id, collection, title, source, folded, host_metadata, metadata,
                    live, newest, blob, created_by, created_at, updated_at)
                 VALUES (?1, x'00', '', '', '', '{}', '{}', ?2, ?2, x'00', '', 0, 0)")
            .bind(document.to_vec())
            .bind(live.to_vec())
            .run(conn)
            .await?;
            for (n, version) in [(1_u32, old), (2, live)] {
                sql("INSERT INTO versions (id, document, number, source, media_type, blob, size_bytes,
                        state, created_at, published_seq) VALUES (?1, ?2, ?3, '', '', zeroblob(32), 1, 'ready', 0, ?3)")
                .bind(version.to_vec())
                .bind(document.to_vec())
                .bind(n)
                .run(conn)
                .await?;
                sql("INSERT INTO texts (version, byte_start, content) VALUES (?, 0, x'61')")
                    .bind(version.to_vec())
                    .run(conn)
                    .await?;
            }
            sql("INSERT INTO garbage (kind, id) VALUES ('version', ?)")
                .bind(old.to_vec())
                .run(conn)
                .await
        })
    });
    fill.await.unwrap();
    let n_texts = async || -> i64 {
        while store.sweep(&ctx, 100).await.unwrap().n_rows > 0 {}
        let mut tx = store.snapshot().await.unwrap();
        sql("SELECT count(*) AS n FROM texts").one(&mut tx).await.unwrap().col("n").unwrap()
    };
    assert_eq!(n_texts().await, 2);
    let delete = store.writer.write(super::Lane::Bulk, move |conn| {
        Box::pin(async move {
            sql("UPDATE documents SET deleted_at = 1, live = NULL").run(conn).await?;
            sql("INSERT INTO garbage (kind, id) VALUES ('document', ?)")
                .bind(document.to_vec())
                .run(conn)
                .await
        })
    });
    delete.await.unwrap();
    assert_eq!(n_texts().await, 0);
}

#[tokio::test]
async fn closing_leaves_one_file_and_refuses_later_calls() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = open(&path).await.unwrap();
    let ctx = Context::local();
    let lineage = store.lineage;
    store.create_session(&ctx, SessionPatch::default(), None).await.unwrap();
    store.close().await;
    // The connection that copies the log is let go of by its own thread, a moment later.
    let names = || -> Vec<_> {
        let entries = std::fs::read_dir(dir.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    for _ in 0..100 {
        if names() == ["store.db"] {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(names(), ["store.db"]);
    let late = store.create_session(&ctx, SessionPatch::default(), None).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Unavailable);
    let late = store.role(&ctx, crate::types::CollectionId::new()).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Unavailable);
    let again = open(&path).await.unwrap();
    assert_eq!((n_sessions(&again).await, again.lineage), (1, lineage));
}

#[tokio::test]
async fn a_file_of_a_later_release_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    open(&path).await.unwrap().close().await;
    let mut conn = connect::writer(&path).await.unwrap();
    let later = "INSERT INTO core_migrations (version, hash, applied_at) VALUES (1000, x'00', 0)";
    sql(later).run(&mut conn).await.unwrap();
    let error = open(&path).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Storage, Some(Reason::NewerSchema)));
    sql("DELETE FROM core_migrations WHERE version = 1000").run(&mut conn).await.unwrap();
    sql("UPDATE core_migrations SET hash = x'00'").run(&mut conn).await.unwrap();
    let error = open(&path).await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::NewerSchema), "the same number with another text");
}

#[tokio::test]
async fn sqlite_has_the_race_of_its_log_fixed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("store.db")).await.unwrap();
    let mut tx = store.snapshot().await.unwrap();
    let row = sql("SELECT sqlite_version() AS v").one(&mut tx).await.unwrap();
    let version: Vec<u32> =
        row.col::<String>("v").unwrap().split('.').map(|part| part.parse().unwrap()).collect();
    assert!(version >= vec![3, 51, 3], "{version:?}: a commit may be lost while the log is copied");
}

#[tokio::test]
async fn what_is_no_database_is_said_to_be_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    std::fs::write(&path, "certainly not a database, but long enough to be looked at".repeat(99))
        .unwrap();
    let error = open(&path).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Storage, Some(Reason::Corrupt)));
    let error = open(&dir.path().join("no/such/folder/store.db")).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Storage, Some(Reason::ReadOnly)));
}

#[tokio::test]
async fn read_sets_are_kept_until_something_changes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("store.db")).await.unwrap();
    let ctx = Context::local();
    let own = store.default_collection(&ctx).await.unwrap();
    let first = store.read_set(&ctx).await.unwrap();
    assert!(first.contains(own));
    assert!(store.kept_read_set(ctx.scope()).is_some());
    let new = crate::types::NewCollection {
        name: "New".to_owned(),
        description: String::new(),
        visibility: crate::types::Visibility::Private,
    };
    let made = store.create_collection(&ctx, new, None).await.unwrap();
    assert!(store.kept_read_set(ctx.scope()).is_none());
    assert!(store.read_set(&ctx).await.unwrap().contains(made.id));
}
