//! The whole way from a question to its answer beside other libraries: the same passages, the same vectors, the same model
//! behind HTTP, in one run.
//!
//! What counts is a question's time less that of a plain request to the model in the same language, so that neither the model
//! nor the loopback address is counted. Ours stores each question and each answer durably, which the others do not do; that
//! part is measured by itself, and shown.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use chatbot_core::types::{Message, Strategy};
use chatbot_core::{Chatbot, Context};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::asking::{Durable, ask};
use super::passages::{HashEmbedder, Passages};
use super::peer::{Block, Peer, Python};
use crate::Result;
use crate::client::http;
use crate::figure::Figure;
use crate::measurement::Table;
use crate::processes::Computed;
use crate::stats::Samples;

/// The others, by the names that the script knows them by.
const PEERS: [&str; 3] = ["haystack", "llama_index", "langchain"];
const OURS: &str = "chatbot-core";
/// Questions of one contestant before the next has its go.
const BLOCK: usize = 20;
/// Letters in a plain request: about what eight passages and a question have.
const BARE_CHARS: usize = 5_000;
/// Our share of a peer's time at the most: a tenth.
const BAR_PERCENT: f64 = 10.0;
/// Our passages that a peer may lack: those whose scores are the same up to rounding.
const BAR_OTHER_IDS_PERCENT: f64 = 1.0;

/// What was measured of one contestant.
#[derive(Debug, Default)]
struct Contestant {
    total: Samples,
    bare: Samples,
    /// What the durable writes of the same turns take by themselves; nothing for those that store nothing.
    writes: Samples,
    /// Seconds of the processor beyond the plain requests.
    cpu_s: f64,
    ids: Vec<Vec<usize>>,
}

impl Contestant {
    fn add(&mut self, block: Block) {
        self.total.extend(block.total_s.iter().map(|s| Duration::from_secs_f64(*s)).collect());
        self.bare.extend(block.bare_s.iter().map(|s| Duration::from_secs_f64(*s)).collect());
        self.cpu_s += block.cpu_s - block.bare_cpu_s;
        self.ids.extend(block.ids);
    }

    /// What a question takes beyond the model, in milliseconds, with what it stores.
    fn added(&self) -> f64 {
        self.total.ms(50) - self.bare.ms(50)
    }

    /// Milliseconds of the processor of a question beyond the plain request.
    fn cpu_ms(&self) -> f64 {
        let n = u32::try_from(self.total.len()).unwrap_or(u32::MAX);
        self.cpu_s * 1e3 / f64::from(n.max(1))
    }

    /// The share of these passages that it answered from.
    fn share_of(&self, other: &[Vec<usize>]) -> f64 {
        let (mut n_same, mut n_all) = (0_u32, 0_u32);
        for (ours, theirs) in self.ids.iter().zip(other) {
            n_all += u32::try_from(theirs.len()).unwrap_or(u32::MAX);
            let same = theirs.iter().filter(|id| ours.contains(id)).count();
            n_same += u32::try_from(same).unwrap_or(u32::MAX);
        }
        if n_all == 0 { 0.0 } else { f64::from(n_same) / f64::from(n_all) }
    }
}

/// Measures us, on the data directory that holds the passages, and each peer, in blocks that take each other's place in rotated order.
///
/// # Errors
/// Where a peer cannot be started, or a question fails.
pub async fn measure(
    (passages, data): (&Passages, &Path),
    python: &Python,
    model: SocketAddr,
    table: &mut Table,
) -> Result<()> {
    let folder = TempDir::new()?;
    passages.write(folder.path())?;
    let ours = Ours::open((passages, data), model).await?;
    let address = format!("http://{model}/v1");
    let mut peers = Vec::new();
    for name in PEERS {
        let mut peer = Peer::start(python, name, folder.path(), &address).await?;
        // Not counted: what is imported and built at the first question.
        peer.ask(0, BLOCK.min(passages.questions.len())).await?;
        peers.push((peer, Contestant::default()));
    }
    let mut own = Contestant::default();
    ours.block(0, BLOCK, &mut Contestant::default()).await?;
    for (round, from) in (0..passages.questions.len()).step_by(BLOCK).enumerate() {
        let to = (from + BLOCK).min(passages.questions.len());
        for place in 0..=PEERS.len() {
            match (place + round) % (PEERS.len() + 1) {
                0 => ours.block(from, to, &mut own).await?,
                n => {
                    if let Some((peer, contestant)) = peers.get_mut(n - 1) {
                        contestant.add(peer.ask(from, to).await?);
                    }
                }
            }
        }
    }
    ours.close().await?;
    compare(&own, &peers, table);
    Ok(())
}

