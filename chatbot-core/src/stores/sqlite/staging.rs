//! What a job stores before anybody sees it: text in parts, chunks as spans of it, in requests of a few milliseconds so
//! that a person who writes meanwhile does not notice.

use std::ops::Range;
use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;

use super::jobs::{Held, held};
use super::sql::{built_sql, sql, to_json};
use super::texts::PART_BYTES;
use super::{Lane, SqliteStore, parts};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Language, Lease, StagedChunk, Timestamp, VersionId};

/// Parts of text in one request: 256 KiB, about a millisecond.
const PARTS_PER_REQUEST: usize = 16;
/// Chunks in one request: about two milliseconds.
const CHUNKS_PER_REQUEST: usize = 200;
/// Chunks in one statement, so that its text is one of few and stays prepared.
const CHUNKS_PER_STATEMENT: usize = 50;
/// Rows that one request removes: 1 MiB of text, or as many chunks as take about as long.
const TEXTS_PER_REMOVAL: u32 = 64;
const CHUNKS_PER_REMOVAL: u32 = 500;
/// What a chunk's row and its two index entries take in the log.
const CHUNK_ROW_BYTES: usize = 250;

/// See [`JobStore::stage_text`](crate::traits::JobStore::stage_text).
pub(super) async fn text(
    store: &SqliteStore,
    ctx: &Context,
    lease: &Lease,
    offset: usize,
    part: String,
) -> Result<()> {
    let part: Arc<str> = part.into();
    let mut at = 0;
    loop {
        ctx.check()?;
        let pieces = cut(&part, at);
        let end = pieces.last().map_or(at, |piece| piece.end);
        let (lease, now) = (lease.clone(), store.now());
        let staged = Staged { lease, part: Arc::clone(&part), pieces, offset, now };
        store.writer.note_bytes(u64::try_from(end - at).unwrap_or_default());
        let write = store.writer.write(Lane::Bulk, move |conn| Box::pin(staged.write(conn)));
        if write.await? == Written::RoomMade {
            continue;
        }
        at = end;
        if at >= part.len() {
            return Ok(());
        }
    }
}

/// The next pieces of `part` from `at` on, cut between characters.
fn cut(part: &str, mut at: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    while at < part.len() && pieces.len() < PARTS_PER_REQUEST {
        let end = part.floor_char_boundary(at.saturating_add(PART_BYTES));
        pieces.push(at..end);
        at = end;
    }
    pieces
}

#[derive(Debug, PartialEq, Eq)]
enum Written {
    /// The text is there.
    All,
    /// Some of what an earlier try had staged is gone; ask again.
    RoomMade,
}

/// One request's share of a part.
struct Staged {
    lease: Lease,
    part: Arc<str>,
    pieces: Vec<Range<usize>>,
    offset: usize,
    now: Timestamp,
}

impl Staged {
    async fn write(self, conn: &mut SqliteConnection) -> Result<Written> {
        let held = unpublished(conn, &self.lease).await?;
        let first = self.offset + self.pieces.first().map_or(0, |piece| piece.start);
        if first == 0 && !clear_some(conn, held.version, self.now).await?.all {
            return Ok(Written::RoomMade);
        }
        if first != 0 && first != held.text_bytes {
            return Err(Error::invalid("The parts of a text must be stored in order."));
        }
        self.insert(conn, held.version).await?;
        let end = self.offset + self.pieces.last().map_or(0, |piece| piece.end);
        sql("UPDATE versions SET text_bytes = ? WHERE id = ?")
            .bind(end)
            .bind(held.version)
            .run(conn)
            .await?;
        Ok(Written::All)
    }

    async fn insert(&self, conn: &mut SqliteConnection, version: VersionId) -> Result<()> {
        if self.pieces.is_empty() {
            return Ok(());
        }
        let text = format!(
            "INSERT INTO texts (version, byte_start, content) VALUES {}",
            rows(self.pieces.len(), "(?,?,?)")
        );
        let mut insert = built_sql(text, self.pieces.len() == PARTS_PER_REQUEST);
        for piece in &self.pieces {
            let bytes = self.part.as_bytes().get(piece.clone()).unwrap_or_default();
            insert = insert.bind(version).bind(self.offset + piece.start).bind(bytes);
        }
        insert.run(conn).await.map(|_| ())
    }
}

fn rows(n: usize, row: &str) -> String {
    vec![row; n].join(",")
}

