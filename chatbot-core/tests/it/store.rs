//! The SQLite store, by the suite that every store must pass.

#![cfg(all(feature = "sqlite", feature = "testing"))]

use std::sync::Arc;

use chatbot_core::stores::SqliteStore;
use chatbot_core::testing::FixedClock;
use chatbot_core::testing::conformance::store::{self, Fresh};

async fn fresh(clock: Arc<FixedClock>) -> Fresh {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("store.db"), clock).await.unwrap();
    Fresh { store: Arc::new(store), kept: Box::new(dir) }
}

macro_rules! themes {
    ($($theme:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $theme() {
            store::$theme(&fresh).await;
        }
    )+};
}

themes!(
    collections,
    documents,
    versions,
    parts,
    jobs,
    texts,
    changes,
    deletion,
    embeddings,
    sessions,
    turns,
    ledger,
    snapshots,
);
