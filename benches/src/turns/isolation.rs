//! What a slow provider costs those who ask another one: the same questions with it idle, and with all its room taken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chatbot_core::config::{EngineConfig, ResilienceConfig, TurnConfig};
use chatbot_core::types::Strategy;
use chatbot_core::{Chatbot, TurnRequest};
use serde_json::json;
use tempfile::TempDir;

use super::asking::ask_with;
use crate::Result;
use crate::figure::Figure;
use crate::measurement::Table;
use crate::stats::Samples;

/// How long the one model takes for an answer, and the one that is twenty times slower, in milliseconds.
const QUICK_MS: u64 = 50;
const SLOW_MS: u64 = 20 * QUICK_MS;
/// Questions to the quick one in a block, and blocks of each kind, which take turns.
const BLOCK: usize = 50;
const N_BLOCKS: usize = 6;
/// What its 99th percentile may rise by, in hundredths.
const BAR_PERCENT: f64 = 10.0;

/// Measures the turns of one provider beside those of a slow one.
///
/// # Errors
/// Where a turn fails.
pub async fn measure(model: SocketAddr, table: &mut Table) -> Result<()> {
    let folder = TempDir::new()?;
    let after = |ms| format!("openai+http://{model}/after/{ms}/v1#instant");
    let (quick, slow) = (after(QUICK_MS), after(SLOW_MS));
    let config = EngineConfig {
        models: vec![quick.clone(), slow.clone()],
        embedder: "none".to_owned(),
        turns: TurnConfig { titles: false, ..TurnConfig::default() },
        ..EngineConfig::default()
    };
    let chatbot = Chatbot::builder().config(config).data_dir(folder.path()).build().await?;
    let chatbot = Arc::new(chatbot);
    block(&chatbot, &quick).await?;
    let (mut alone, mut beside, mut n_slow) = (Samples::default(), Samples::default(), 0);
    for _ in 0..N_BLOCKS {
        alone.extend(block(&chatbot, &quick).await?);
        let crowd = Crowd::gather(&chatbot, &slow);
        // The first of them are all waiting for their answers.
        tokio::time::sleep(Duration::from_millis(SLOW_MS / 2)).await;
        beside.extend(block(&chatbot, &quick).await?);
        n_slow += crowd.leave().await?;
    }
    let added = 100.0 * (beside.ms(99) / alone.ms(99) - 1.0);
    let detail = format!(
        "p99 {:.2} ms beside {:.2} alone, p50 {:.2} and {:.2}, of {} questions each; {n_slow} of the slow one",
        beside.ms(99),
        alone.ms(99),
        beside.ms(50),
        alone.ms(50),
        alone.len()
    );
    let row = Figure::new("p99 beside a provider that is 20 times slower", added, "%", BAR_PERCENT);
    table.row(row.with_detail(detail));
    table.note(
        "isolation",
        json!({
            "alone_p50_ms": alone.ms(50), "alone_p99_ms": alone.ms(99), "beside_p50_ms": beside.ms(50),
            "beside_p99_ms": beside.ms(99), "turns": alone.len(), "slow_turns": n_slow,
        }),
    );
    Ok(chatbot.close().await?)
}

async fn ask(chatbot: &Chatbot, model: &str) -> Result<Duration> {
    let request = TurnRequest {
        strategy: Strategy::None,
        model: Some(model.to_owned()),
        ..TurnRequest::new("When was the harbour bridge finished?")
    };
    Ok(ask_with(chatbot, request).await?.0)
}

/// Questions one after the other.
async fn block(chatbot: &Chatbot, model: &str) -> Result<Samples> {
    let mut samples = Samples::default();
    for _ in 0..BLOCK {
        samples.push(ask(chatbot, model).await?);
    }
    Ok(samples)
}

/// Conversations with the slow provider, each asking again as soon as it is answered.
struct Crowd {
    is_over: Arc<AtomicBool>,
    asking: Vec<tokio::task::JoinHandle<Result<usize>>>,
}

impl Crowd {
    fn gather(chatbot: &Arc<Chatbot>, model: &str) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let one = || {
            let (chatbot, model) = (Arc::clone(chatbot), model.to_owned());
            let is_over = Arc::clone(&is_over);
            tokio::spawn(async move {
                let mut n = 0;
                while !is_over.load(Ordering::Relaxed) {
                    ask(&chatbot, &model).await?;
                    n += 1;
                }
                Ok(n)
            })
        };
        // All that one provider is given.
        let n_rooms = ResilienceConfig::default().max_concurrent;
        let asking = (0..n_rooms).map(|_| one()).collect();
        Self { is_over, asking }
    }

    /// Ends them, and says how many answers they had.
    async fn leave(self) -> Result<usize> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut n = 0;
        for asking in self.asking {
            n += asking.await??;
        }
        Ok(n)
    }
}
