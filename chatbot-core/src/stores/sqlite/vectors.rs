//! Vectors, stored as their components, 32-bit little-endian, under the hash of what was embedded.

use std::ops::Range;

use sqlx::sqlite::SqliteConnection;

use super::error::damaged;
use super::sql::{Columns as _, sql};
use crate::error::Result;
use crate::traits::ChunkVector;
use crate::types::VersionId;

/// The vectors of a live version's chunks in `ordinals`, in order.
pub(super) async fn of_version(
    conn: &mut SqliteConnection,
    version: VersionId,
    fingerprint: &str,
    ordinals: Range<u32>,
    limit: u32,
) -> Result<Vec<ChunkVector>> {
    let rows = sql("SELECT c.id, c.ordinal, d.id AS document, d.collection, e.vector
         FROM documents d JOIN chunks c ON c.version = d.live
         JOIN embeddings e ON e.hash = c.hash
          AND e.embedder = (SELECT id FROM embedders WHERE fingerprint = ?)
         WHERE d.live = ? AND c.ordinal >= ? AND c.ordinal < ? ORDER BY c.ordinal LIMIT ?")
    .bind(fingerprint)
    .bind(version)
    .bind(ordinals.start)
    .bind(ordinals.end)
    .bind(limit)
    .all(conn)
    .await?;
    let vectors = rows.iter().map(|row| {
        Ok(ChunkVector {
            chunk: row.col("id")?,
            ordinal: row.col("ordinal")?,
            document: row.col("document")?,
            collection: row.col("collection")?,
            vector: from_bytes(&row.col::<Vec<u8>>("vector")?)?,
        })
    });
    vectors.collect()
}

/// A vector as it is stored.
pub(super) fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|component| component.to_le_bytes()).collect()
}

fn from_bytes(bytes: &[u8]) -> Result<Vec<f32>> {
    let (components, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(damaged("a vector"));
    }
    Ok(components.iter().map(|component| f32::from_le_bytes(*component)).collect())
}
