//! Text by its bytes: stored in parts, read as any stretch.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::error::{damaged, fault};
use super::sql::{Columns as _, sql};
use crate::error::Result;
use crate::types::{Span, VersionId};

/// The largest part, in bytes. A passage of a kilobyte lies in one or two parts, and a part in a handful of pages.
pub(super) const PART_BYTES: usize = 16 << 10;

/// The stretch of a version's text; `None` where it is not all there or cuts a character in two.
pub(super) async fn slice(
    conn: &mut SqliteConnection,
    version: VersionId,
    span: Span,
) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    let (start, end) = (place(span.start), place(span.end));
    let mut rows = sqlx::query(
        "SELECT byte_start, content FROM texts
         WHERE version = ? AND byte_start > ? AND byte_start < ? ORDER BY byte_start",
    )
    .bind(version.as_bytes().as_slice())
    .bind(start - place(PART_BYTES))
    .bind(end)
    .fetch(conn);
    while let Some(row) = rows.try_next().await.map_err(fault)? {
        let (at, content): (usize, Vec<u8>) = (row.col("byte_start")?, row.col("content")?);
        let from = span.start.saturating_sub(at);
        let to = content.len().min(span.end.saturating_sub(at));
        bytes.extend_from_slice(content.get(from..to).unwrap_or_default());
    }
    Ok(exact(bytes, span))
}

fn place(byte: usize) -> i64 {
    i64::try_from(byte).unwrap_or(i64::MAX)
}

/// The bytes as text, where they are the whole stretch.
pub(super) fn exact(bytes: Vec<u8>, span: Span) -> Option<String> {
    (bytes.len() == span.len_bytes()).then(|| String::from_utf8(bytes).ok()).flatten()
}

/// What a part of a text, `t`, holds of the bytes from `$first` to `$last`.
macro_rules! piece_of {
    ($first:literal, $last:literal) => {
        concat!(
            "substr(t.content, max(",
            $first,
            " - t.byte_start, 0) + 1, min(",
            $last,
            " - t.byte_start, length(t.content)) - max(",
            $first,
            " - t.byte_start, 0)) AS piece"
        )
    };
}

/// The parts of a version's text that hold a byte from `$first` to `$last`; `$part_bytes` is their largest length.
macro_rules! parts_of {
    ($version:literal, $first:literal, $last:literal, $part_bytes:literal) => {
        concat!(
            "t.version = ",
            $version,
            " AND t.byte_start > ",
            $first,
            " - ",
            $part_bytes,
            " AND t.byte_start < ",
            $last,
            " AND t.byte_start + length(t.content) > ",
            $first
        )
    };
}

/// The statement that reads wanted stretches, `w`, in pieces; `$columns` and `$joined` say what else of each.
macro_rules! select_pieces {
    ($columns:literal, $joined:literal) => {
        concat!(
            "WITH w AS MATERIALIZED (
                 SELECT key AS place, unhex(value ->> 0) AS version, value ->> 1 AS first, value ->> 2 AS last
                 FROM json_each(?1))
             SELECT w.place, ",
            $columns,
            piece_of!("w.first", "w.last"),
            " FROM w ",
            $joined,
            " CROSS JOIN texts t WHERE ",
            parts_of!("w.version", "w.first", "w.last", "?2"),
            " ORDER BY w.place, t.byte_start"
        )
    };
}

pub(super) use {parts_of, piece_of, select_pieces};

/// Stretches of versions' texts, in one statement however many there are.
pub(super) async fn pieces(
    conn: &mut SqliteConnection,
    wanted: &[(VersionId, Span)],
) -> Result<Vec<Option<String>>> {
    let rows = read_pieces(conn, select_pieces!("", ""), wanted).await?;
    joined(&rows, wanted)
}

/// The rows of a [`select_pieces`] for these stretches.
pub(super) async fn read_pieces(
    conn: &mut SqliteConnection,
    statement: &'static str,
    wanted: &[(VersionId, Span)],
) -> Result<Vec<SqliteRow>> {
    sql(statement).bind(as_json(wanted)).bind(PART_BYTES).all(conn).await
}

/// The stretches whose pieces these rows are.
pub(super) fn joined<'a>(
    rows: impl IntoIterator<Item = &'a SqliteRow>,
    wanted: &[(VersionId, Span)],
) -> Result<Vec<Option<String>>> {
    let mut found: HashMap<usize, Vec<u8>> = HashMap::with_capacity(wanted.len());
    for row in rows {
        let piece: Vec<u8> = row.col("piece")?;
        found.entry(row.col("place")?).or_default().extend_from_slice(&piece);
    }
    let take = |(place, (_, span)): (usize, &(VersionId, Span))| {
        exact(found.remove(&place).unwrap_or_default(), *span)
    };
    Ok(wanted.iter().enumerate().map(take).collect())
}

fn as_json(wanted: &[(VersionId, Span)]) -> String {
    let hex = |id: &VersionId| id.to_string().replace('-', "");
    let items: Vec<String> = wanted
        .iter()
        .map(|(version, span)| format!("[\"{}\",{},{}]", hex(version), span.start, span.end))
        .collect();
    format!("[{}]", items.join(","))
}

/// The text of a stored chunk, which is always there.
pub(super) fn required(text: Option<String>) -> Result<String> {
    text.ok_or_else(|| damaged("a chunk's text"))
}
