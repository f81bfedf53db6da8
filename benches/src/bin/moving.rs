//! The drill: another embedder takes over while people ask. Each figure stands beside its bar.
//!
//! `moving [--json FILE]`
//!
//! In one process, over a data directory as a server has it. The embedders are scripted, so that what a passage means
//! costs nothing and what is measured is the move: whether a question fails, and whether what is found is ever worse than
//! what the embedder before found.
#![allow(clippy::print_stdout, reason = "this program prints a table")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chatbot_benches::Result;
use chatbot_benches::figure::Figure;
use chatbot_benches::measurement::{self, Table};
use chatbot_benches::prose::Prose;
use chatbot_benches::stats::Samples;
use chatbot_core::config::EngineConfig;
use chatbot_core::testing::ScriptedEmbedder;
use chatbot_core::traits::EmbedKind;
use chatbot_core::types::{SearchRequest, Strategy};
use chatbot_core::{Chatbot, Context, NewDocument};
use futures_util::stream::{self, StreamExt as _};
use tempfile::TempDir;

const N_PASSAGES: usize = 10_000;
/// People who ask, each the next question as soon as the one before is answered.
const N_CLIENTS: usize = 16;
/// Passages that questions are made from.
const N_QUESTIONS: usize = 200;
/// Hits that are looked through for the passage that a question was made from.
const DEPTH: usize = 10;
/// Documents that are added at the same time.
const N_CONCURRENT: usize = 8;

#[tokio::main]
async fn main() -> ExitCode {
    measurement::run(&["json"], async |_, table| Drill::new(table)?.all().await).await
}

struct Drill<'t> {
    folder: TempDir,
    questions: Arc<Vec<Question>>,
    texts: Vec<String>,
    table: &'t mut Table,
}

/// A question, and the title of the passage that it was made from.
struct Question {
    text: String,
    title: String,
}

impl<'t> Drill<'t> {
    fn new(table: &'t mut Table) -> Result<Self> {
        let mut prose = Prose::new(41);
        let texts: Vec<String> = (0..N_PASSAGES).map(|_| prose.paragraph()).collect();
        let about = texts.iter().enumerate().step_by(N_PASSAGES / N_QUESTIONS);
        let asked =
            about.map(|(n, text)| Question { text: prose.question_about(text), title: title(n) });
        let questions = Arc::new(asked.collect());
        Ok(Self { folder: TempDir::new()?, questions, texts, table })
    }

    async fn all(self) -> Result<()> {
        let old = ScriptedEmbedder::with_fingerprint("old");
        let new = ScriptedEmbedder::with_fingerprint("new");
        let chatbot = open(self.folder.path(), &old, None).await?;
        fill(&chatbot, &self.texts).await?;
        let before = ask_each(&chatbot, &self.questions).await?;
        let alone = self.clients(&chatbot, Until::Asked(N_QUESTIONS * N_CLIENTS)).await?;
        chatbot.close().await?;
        drop(chatbot);

        let chatbot = open(self.folder.path(), &new, Some(&old)).await?;
        let begun = Instant::now();
        let during = self.clients(&chatbot, Until::Moved).await?;
        let took = begun.elapsed();
        let after = ask_each(&chatbot, &self.questions).await?;
        let n_embedded = new.n_texts(EmbedKind::Document);
        chatbot.close().await?;

        let detail = format!("{} asked by {N_CLIENTS} clients", during.n_asked);
        self.table.row(
            Figure::new("questions that failed", count(during.n_failed), "", 0.0)
                .with_detail(detail),
        );
        let detail = format!("{:.4} before, {:.4} after it", before, after);
        let lost = (before - during.found()).max(0.0);
        self.table.row(
            Figure::new("share of passages found, lost meanwhile", lost, "", 0.005)
                .with_detail(detail),
        );
        let detail = format!("{n_embedded} passages embedded");
        self.table.row(
            Figure::new("the move", took.as_secs_f64(), "s", f64::INFINITY).with_detail(detail),
        );
        let detail = format!("{:.1} ms without a move", alone.took.ms(95));
        self.table.row(
            Figure::new("a question meanwhile, p95", during.took.ms(95), "ms", f64::INFINITY)
                .with_detail(detail),
        );
        Ok(())
    }

