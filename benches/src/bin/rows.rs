//! How many users' messages share a flush, and how near the store comes to what the disk allows.
//!
//! `rows [FOLDER]`: where the store is made, and taken away again; the system's temporary folder without. 64 clients write a
//! message each, again and again. Prints one line of JSON.
#![allow(clippy::print_stdout, reason = "this program prints a line")]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatbot_benches::Result;
use chatbot_benches::stats::Samples;
use chatbot_core::Context;
use chatbot_core::stores::SqliteStore;
use chatbot_core::traits::{
    BeginTurn, ConversationStore as _, Store as _, SystemClock, TurnTarget,
};
use chatbot_core::types::{Metadata, SessionPatch};
use serde_json::json;

const N_CLIENTS: usize = 64;
/// Messages of each client.
const N_MESSAGES: usize = 100;
/// Flushes that a median is taken of, before and after.
const N_FLUSHES: usize = 100;
/// What a commit of some messages appends to the log.
const FLUSHED_BYTES: usize = 256 << 10;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = match std::env::args().nth(1) {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let before = flushes(folder.path())?;
    let store = SqliteStore::open(&folder.path().join("store.db"), Arc::new(SystemClock)).await?;
    let store = Arc::new(store);
    let stats = store.writer_stats();
    let began = Instant::now();
    let clients: Vec<_> =
        (0..N_CLIENTS).map(|_| tokio::spawn(client(Arc::clone(&store)))).collect();
    let mut waits = Samples::default();
    for client in clients {
        waits.extend(client.await??);
    }
    let took = began.elapsed();
    let (requests, commits) = {
        let now = store.writer_stats();
        (now.requests - stats.requests, now.commits - stats.commits)
    };
    store.close().await;
    let mut flushes_taken = before;
    flushes_taken.extend(flushes(folder.path())?);
    let flush = flushes_taken.median().unwrap_or_default();
    let (n_flushes, n_messages) = (commits as f64, (N_CLIENTS * N_MESSAGES) as f64);
    let line = json!({
        "messages": N_CLIENTS * N_MESSAGES, "requests": requests, "flushes": commits,
        "rows_per_flush": n_messages / n_flushes, "messages_per_s": n_messages / took.as_secs_f64(),
        "flush_p50_ms": millis(flush), "share_of_time_in_flushes": n_flushes * flush.as_secs_f64() / took.as_secs_f64(),
        "acknowledged_p50_ms": millis(waits.median().unwrap_or_default()),
        "acknowledged_p99_ms": millis(waits.percentile(99).unwrap_or_default()),
    });
    println!("{line}");
    Ok(())
}

async fn client(store: Arc<SqliteStore>) -> chatbot_core::Result<Samples> {
    let ctx = Context::local();
    let mut waits = Samples::default();
    for n in 0..N_MESSAGES {
        let began = Instant::now();
        let turn = BeginTurn {
            target: TurnTarget::NewSession(SessionPatch::default()),
            content: format!(
                "Question {n}: when was the harbour bridge finished, and who paid for it?"
            ),
            metadata: Metadata::new(),
            model: "none".to_owned(),
            idempotency: None,
            lease_ttl: Duration::from_secs(60),
        };
        store.begin_turn(&ctx, turn).await?;
        waits.push(began.elapsed());
    }
    Ok(waits)
}

/// How long the disk takes to make durable what a commit appends.
fn flushes(folder: &Path) -> Result<Samples> {
    let mut file = File::create(folder.join("flushes"))?;
    let bytes = vec![7; FLUSHED_BYTES];
    let mut taken = Samples::default();
    for _ in 0..N_FLUSHES {
        file.write_all(&bytes)?;
        let began = Instant::now();
        file.sync_data()?;
        taken.push(began.elapsed());
    }
    Ok(taken)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