/// The fence, for what must not touch a version that answers.
pub(super) async fn unpublished(conn: &mut SqliteConnection, lease: &Lease) -> Result<Held> {
    let held = held(conn, lease).await?;
    if held.published_seq.is_some() {
        return Err(Error::new(
            ErrorKind::Conflict,
            "This version answers already. Finish its job instead.",
        ));
    }
    Ok(held)
}

/// What a request removed of a version.
pub(super) struct Cleared {
    pub(super) n_rows: u64,
    /// Whether nothing is left.
    pub(super) all: bool,
}

/// Removes some of a version's chunks; its text stays.
pub(super) async fn clear_chunks(
    conn: &mut SqliteConnection,
    version: VersionId,
) -> Result<Cleared> {
    let n_rows = sql("DELETE FROM chunks WHERE version = ?1 AND ordinal IN
            (SELECT ordinal FROM chunks WHERE version = ?1 LIMIT ?2)")
    .bind(version)
    .bind(CHUNKS_PER_REMOVAL)
    .run(conn)
    .await?;
    Ok(Cleared { n_rows, all: n_rows < u64::from(CHUNKS_PER_REMOVAL) })
}

/// Removes some of a version's text and chunks, and of the list of what lies inside it.
pub(super) async fn clear_some(
    conn: &mut SqliteConnection,
    version: VersionId,
    now: Timestamp,
) -> Result<Cleared> {
    let chunks = clear_chunks(conn, version).await?;
    let parts = parts::clear_some(conn, version, now).await?;
    let texts = sql("DELETE FROM texts WHERE rowid IN
            (SELECT rowid FROM texts WHERE version = ? LIMIT ?)")
    .bind(version)
    .bind(TEXTS_PER_REMOVAL)
    .run(conn)
    .await?;
    let all = chunks.all && parts.all && texts < u64::from(TEXTS_PER_REMOVAL);
    Ok(Cleared { n_rows: chunks.n_rows + parts.n_rows + texts, all })
}

/// See [`JobStore::stage_chunks`](crate::traits::JobStore::stage_chunks).
pub(super) async fn chunks(
    store: &SqliteStore,
    ctx: &Context,
    lease: &Lease,
    mut chunks: Vec<StagedChunk>,
) -> Result<()> {
    loop {
        ctx.check()?;
        let rest = chunks.split_off(chunks.len().min(CHUNKS_PER_REQUEST));
        let (lease, last) = (lease.clone(), rest.is_empty());
        store.writer.note_bytes(u64::try_from(chunks.len() * CHUNK_ROW_BYTES).unwrap_or_default());
        let write = store.writer.write(Lane::Bulk, move |conn| {
            Box::pin(async move {
                let held = unpublished(conn, &lease).await?;
                for some in chunks.chunks(CHUNKS_PER_STATEMENT) {
                    insert_chunks(conn, held.version, some).await?;
                }
                Ok(())
            })
        });
        write.await?;
        if last {
            return Ok(());
        }
        chunks = rest;
    }
}

async fn insert_chunks(
    conn: &mut SqliteConnection,
    version: VersionId,
    chunks: &[StagedChunk],
) -> Result<()> {
    let text = format!(
        "INSERT OR REPLACE INTO chunks (version, ordinal, id, byte_start, byte_end, heading, page_start,
            page_end, page_starts, language, hash) VALUES {}",
        rows(chunks.len(), "(?,?,?,?,?,?,?,?,?,?,?)")
    );
    let mut insert = built_sql(text, chunks.len() == CHUNKS_PER_STATEMENT);
    for chunk in chunks {
        let page_starts = Some(&chunk.spec.page_starts).filter(|starts| !starts.is_empty());
        insert = insert
            .bind(version)
            .bind(chunk.ordinal)
            .bind(chunk.id)
            .bind(chunk.spec.span.start)
            .bind(chunk.spec.span.end)
            .bind(chunk.spec.heading.as_deref())
            .bind(chunk.spec.page_start)
            .bind(chunk.spec.page_end)
            .bind(page_starts.map(to_json).transpose()?)
            .bind(chunk.language.as_ref().map(Language::as_str))
            .bind(chunk.hash.0.as_slice());
    }
    insert.run(conn).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters_and_nothing_is_lost() {
        let part = "€".repeat(PART_BYTES);
        let (mut at, mut whole) = (0, String::new());
        while at < part.len() {
            for piece in cut(&part, at) {
                assert!(piece.len() <= PART_BYTES);
                assert!(piece.len() > PART_BYTES - 4 || piece.end == part.len());
                whole.push_str(&part[piece.clone()]);
                at = piece.end;
            }
        }
        assert_eq!(whole, part);
        assert!(cut("", 0).is_empty());
    }
}
