//! How long people wait for the first text of an answer while many documents are taken in.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, FuturesUnordered, StreamExt as _};
use tempfile::TempDir;

use crate::client::{Asked, Client};
use crate::figure::Figure;
use crate::measurement::Table;
use crate::mixture::{self, File};
use crate::prose::Prose;
use crate::server::Program;
use crate::stats::Samples;
use crate::{Failure, Result};

/// Documents that are taken in.
const N_DOCUMENTS: usize = 500;
/// Where the public ones are, below the folder of the evaluation sets.
const PUBLIC: &str = "documents/files";
/// Documents that are there before, and that questions are asked about.
const N_BEFORE: usize = 20;
/// Bytes of each of them.
const BEFORE_BYTES: usize = 20_000;
/// Uploads at the same time.
const N_CONCURRENT: usize = 8;
/// Time between two questions: an open loop, so that waiting does not hide waits.
const QUESTION_EVERY: Duration = Duration::from_millis(100);
/// How long questions are asked before anything is taken in.
const QUIET: Duration = Duration::from_secs(30);
/// How often it is asked whether everything is taken in: seldom enough to be no load.
const STATUS_EVERY: Duration = Duration::from_millis(500);
/// The longest that taking in may take, vectors included.
const WITHIN: Duration = Duration::from_secs(1800);
/// How many times as long people may wait meanwhile.
const MAX_RATIO: f64 = 2.0;

/// Measures it: `by` is what passages are found by, `data` the folder of the evaluation sets.
///
/// # Errors
/// Where the server refuses something, or takes too long.
pub async fn measure(program: &Program, by: &str, data: &Path, table: &mut Table) -> Result<()> {
    let folder = TempDir::new()?;
    let server = program.start(&folder.path().join("data")).await?;
    let client = Client::new(server.address)?;
    let embeds = program.embedder != "none";
    let texts = Arc::new(fill(&client, embeds).await?);
    let asking = Asking { client: client.clone(), texts, model: program.model.clone() };
    let quiet = asking.until(tokio::time::sleep(QUIET)).await?.0;
    let files = mixture::files(N_DOCUMENTS, &data.join(PUBLIC))?;
    let (n_files, n_bytes) = (files.len(), files.iter().map(|file| file.bytes.len()).sum());
    let begun = Instant::now();
    let (during, taken) = asking.until(take_in(&client, files, embeds)).await?;
    let n_failed = taken?;
    let took = begun.elapsed().as_secs_f64();
    let name = format!("first token by {by}, quiet, p95");
    table.told(&name, quiet.ms(95), "ms", &format!("of {}", quiet.len()));
    let name = format!("first token by {by}, {n_files} documents taken in, p95");
    let detail =
        format!("of {}; p50 {:.1}, p99 {:.1} ms", during.len(), during.ms(50), during.ms(99));
    let bar = MAX_RATIO * quiet.ms(95);
    table.row(Figure::new(name, during.ms(95), "ms", bar).with_detail(detail));
    let name = format!("{n_files} documents taken in, asked by {by}");
    let detail = format!("{:.1} MB; {n_failed} could not be read", megabytes(n_bytes));
    table.told(&name, took, "s", &detail);
    server.stop().await
}

/// Takes in what is asked about.
async fn fill(client: &Client, embeds: bool) -> Result<Vec<String>> {
    let mut prose = Prose::new(53);
    let texts: Vec<String> = (0..N_BEFORE).map(|_| prose.text(BEFORE_BYTES)).collect();
    let file = |(number, text): (usize, &String)| File {
        name: format!("before-{number}.txt"),
        bytes: text.clone().into_bytes(),
    };
    let n_failed = take_in(client, texts.iter().enumerate().map(file).collect(), embeds).await?;
    if n_failed > 0 {
        return Err(Failure::from("the documents that are asked about could not be read"));
    }
    Ok(texts)
}

/// Uploads all of it and waits until nothing more happens to it; how many could not be read.
async fn take_in(client: &Client, files: Vec<File>, embeds: bool) -> Result<usize> {
    let begun = Instant::now();
    let uploads = stream::iter(files)
        .map(|file| async move { client.upload_file(&file.name, file.bytes).await });
    let uploads: Vec<Result<String>> = uploads.buffer_unordered(N_CONCURRENT).collect().await;
    let documents = uploads.into_iter().collect::<Result<Vec<String>>>()?;
    for status in ["queued", "processing"] {
        while client.any_with_status(status).await? {
            wait(begun).await?;
        }
    }
    let mut n_failed = 0;
    for document in &documents {
        if client.document_status(document).await? == "failed" {
            n_failed += 1;
            continue;
        }
        while embeds && client.dense_coverage(document).await? < 1.0 {
            wait(begun).await?;
        }
    }
    Ok(n_failed)
}

async fn wait(begun: Instant) -> Result<()> {
    if begun.elapsed() > WITHIN {
        return Err(Failure::from("the documents are not taken in within half an hour"));
    }
    tokio::time::sleep(STATUS_EVERY).await;
    Ok(())
}

/// People who ask.
struct Asking {
    client: Client,
    texts: Arc<Vec<String>>,
    model: String,
}

impl Asking {
    /// Asks until `work` is done; how long each question waited for its first text, and what came of the work.
    async fn until<T>(&self, work: impl Future<Output = T>) -> Result<(Samples, T)> {
        let (mut prose, mut number) = (Prose::new(54), 0_usize);
        let (mut samples, mut open) = (Samples::default(), FuturesUnordered::new());
        let mut ticks = tokio::time::interval(QUESTION_EVERY);
        let mut work = std::pin::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                _ = ticks.tick() => {
                    let text = self.texts.get(number % self.texts.len().max(1)).ok_or("no text")?;
                    let question = prose.question_about(text);
                    let (client, model) = (self.client.clone(), self.model.clone());
                    open.push(tokio::spawn(async move { client.ask(&question, Some(&model)).await }));
                    number += 1;
                }
                Some(asked) = open.next() => samples.push(first_text(asked?)?),
            }
        };
        while let Some(asked) = open.next().await {
            samples.push(first_text(asked?)?);
        }
        Ok((samples, done))
    }
}

fn first_text(asked: Result<Asked>) -> Result<Duration> {
    let asked = asked?;
    if asked.text.is_empty() {
        return Err(Failure::from("an answer is empty"));
    }
    Ok(asked.first_text)
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn megabytes(n_bytes: usize) -> f64 {
    n_bytes as f64 / 1e6
}
