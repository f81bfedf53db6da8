//! What a store holds, without the ids and times that differ from life to life.

use crate::error::Result;
use crate::stores::sqlite::SqliteStore;
use crate::stores::sqlite::sql::{Columns as _, sql};

/// Each says one thing about the state, as text.
const FACTS: &[&str] = &[
    "SELECT json_group_array(name) AS v FROM (SELECT name FROM collections WHERE deleted_at IS NULL ORDER BY name)",
    "SELECT json_group_array(json_array(title, live IS NOT NULL, deleted_at IS NOT NULL)) AS v FROM documents",
    "SELECT json_group_array(json_array(number, state, stage, text_bytes, chunk_count, dense, published_seq IS NOT NULL)) AS v
     FROM (SELECT * FROM versions ORDER BY number)",
    "SELECT json_group_array(cast(content AS TEXT)) AS v FROM (SELECT content FROM texts ORDER BY content)",
    "SELECT json_array(count(*), sum(byte_end - byte_start)) AS v FROM chunks",
    "SELECT json_array(count(*), sum(length(vector))) AS v FROM embeddings",
    "SELECT json_array(count(*), sum(token IS NOT NULL)) AS v FROM jobs",
    "SELECT json_array(count(*), sum(token IS NOT NULL), sum(n_done)) AS v FROM embedding_jobs",
    "SELECT json_group_array(json_array(kind, seq)) AS v FROM (SELECT * FROM changes ORDER BY seq)",
    "SELECT json_group_array(json_array(index_name, seq)) AS v FROM (SELECT * FROM checkpoints ORDER BY 1)",
    "SELECT json_group_array(json_array(title, message_count, deleted_at IS NOT NULL)) AS v
     FROM (SELECT * FROM sessions ORDER BY seq)",
    "SELECT json_group_array(json_array(role, state, content, token IS NOT NULL)) AS v
     FROM (SELECT * FROM messages ORDER BY seq)",
    "SELECT json_array(count(*), sum(input_tokens), sum(is_settled)) AS v FROM calls",
    "SELECT json_array(count(*)) AS v FROM message_search",
    "SELECT json_array(count(*)) AS v FROM idempotency",
    "SELECT json_group_array(kind) AS v FROM (SELECT kind FROM garbage ORDER BY seq)",
    "SELECT json_array(count(*)) AS v FROM orphans",
];

/// What a store holds.
pub(super) type Facts = Vec<String>;

/// Reads them in one snapshot.
pub(super) async fn facts(store: &SqliteStore) -> Result<Facts> {
    let mut tx = store.snapshot().await?;
    let mut facts = Vec::with_capacity(FACTS.len());
    for fact in FACTS {
        facts.push(sql(fact).one(&mut tx).await?.col("v")?);
    }
    Ok(facts)
}

/// Fails unless SQLite finds the file whole.
pub(super) async fn is_whole(store: &SqliteStore) -> Result<()> {
    let mut tx = store.snapshot().await?;
    let row = sql("PRAGMA integrity_check").one(&mut tx).await?;
    assert_eq!(row.col::<String>("integrity_check")?, "ok");
    Ok(())
}
