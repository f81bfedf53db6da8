//! Chunks, with the text their spans stand for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::error::damaged;
use super::sql::{Columns as _, hex_list, sql};
use super::texts::{PART_BYTES, parts_of, piece_of, select_pieces};
use super::{SqliteStore, cursor, texts};
use crate::context::{Context, ReadSet};
use crate::error::Result;
use crate::traits::{ChunkReader, Passage, PassageRequest};
use crate::types::{
    Chunk, ChunkHash, ChunkId, DocumentId, Language, Metadata, Page, PageRequest, Span, VersionId,
};

macro_rules! select_chunks {
    ($from:literal, $columns:expr, $tail:expr) => {
        concat!(
            "SELECT c.id, c.version, c.ordinal, c.byte_start, c.byte_end, c.heading, c.page_start, c.page_end,
                    c.page_starts, c.language, d.id AS document, d.collection, d.title, v.number",
            $columns,
            " FROM ",
            $from,
            " JOIN versions v ON v.id = c.version
              JOIN documents d ON d.id = v.document AND d.live = c.version ",
            $tail
        )
    };
}

#[async_trait]
impl ChunkReader for SqliteStore {
    async fn hydrate(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        chunks: &[ChunkId],
    ) -> Result<Vec<Passage>> {
        if chunks.is_empty() || read_set.is_empty() {
            return Ok(Vec::new());
        }
        ctx.run(async { hydrate(&mut *self.reader().await?, read_set, chunks).await }).await
    }

    async fn slices(
        &self,
        ctx: &Context,
        read_set: &ReadSet,
        requests: &[PassageRequest],
    ) -> Result<Vec<Option<String>>> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        ctx.run(async { slices(&mut *self.reader().await?, read_set, requests).await }).await
    }
}

async fn hydrate(
    conn: &mut SqliteConnection,
    read_set: &ReadSet,
    wanted: &[ChunkId],
) -> Result<Vec<Passage>> {
    let rows = sql(select_chunks!(
        "json_each(?1) w CROSS JOIN chunks c ON c.id = unhex(w.value)",
        concat!(
            ", d.metadata, c.hash, iif(v.title_is_sure, v.title, NULL) AS cut_under, w.key AS place, ",
            piece_of!("c.byte_start", "c.byte_end")
        ),
        concat!(
            "LEFT JOIN texts t ON ",
            parts_of!("c.version", "c.byte_start", "c.byte_end", "?2"),
            " ORDER BY w.key, t.byte_start"
        )
    ))
    .bind(hex_list(wanted.iter().map(ChunkId::as_bytes)))
    .bind(PART_BYTES)
    .all(conn)
    .await?;
    let mut found: Vec<(Passage, Named, Vec<u8>)> = Vec::with_capacity(wanted.len());
    let mut metadata: HashMap<DocumentId, Metadata> = HashMap::new();
    for row in rows.iter() {
        if !read_set.contains(row.col("collection")?) {
            continue;
        }
        let piece = row.col::<Option<Vec<u8>>>("piece")?.unwrap_or_default();
        let id: ChunkId = row.col("id")?;
        if wanted.get(row.col::<usize>("place")?) != Some(&id) {
            return Err(damaged("a chunk's id"));
        }
        match found.last_mut() {
            Some((passage, _, text)) if passage.chunk.id == id => text.extend_from_slice(&piece),
            _ => found.push((passage_of(row, &mut metadata)?, Named::of(row)?, piece)),
        }
    }
    let passages = found.into_iter().map(|(mut passage, named, text)| {
        let chunk = &mut passage.chunk;
        chunk.text = texts::required(texts::exact(text, chunk.span))?;
        if named.is(chunk) { Ok(passage) } else { Err(damaged("a chunk's text")) }
    });
    passages.collect()
}

/// What a chunk was named after when it was cut. SQLite has no checksums of its pages: a bit that the disk flipped is
/// noticed here, before somebody is shown what no document says.
struct Named {
    hash: ChunkHash,
    /// Not known of versions from before titles were kept; of those nothing can be said.
    title: Option<String>,
}

impl Named {
    fn of(row: &SqliteRow) -> Result<Self> {
        Ok(Self { hash: row.col("hash")?, title: row.col("cut_under")? })
    }