    /// Lets the clients ask until it is enough.
    async fn clients(&self, chatbot: &Chatbot, until: Until) -> Result<Asked> {
        let (stop, number) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let clients: Vec<_> = (0..N_CLIENTS)
            .map(|_| {
                let client = Client {
                    chatbot: chatbot.clone(),
                    questions: Arc::clone(&self.questions),
                    number: Arc::clone(&number),
                    stop: Arc::clone(&stop),
                };
                tokio::spawn(client.ask())
            })
            .collect();
        loop {
            let is_enough = match until {
                Until::Asked(n) => number.load(Ordering::Relaxed) >= n,
                Until::Moved => {
                    let progress = chatbot.embedding_progress().await?;
                    progress.n_done == progress.n_total
                }
            };
            if is_enough {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if matches!(until, Until::Moved) {
            chatbot.vectors_applied(&Context::local()).await?;
        }
        stop.store(true, Ordering::Relaxed);
        let mut all = Asked::default();
        for client in clients {
            all.add(client.await?);
        }
        Ok(all)
    }
}

/// When the clients have asked enough.
#[derive(Clone, Copy)]
enum Until {
    Asked(usize),
    Moved,
}

struct Client {
    chatbot: Chatbot,
    questions: Arc<Vec<Question>>,
    number: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

/// What came of many questions.
#[derive(Default)]
struct Asked {
    n_asked: usize,
    n_failed: usize,
    n_found: usize,
    took: Samples,
}

impl Asked {
    fn add(&mut self, other: Self) {
        self.n_asked += other.n_asked;
        self.n_failed += other.n_failed;
        self.n_found += other.n_found;
        self.took.extend(other.took);
    }

    fn found(&self) -> f64 {
        count(self.n_found) / count(self.n_asked - self.n_failed).max(1.0)
    }
}

impl Client {
    async fn ask(self) -> Asked {
        let mut asked = Asked::default();
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let Some(question) = self.questions.get(number % self.questions.len()) else { break };
            let begun = Instant::now();
            asked.n_asked += 1;
            match finds(&self.chatbot, question).await {
                Ok(found) => asked.n_found += usize::from(found),
                Err(error) => {
                    eprintln!("error: {error}");
                    asked.n_failed += 1;
                }
            }
            asked.took.push(begun.elapsed());
        }
        asked
    }
}

async fn open(
    dir: &Path,
    embedder: &ScriptedEmbedder,
    previous: Option<&ScriptedEmbedder>,
) -> Result<Chatbot> {
    let config = EngineConfig { data_dir: Some(dir.into()), ..EngineConfig::default() };
    let builder = Chatbot::builder().config(config).custom_embedder(embedder.clone());
    let builder = match previous {
        Some(previous) => builder.custom_embedder_previous(previous.clone()),
        None => builder,
    };
    Ok(builder.build().await?)
}

async fn fill(chatbot: &Chatbot, texts: &[String]) -> Result<()> {
    let ctx = Context::local();
    let added = stream::iter(texts.iter().enumerate()).map(|(n, text)| {
        let new = NewDocument { title: Some(title(n)), ..NewDocument::default() };
        chatbot.add_text(&ctx, new, text)
    });
    let added: Vec<_> = added.buffer_unordered(N_CONCURRENT).collect().await;
    for document in added {
        let mut states = chatbot.watch_document(&ctx, document?.id).await?;
        while states.next().await.is_some() {}
    }
    Ok(chatbot.vectors_applied(&ctx).await?)
}

/// The share of questions whose passage is found.
async fn ask_each(chatbot: &Chatbot, questions: &[Question]) -> Result<f64> {
    let mut n_found = 0;
    for question in questions {
        n_found += usize::from(finds(chatbot, question).await?);
    }
    Ok(count(n_found) / count(questions.len()))
}

/// Whether the passage that the question was made from is among the first, by meaning alone: words would hide a loss.
async fn finds(chatbot: &Chatbot, question: &Question) -> Result<bool> {
    let request = SearchRequest {
        strategy: Strategy::Dense,
        top_k: DEPTH,
        ..SearchRequest::new(&question.text)
    };
    let reply = chatbot.search(&Context::local(), request).await?;
    Ok(reply.hits.iter().any(|hit| hit.title == question.title))
}

fn title(n: usize) -> String {
    format!("passage {n}")
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}