fn compare(own: &Contestant, peers: &[(Peer, Contestant)], table: &mut Table) {
    let (whole, write) = (own.added(), own.writes.ms(50));
    let alone = whole - write;
    let detail = format!(
        "question {:.2}, plain request {:.2}, durable write {write:.2}, processor {:.2}, of {}",
        own.total.ms(50),
        own.bare.ms(50),
        own.cpu_ms(),
        own.total.len()
    );
    table.told("a question over HTTP, ours, beyond the model, p50", whole, "ms", &detail);
    let mut rows = vec![row(OURS, env!("CARGO_PKG_VERSION"), own, 1.0)];
    for (peer, of) in peers {
        let (name, added) = (peer.name, of.added());
        let detail = format!(
            "{alone:.2} ms beside {added:.2} ms; {:.1} % with our durable write; processor {:.2} ms beside {:.2} ms",
            100.0 * whole / added,
            own.cpu_ms(),
            of.cpu_ms()
        );
        let share = 100.0 * alone / added;
        let figure =
            Figure::new(format!("time of a question beside {name}"), share, "%", BAR_PERCENT);
        table.row(figure.with_detail(detail));
        let same = of.share_of(&own.ids);
        let name = format!("passages that {name} lacks of ours");
        table.row(Figure::new(name, 100.0 * (1.0 - same), "%", BAR_OTHER_IDS_PERCENT));
        rows.push(row(peer.name, &peer.version, of, same));
    }
    table.note("questions", Value::Array(rows));
}

fn row(name: &str, version: &str, of: &Contestant, same: f64) -> Value {
    json!({
        "name": name, "version": version, "total_p50_ms": of.total.ms(50), "total_p99_ms": of.total.ms(99),
        "bare_p50_ms": of.bare.ms(50), "write_p50_ms": of.writes.ms(50), "added_p50_ms": of.added(), "added_cpu_ms": of.cpu_ms(),
        "same_ids": same, "questions": of.total.len(),
    })
}

/// Ourselves, with the model behind HTTP as the others have it.
struct Ours<'p> {
    passages: &'p Passages,
    chatbot: Chatbot,
    durable: Durable,
    http: reqwest::Client,
    model: String,
}

impl<'p> Ours<'p> {
    async fn open((passages, data): (&'p Passages, &Path), model: SocketAddr) -> Result<Self> {
        let chatbot = Chatbot::builder()
            .data_dir(data)
            .model(format!("openai+http://{model}/v1#instant"))
            .custom_embedder(HashEmbedder::default())
            .build()
            .await?;
        chatbot.vectors_applied(&Context::local()).await?;
        let durable = Durable::open(data).await?;
        let model = format!("http://{model}/v1/chat/completions");
        Ok(Self { passages, chatbot, durable, http: http()?, model })
    }

    /// Answers these questions, then makes as many plain requests and as many durable writes.
    async fn block(&self, from: usize, to: usize, contestant: &mut Contestant) -> Result<()> {
        let questions = self.passages.questions.iter().take(to).skip(from);
        let mut answered: Vec<(&str, Message)> = Vec::new();
        for question in questions {
            let before = Computed::now();
            let (took, answer) = ask(&self.chatbot, question, Strategy::Dense).await?;
            contestant.cpu_s += before.since().as_secs_f64();
            contestant.total.push(took);
            let ids = answer.sources.iter().filter_map(|source| source.title.parse().ok());
            contestant.ids.push(ids.collect());
            let before = Computed::now();
            contestant.bare.push(self.plain().await?);
            contestant.cpu_s -= before.since().as_secs_f64();
            answered.push((question, answer));
        }
        for (question, answer) in answered {
            contestant.writes.push(self.durable.write(question, &answer).await?);
        }
        Ok(())
    }

    async fn plain(&self) -> Result<Duration> {
        let message = json!({"role": "user", "content": "x".repeat(BARE_CHARS)});
        let body = json!({"model": "instant", "stream": true, "messages": [message]});
        let begun = Instant::now();
        let reply = self.http.post(&self.model).json(&body).send().await?;
        reply.error_for_status()?.bytes().await?;
        Ok(begun.elapsed())
    }

    async fn close(self) -> Result<()> {
        self.durable.close().await;
        Ok(self.chatbot.close().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_lacks_is_a_share_of_ours() {
        let block = Block {
            total_s: vec![0.004, 0.006],
            bare_s: vec![0.001, 0.001],
            cpu_s: 0.005,
            bare_cpu_s: 0.001,
            ids: vec![vec![1, 2], vec![3, 9]],
        };
        let mut contestant = Contestant::default();
        contestant.add(block);
        assert!((contestant.added() - 3.0).abs() < 1e-9);
        assert!((contestant.cpu_ms() - 2.0).abs() < 1e-9);
        assert!((contestant.share_of(&[vec![2, 1], vec![3, 4]]) - 0.75).abs() < 1e-9);
        assert!(contestant.share_of(&[]).abs() < 1e-9);
    }
}
