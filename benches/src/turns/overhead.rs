//! What the engine adds to a model that answers at once: a turn less the durable writes that belong to it.

use std::path::Path;
use std::time::Duration;

use chatbot_core::config::{EngineConfig, TurnConfig};
use chatbot_core::testing::ScriptedModel;
use chatbot_core::types::{Message, Strategy};
use chatbot_core::{Chatbot, Context};
use serde_json::{Value, json};

use super::asking::{Durable, ask};
use super::passages::{HashEmbedder, Passages};
use crate::Result;
use crate::figure::Figure;
use crate::measurement::Table;
use crate::processes::Computed;
use crate::stats::Samples;

/// Turns that a percentile is taken of.
const N_TURNS: usize = 400;
/// Turns, and then as many writes alone, before the other has its go again: what the disk is like is shared by both.
const BLOCK: usize = 50;
/// The ways of a turn, and what each may add at the median, in milliseconds.
const WAYS: [(&str, Strategy, f64); 3] = [
    ("without retrieval", Strategy::None, 0.3),
    ("lexical", Strategy::Lexical, 3.0),
    ("hybrid, question known", Strategy::Hybrid, 5.0),
];

/// Measures each way over these passages, which `data` holds, in one process and one turn after the other.
///
/// # Errors
/// Where a turn fails.
pub async fn measure(passages: &Passages, data: &Path, table: &mut Table) -> Result<()> {
    // A session's title is a second call after the first answer, and would run into the next turn's time.
    let turns = TurnConfig { titles: false, ..TurnConfig::default() };
    let chatbot = Chatbot::builder()
        .config(EngineConfig { turns, ..EngineConfig::default() })
        .data_dir(data)
        .custom_model(ScriptedModel::replying("It is said so in the first source [1]."))
        .custom_embedder(HashEmbedder::default())
        .build()
        .await?;
    chatbot.changes_applied(&Context::local()).await?;
    chatbot.vectors_applied(&Context::local()).await?;
    let durable = Durable::open(data).await?;
    let mut rows = Vec::new();
    for (name, strategy, bar) in WAYS {
        let mut way = Way { chatbot: &chatbot, durable: &durable, passages, strategy, at: 0 };
        // Each question once before: its vector is known then, and the pages are in memory.
        for question in &passages.questions {
            ask(&chatbot, question, strategy).await?;
        }
        rows.push(told(name, bar, &way.measure().await?, table));
    }
    table.note("overhead", Value::Array(rows));
    durable.close().await;
    Ok(chatbot.close().await?)
}

/// Turns, and the durable writes of the same turns alone.
#[derive(Debug, Default)]
struct Measured {
    turns: Samples,
    writes: Samples,
    /// What the process computed meanwhile.
    turns_cpu: Duration,
    writes_cpu: Duration,
}

impl Measured {
    /// Milliseconds of the processor of one turn, beyond those of its writes.
    fn cpu_ms(&self) -> f64 {
        let added = self.turns_cpu.as_secs_f64() - self.writes_cpu.as_secs_f64();
        added * 1e3 / f64::from(u32::try_from(self.turns.len()).unwrap_or(u32::MAX))
    }
}

fn told(name: &str, bar: f64, of: &Measured, table: &mut Table) -> Value {
    let (turn, write) = (of.turns.ms(50), of.writes.ms(50));
    let (turn_p99, write_p99) = (of.turns.ms(99), of.writes.ms(99));
    let detail = format!(
        "turn {turn:.2} (p99 {turn_p99:.2}), durable write {write:.2} (p99 {write_p99:.2}), processor {:.2}, of {}",
        of.cpu_ms(),
        of.turns.len()
    );
    let row = Figure::new(format!("engine, {name}, p50"), turn - write, "ms", bar);
    table.row(row.with_detail(detail));
    json!({
        "way": name, "added_p50_ms": turn - write, "added_cpu_ms": of.cpu_ms(), "turn_p50_ms": turn,
        "turn_p99_ms": turn_p99, "write_p50_ms": write, "write_p99_ms": write_p99, "turns": of.turns.len(),
    })
}

struct Way<'a> {
    chatbot: &'a Chatbot,
    durable: &'a Durable,
    passages: &'a Passages,
    strategy: Strategy,
    at: usize,
}

impl Way<'_> {
    /// Turns and writes in blocks that take each other's place.
    async fn measure(&mut self) -> Result<Measured> {
        let mut of = Measured::default();
        while of.turns.len() < N_TURNS {
            let mut answered: Vec<(String, Message)> = Vec::new();
            let before = Computed::now();
            for _ in 0..BLOCK {
                let question = self.next_question().to_owned();
                let (took, answer) = ask(self.chatbot, &question, self.strategy).await?;
                of.turns.push(took);
                answered.push((question, answer));
            }
            of.turns_cpu += before.since();
            let before = Computed::now();
            for (question, answer) in &answered {
                of.writes.push(self.durable.write(question, answer).await?);
            }
            of.writes_cpu += before.since();
        }
        Ok(of)
    }

    fn next_question(&mut self) -> &str {
        let questions = &self.passages.questions;
        let question = questions.get(self.at % questions.len().max(1));
        self.at += 1;
        question.map_or("What is said?", String::as_str)
    }
}