    fn is(&self, chunk: &Chunk) -> bool {
        let hash = |title: &str| ChunkHash::of(title, chunk.heading.as_deref(), &chunk.text);
        self.title.as_deref().is_none_or(|title| hash(title) == self.hash)
    }
}

/// The passage of a row, without its text; `known` keeps each document's metadata from being parsed again.
fn passage_of(row: &SqliteRow, known: &mut HashMap<DocumentId, Metadata>) -> Result<Passage> {
    let chunk = chunk_of(row)?;
    let metadata = match known.entry(chunk.document_id) {
        Entry::Occupied(parsed) => parsed.get().clone(),
        Entry::Vacant(unparsed) => unparsed.insert(row.json("metadata")?).clone(),
    };
    Ok(Passage { version: row.col("version")?, chunk, metadata })
}

async fn slices(
    conn: &mut SqliteConnection,
    read_set: &ReadSet,
    requests: &[PassageRequest],
) -> Result<Vec<Option<String>>> {
    let wanted: Vec<_> = requests.iter().map(|request| (request.version, request.span)).collect();
    let statement = select_pieces!(
        "d.id AS document, d.collection, ",
        "CROSS JOIN documents d ON d.live = w.version"
    );
    let rows = texts::read_pieces(conn, statement, &wanted).await?;
    let mut readable = Vec::with_capacity(rows.len());
    for row in rows.iter() {
        let asked = requests.get(row.col::<usize>("place")?).map(|request| request.document);
        let is_its = asked == Some(row.col("document")?);
        if is_its && read_set.contains(row.col("collection")?) {
            readable.push(row);
        }
    }
    texts::joined(readable, &wanted)
}

/// A page of a version's chunks, in order.
pub(super) async fn page(
    conn: &mut SqliteConnection,
    version: VersionId,
    page: &PageRequest,
) -> Result<Page<Chunk>> {
    let from = cursor::numbers::<1>(page)?.map_or(0, |[ordinal]| ordinal.saturating_add(1));
    let chunks = range(conn, version, from, cursor::limit(page) + 1).await?;
    Ok(cursor::page_of(chunks, page, |last| cursor::of_numbers(&[i64::from(last.ordinal)])))
}

/// Up to `limit` chunks of a live version from an ordinal on; none where it is not live.
pub(super) async fn range(
    conn: &mut SqliteConnection,
    version: VersionId,
    from: i64,
    limit: usize,
) -> Result<Vec<Chunk>> {
    let rows = sql(select_chunks!(
        "chunks c",
        "",
        "WHERE c.version = ? AND c.ordinal >= ? ORDER BY c.ordinal LIMIT ?"
    ))
    .bind(version)
    .bind(from)
    .bind(limit)
    .all(conn)
    .await?;
    let mut chunks = rows.iter().map(chunk_of).collect::<Result<Vec<Chunk>>>()?;
    let around = chunks.iter().map(|chunk| chunk.span).reduce(Span::union);
    let Some(around) = around else { return Ok(chunks) };
    // Chunks of one version follow each other, so their texts are read as one stretch and cut here.
    let text = texts::required(texts::slice(conn, version, around).await?)?;
    for chunk in &mut chunks {
        let inside = Span::new(chunk.span.start - around.start, chunk.span.end - around.start);
        chunk.text = texts::required(inside.slice(&text).map(str::to_owned))?;
    }
    Ok(chunks)
}

fn chunk_of(row: &SqliteRow) -> Result<Chunk> {
    Ok(Chunk {
        id: row.col("id")?,
        document_id: row.col("document")?,
        version_id: Some(row.col("version")?),
        document_version: row.col("number")?,
        collection_id: row.col("collection")?,
        ordinal: row.col("ordinal")?,
        title: row.col("title")?,
        heading: row.col("heading")?,
        span: Span::new(row.col("byte_start")?, row.col("byte_end")?),
        page_start: row.col("page_start")?,
        page_end: row.col("page_end")?,
        page_starts: row.maybe_json("page_starts")?.unwrap_or_default(),
        language: row.col::<Option<String>>("language")?.map(Language::new),
        text: String::new(),
    })
}
