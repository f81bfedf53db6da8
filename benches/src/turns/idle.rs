//! What a session that nobody uses costs in the server's memory: the store has it, so next to nothing.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tempfile::TempDir;

use crate::Result;
use crate::client::Client;
use crate::figure::Figure;
use crate::measurement::Table;
use crate::server::Program;

/// Sessions before the first look, so that caches of a fixed size are full.
const N_BEFORE: usize = 5_000;
/// Questions at the same time.
const N_CONCURRENT: usize = 32;
/// How long the server rests before a look: its allocator gives pages back within a second, and checkpoints are done.
const REST: Duration = Duration::from_secs(15);
/// What a session may take, in 10³ bytes.
const BAR_KB: f64 = 4.0;

/// Lets a server hold so many sessions of one turn each, and looks at its memory before and after.
///
/// # Errors
/// Where a question fails, or the system does not tell how much memory a process has: only Linux does.
pub async fn measure(program: &Program, n_sessions: usize, table: &mut Table) -> Result<()> {
    let folder = TempDir::new()?;
    let server = program.start(&folder.path().join("data")).await?;
    let client = Client::new(server.address)?;
    converse(&client, &program.model, N_BEFORE).await?;
    tokio::time::sleep(REST).await;
    let before = server.resident_mb()?;
    converse(&client, &program.model, n_sessions).await?;
    tokio::time::sleep(REST).await;
    let after = server.resident_mb()?;
    let n = f64::from(u32::try_from(n_sessions)?);
    let detail = format!("{before:.1} MB, and {after:.1} MB with {n_sessions} more");
    let each = (after - before) * 1e3 / n;
    table.row(Figure::new("memory of an idle session", each, "kB", BAR_KB).with_detail(detail));
    server.stop().await
}

/// Begins sessions, each with one question.
async fn converse(client: &Client, model: &str, n: usize) -> Result<()> {
    let asked = stream::iter(0..n).map(|number| {
        let question = format!("Question {number}: when was the harbour bridge finished?");
        async move { client.ask_with(&question, Some(model), "none").await.map(drop) }
    });
    let asked: Vec<Result<()>> = asked.buffer_unordered(N_CONCURRENT).collect().await;
    asked.into_iter().collect()
}
