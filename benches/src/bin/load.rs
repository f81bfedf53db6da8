//! Measures a release build of the server from outside, over HTTP on the loopback address, and sets each figure beside
//! its bar. Bounded in number and time; nothing outlives it.
//!
//! `load --server target/release/chatbot [--json FILE] [--only NAME] [--data FOLDER]`
//!
//! `NAME` is `size`, `start`, `upload`, `filled`, `acknowledge`, `collections`, `ingest` or `meaning`; the public documents below
//! `FOLDER` are for `ingest` alone.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatbot_benches::client::Client;
use chatbot_benches::figure::Figure;
use chatbot_benches::measurement::{self, Options, Table};
use chatbot_benches::prose::Prose;
use chatbot_benches::server::Program;
use chatbot_benches::stats::Samples;
use chatbot_benches::{Failure, Result, ingest, instant_model};
use futures_util::StreamExt as _;
use futures_util::stream;
use tempfile::TempDir;

/// Chunks that the figures about a filled server are taken at.
const N_CHUNKS: u64 = 10_000;
/// Bytes of one document of a filled server; about 100 chunks.
const DOCUMENT_BYTES: usize = 100_000;
/// Collections of one document each.
const N_COLLECTIONS: usize = 10_000;
/// Questions that a percentile is taken of.
const N_QUESTIONS: usize = 300;
/// Starts that a median is taken of.
const N_STARTS: usize = 5;
/// Requests at the same time, where many are made.
const N_CONCURRENT: usize = 8;
/// The longest that 10,000 chunks may take to get their vectors.
const EMBEDDED_WITHIN: Duration = Duration::from_secs(1800);
/// Time between two questions while a large document is taken in: an open loop, so that waiting does not hide waits.
const QUESTION_EVERY: Duration = Duration::from_millis(25);

#[tokio::main]
async fn main() -> ExitCode {
    measurement::run(&["server", "json", "only", "data"], async |options, table| {
        let model = format!("openai+http://{}/v1#instant", instant_model::start().await?);
        let path = options.server()?;
        let program = Program { path, model, embedder: "none", environment: Vec::new() };
        Bench { program, table }.all(options).await
    })
    .await
}

struct Bench<'t> {
    program: Program,
    table: &'t mut Table,
}

