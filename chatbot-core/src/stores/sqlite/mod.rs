//! The truth in one SQLite file.
//!
//! One task writes, through one connection and with group commit ([`WriterStats`] counts what that saves); a few pooled
//! connections read, each read in one snapshot. The file is in WAL mode and every acknowledged write is flushed.
//! Statements are checked by tests, not at compile time, so that building needs no database.
//!
//! Text is stored once, in parts; chunks are spans of it. What is deleted stops answering in the transaction that deletes
//! it and is removed in small steps by [`sweep`](crate::traits::DocumentStore::sweep). Deliberately not here: who may
//! do what (the engine asks [`role`](crate::traits::CollectionStore::role)), and anything that knows an index.

mod accept;
mod answers;
mod changes;
mod checkpoint;
mod chunks;
mod collections;
mod connect;
mod conversations;
mod cursor;
mod document_rows;
mod documents;
mod edits;
mod embeddings;
mod error;
mod file;
mod fold;
mod history;
mod idempotency;
mod jobs;
mod ledger;
mod messages;
mod migrate;
mod parts;
mod publish;
mod purge;
mod read_sets;
mod scrub;
mod sessions;
mod sql;
mod staging;
mod summaries;
mod sweep;
#[cfg(test)]
mod tests;
mod texts;
mod turns;
mod vectors;
mod writer;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, Transaction};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::error::fault;
use self::writer::{Lane, Writer};
use crate::context::{ReadSet, Scope};
use crate::error::Result;
use crate::traits::{Clock, Store};
use crate::types::{BlobHash, Lineage, Timestamp};

pub use self::file::SqliteFile;
pub use self::writer::WriterStats;

/// A [`Store`] in one file.
#[derive(Debug)]
pub struct SqliteStore {
    file: SqliteFile,
    writer: Writer,
    readers: SqlitePool,
    clock: Arc<dyn Clock>,
    lineage: Lineage,
    /// The epoch that was committed last. A read-set made under another one is made anew.
    epoch: Arc<AtomicU64>,
    read_sets: Mutex<HashMap<Scope, ReadSet>>,
    /// Originals that the last sweep named: whoever sweeps again has deleted them.
    reported: Mutex<HashSet<BlobHash>>,
    /// Copies the log until it is told to stop.
    checkpoints: Mutex<Option<JoinHandle<()>>>,
    stop: CancellationToken,
}

impl SqliteStore {
    /// Opens the file at `path`, makes it where there is none, and brings it to this release's schema. Its folder must
    /// exist, and no other process may have it open.
    ///
    /// # Errors
    /// `storage`: `read_only`, `disk_full`, `corrupt`, or `newer_schema` where a later release wrote the file;
    /// `unavailable` where another process is writing to it.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let mut conn = connect::writer(path).await?;
        migrate::migrate(&mut conn, clock.now()).await?;
        let (lineage, epoch) = connect::facts(&mut conn).await?;
        let copier = connect::copier(path).await?;
        let readers = connect::readers(path).await?;
        let wanted = Arc::new(Notify::new());
        let writer = Writer::start(conn, Arc::clone(&wanted))?;
        let stop = CancellationToken::new();
        let copy = checkpoint::run(copier, wanted, writer.control(), stop.clone());
        let checkpoints = Mutex::new(Some(tokio::spawn(copy)));
        Ok(Self {
            file: SqliteFile::at(path),
            writer,
            readers,
            clock,
            lineage,
            epoch: Arc::new(AtomicU64::new(epoch)),
            read_sets: Mutex::default(),
            reported: Mutex::default(),
            checkpoints,
            stop,
        })
    }

    /// How much was written, and in how many commits.
    #[must_use]
    pub fn writer_stats(&self) -> WriterStats {
        self.writer.stats()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A connection for one statement, which sees one state by itself.
    async fn reader(&self) -> Result<PoolConnection<Sqlite>> {
        self.readers.acquire().await.map_err(fault)
    }

    /// A snapshot to read from: nothing that commits later is seen.
    async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>> {
        self.readers.begin().await.map_err(fault)
    }
}

#[async_trait]
impl Store for SqliteStore {
    /// The writer's connection is the last one to go: it copies the log into the database, and removes it.
    async fn close(&self) {
        self.stop.cancel();
        let checkpoints = self.checkpoints.lock().ok().and_then(|mut task| task.take());
        if let Some(task) = checkpoints {
            task.await.ok();
        }
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