impl Bench<'_> {
    async fn all(mut self, options: &Options) -> Result<()> {
        let wanted = |name: &str| options.wants(name);
        if wanted("size") {
            self.size()?;
        }
        if wanted("start") {
            self.start().await?;
        }
        if wanted("upload") {
            self.upload("1 MB", 1, 1_000_000, 0.5).await?;
            self.upload("20 MB", 1, 20_000_000, 10.0).await?;
            self.upload("100 documents of 10 kB", 100, 10_000, 2.0).await?;
        }
        if wanted("filled") {
            self.filled().await?;
        }
        if wanted("acknowledge") {
            self.acknowledge().await?;
        }
        if wanted("collections") {
            self.collections().await?;
        }
        if wanted("ingest") {
            for (by, embedder) in [("words", "none"), ("meaning", "builtin")] {
                self.program.embedder = embedder;
                ingest::measure(&self.program, by, &options.data(), self.table).await?;
            }
        }
        if wanted("meaning") {
            self.program.embedder = "builtin";
            self.meaning().await?;
        }
        Ok(())
    }

    fn size(&mut self) -> Result<()> {
        let n_bytes = u32::try_from(std::fs::metadata(&self.program.path)?.len())?;
        self.table.row(Figure::new("server binary", f64::from(n_bytes) / 1e6, "MB", 70.0));
        Ok(())
    }

    /// Each start on a directory of its own; memory after a moment of rest.
    async fn start(&mut self) -> Result<()> {
        let mut starts = Samples::default();
        let mut resident = 0.0_f64;
        for _ in 0..N_STARTS {
            let place = TempDir::new()?;
            let server = self.program.start(&place.path().join("data")).await?;
            starts.push(server.took);
            tokio::time::sleep(Duration::from_secs(2)).await;
            resident = resident.max(server.resident_mb()?);
            server.stop().await?;
        }
        self.table.row(seconds("start to ready, empty directory", &starts, 50, 0.3));
        self.table.row(Figure::new("resident memory, idle", resident, "MB", 60.0));
        Ok(())
    }

    /// From the first byte of the upload to the first text of an answer that needs the uploaded.
    async fn upload(&mut self, what: &str, n: usize, n_bytes: usize, bar: f64) -> Result<()> {
        let mut prose = Prose::new(3);
        let mut texts: Vec<String> = (0..n).map(|_| prose.text(n_bytes)).collect();
        let place = prose.name();
        let fact = format!("\n\nThe observatory of {place} was opened in the year 1911.\n");
        texts.last_mut().ok_or("no text")?.push_str(&fact);
        let folder = TempDir::new()?;
        let server = self.program.start(&folder.path().join("data")).await?;
        let client = Client::new(server.address)?;
        let begun = Instant::now();
        upload_all(&client, texts).await?;
        let ready = begun.elapsed();
        let question = format!("When was the observatory of {place} opened?");
        let asked_at = begun.elapsed();
        let asked = client.ask(&question, None).await?;
        let took = asked_at + asked.first_text;
        if !asked.text.contains("1911") {
            return Err(Failure::from(format!(
                "the answer does not hold the fact: {}",
                asked.text
            )));
        }
        let detail = format!("ready after {:.2} s", ready.as_secs_f64());
        let name = format!("upload to first answer, {what}");
        self.table.row(Figure::new(name, took.as_secs_f64(), "s", bar).with_detail(detail));
        server.stop().await
    }

    /// Everything that is measured at 10,000 chunks.
    async fn filled(&mut self) -> Result<()> {
        let folder = TempDir::new()?;
        let data = folder.path().join("data");
        let server = self.program.start(&data).await?;
        let client = Client::new(server.address)?;
        let (texts, _, n_chunks) = fill(&client).await?;
        let detail = format!("{n_chunks} chunks");
        self.table.row(
            Figure::new("resident memory, peak of 10,000 chunks", server.peak_mb()?, "MB", 300.0)
                .with_detail(detail),
        );
        tokio::time::sleep(Duration::from_secs(60)).await;
        self.table.row(Figure::new(
            "resident memory, a minute after",
            server.resident_mb()?,
            "MB",
            120.0,
        ));
        let model = self.program.model.clone();
        let scripted = first_texts(&client, &texts, (Some(&model), "lexical")).await?;
        self.table.row(milliseconds(
            "question to first token, scripted model, p50",
            &scripted,
            50,
            5.0,
        ));
        self.table.row(milliseconds(
            "question to first token, scripted model, p99",
            &scripted,
            99,
            15.0,
        ));
        let extractive = first_texts(&client, &texts, (None, "lexical")).await?;
        self.table.row(milliseconds(
            "question to first token, extractive, p50",
            &extractive,
            50,
            10.0,
        ));
        server.stop().await?;
        let mut starts = Samples::default();
        for _ in 0..N_STARTS {
            let server = self.program.start(&data).await?;
            starts.push(server.took);
            server.stop().await?;
        }
        self.table.row(seconds("start to ready, 10,000 chunks", &starts, 50, 1.0));
        Ok(())
    }

    /// What the built-in embedder costs: at rest, while 10,000 chunks get their vectors, and once they have them.
    async fn meaning(&mut self) -> Result<()> {
        let folder = TempDir::new()?;
        let server = self.program.start(&folder.path().join("data")).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let name = "resident memory, idle, with the built-in embedder";
        self.table.row(Figure::new(name, server.resident_mb()?, "MB", 80.0));
        let client = Client::new(server.address)?;
        let (texts, documents, n_chunks) = fill(&client).await?;
        let begun = Instant::now();
        let model = self.program.model.clone();
        let asked = |model| first_texts(&client, &texts, (model, "hybrid"));
        let meanwhile = asked(Some(model.as_str())).await?;
        for document in &documents {
            while client.dense_coverage(document).await? < 1.0 {
                if begun.elapsed() > EMBEDDED_WITHIN {
                    return Err(Failure::from("the embedding takes too long"));
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        let detail = format!("{n_chunks} chunks in {:.0} s", begun.elapsed().as_secs_f64());
        let name = "resident memory, peak of embedding 10,000 chunks";
        self.table.row(Figure::new(name, server.peak_mb()?, "MB", 300.0).with_detail(detail));
        let scripted = asked(Some(model.as_str())).await?;
        self.table.row(milliseconds(
            "hybrid, first token, scripted model, p50",
            &scripted,
            50,
            12.0,
        ));
        self.table.row(milliseconds(
            "hybrid, first token, scripted model, p99",
            &scripted,
            99,
            40.0,
        ));
        let bar = 2.0 * scripted.ms(95);
        let name = "hybrid, first token, p95 during embedding, twice that after it";
        self.table.row(milliseconds(name, &meanwhile, 95, bar));
        let extractive = asked(None).await?;
        self.table.row(milliseconds("hybrid, first token, extractive, p50", &extractive, 50, 80.0));
        server.stop().await
    }

    /// How long a question takes to be stored while 20 MB are taken in, three times over.
    async fn acknowledge(&mut self) -> Result<()> {
        let folder = TempDir::new()?;
        let server = self.program.start(&folder.path().join("data")).await?;
        let client = Client::new(server.address)?;
        let mut prose = Prose::new(5);
        let mut samples = Samples::default();
        for round in 0..3 {
            let text = prose.text(20_000_000);
            let document = client.upload(&format!("large-{round}.txt"), text).await?;
            let ready = client.until_ready(&document);
            tokio::pin!(ready);
            let mut asking = stream::FuturesUnordered::new();
            let mut ticks = tokio::time::interval(QUESTION_EVERY);
            loop {
                tokio::select! {
                    done = &mut ready => { done?; break; }
                    _ = ticks.tick() => {
                        let (client, model) = (client.clone(), self.program.model.clone());
                        asking.push(tokio::spawn(async move {
                            client.ask("What is said about the year?", Some(&model)).await
                        }));
                    }
                    Some(asked) = asking.next() => samples.push(asked??.acknowledged),
                }
            }
            while let Some(asked) = asking.next().await {
                samples.push(asked??.acknowledged);
            }
        }
        let figure = milliseconds("message acknowledged during 20 MB, p99", &samples, 99, 20.0);
        self.table.row(figure);
        server.stop().await
    }

    async fn collections(&mut self) -> Result<()> {
        let folder = TempDir::new()?;
        let data = folder.path().join("data");
        let server = self.program.start(&data).await?;
        let client = Client::new(server.address)?;
        let mut prose = Prose::new(9);
        let texts: Vec<String> = (0..N_COLLECTIONS).map(|_| prose.paragraph()).collect();
        let begun = Instant::now();
        let added = stream::iter(texts.iter().enumerate()).map(|(number, text)| {
            let client = &client;
            async move {
                let collection = client.create_collection(&format!("collection {number}")).await?;
                client.add_text(&collection, &format!("document {number}"), text).await.map(drop)
            }
        });
        let outcomes: Vec<Result<()>> = added.buffer_unordered(N_CONCURRENT).collect().await;
        outcomes.into_iter().collect::<Result<()>>()?;
        for status in ["queued", "processing"] {
            while client.any_with_status(status).await? {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        let took = begun.elapsed();
        let detail = format!("taken in within {:.0} s", took.as_secs_f64());
        self.table.row(
            Figure::new("resident memory, 10,000 collections", server.resident_mb()?, "MB", 300.0)
                .with_detail(detail),
        );
        server.stop().await?;
        let server = self.program.start(&data).await?;
        let starts = Samples::from_iter([server.took]);
        self.table.row(seconds("start to ready, 10,000 collections", &starts, 50, 1.0));
        let client = Client::new(server.address)?;
        client.ask("What is said about the time?", None).await?;
        let name = "resident memory, 10,000 collections, restarted";
        self.table.row(Figure::new(name, server.resident_mb()?, "MB", 300.0));
        server.stop().await
    }
}

/// Uploads several texts at the same time and waits until all of them answer; their ids, and the number of their chunks.
async fn upload_all(client: &Client, texts: Vec<String>) -> Result<(Vec<String>, u64)> {
    let uploads = stream::iter(texts.into_iter().enumerate()).map(|(number, text)| async move {
        client.upload(&format!("document-{number}.txt"), text).await
    });
    let documents: Vec<Result<String>> = uploads.buffer_unordered(N_CONCURRENT).collect().await;
    let documents = documents.into_iter().collect::<Result<Vec<_>>>()?;
    let mut n_chunks = 0;
    for document in &documents {
        n_chunks += client.until_ready(document).await?;
    }
    Ok((documents, n_chunks))
}

/// Takes documents in until there are enough chunks; their texts, their ids, and how many chunks.
async fn fill(client: &Client) -> Result<(Arc<Vec<String>>, Vec<String>, u64)> {
    let mut prose = Prose::new(1);
    let (mut texts, mut documents, mut n_chunks) = (Vec::new(), Vec::new(), 0);
    while n_chunks < N_CHUNKS {
        let batch: Vec<String> = (0..N_CONCURRENT).map(|_| prose.text(DOCUMENT_BYTES)).collect();
        texts.extend(batch.iter().cloned());
        let (added, n_added) = upload_all(client, batch).await?;
        documents.extend(added);
        n_chunks += n_added;
    }
    Ok((Arc::new(texts), documents, n_chunks))
}

/// One question after the other, each about one of the texts.
async fn first_texts(
    client: &Client,
    texts: &[String],
    (model, strategy): (Option<&str>, &str),
) -> Result<Samples> {
    let mut prose = Prose::new(11);
    let mut samples = Samples::default();
    for number in 0..N_QUESTIONS {
        let text = texts.get(number % texts.len().max(1)).ok_or("no text")?;
        let question = prose.question_about(text);
        samples.push(client.ask_with(&question, model, strategy).await?.first_text);
    }
    Ok(samples)
}

fn seconds(name: &str, samples: &Samples, percent: usize, bar: f64) -> Figure {
    let value = samples.percentile(percent).unwrap_or_default().as_secs_f64();
    Figure::new(name, value, "s", bar).with_detail(format!("of {}", samples.len()))
}

fn milliseconds(name: &str, samples: &Samples, percent: usize, bar: f64) -> Figure {
    Figure::new(name, samples.ms(percent), "ms", bar).with_detail(format!("of {}", samples.len()))
}
