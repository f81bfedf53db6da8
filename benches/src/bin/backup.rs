//! The drill: backs a server up while others write, restores it, and compares. Each figure stands beside its bar.
//!
//! `backup --server target/release/chatbot [--json FILE]`
#![allow(clippy::print_stdout, reason = "this program prints a table")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chatbot_benches::client::Client;
use chatbot_benches::figure::Figure;
use chatbot_benches::measurement::{self, Table};
use chatbot_benches::prose::Prose;
use chatbot_benches::server::Program;
use chatbot_benches::stats::Samples;
use chatbot_benches::{Failure, Result};
use futures_util::stream::{self, FuturesUnordered};
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Documents of one paragraph or more.
const N_DOCUMENTS: usize = 10_000;
/// Requests at the same time while the server is filled.
const N_CONCURRENT: usize = 8;
/// How long writes are measured without a backup.
const WITHOUT: Duration = Duration::from_secs(20);
/// Backups that writes are measured with.
const N_BACKUPS: usize = 3;
/// Time between two small writes: an open loop, so that waiting does not hide waits.
const WRITE_EVERY: Duration = Duration::from_millis(10);
/// Every so many small writes there is an upload, and every so many a deletion.
const UPLOAD_EVERY: u64 = 10;
const DELETE_EVERY: u64 = 25;
/// Originals that are compared after the restore.
const N_COMPARED: usize = 100;
/// The longest that a backup may hold a write up, and that a restored server may take to be ready.
const MAX_PAUSE_MS: f64 = 50.0;
const MAX_RESTORE_S: f64 = 30.0;
/// How long the index may take to be built again.
const FOUND_WITHIN: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> ExitCode {
    measurement::run(&["server", "json"], async |options, table| {
        let program = Program {
            path: options.server()?,
            model: "extractive".to_owned(),
            embedder: "none",
            environment: Vec::new(),
        };
        let folder = TempDir::new()?;
        Drill { program, folder: folder.path().to_owned(), table }.all().await
    })
    .await
}

struct Drill<'t> {
    program: Program,
    folder: PathBuf,
    table: &'t mut Table,
}

impl Drill<'_> {
    async fn all(mut self) -> Result<()> {
        let data = self.folder.join("data");
        let server = self.program.start(&data).await?;
        let client = Client::new(server.address)?;
        let filled = Instant::now();
        let collection = client.create_collection("drill").await?;
        let texts = Arc::new(texts());
        fill(&client, &collection, &texts).await?;
        println!("{N_DOCUMENTS} documents within {:.0} s", filled.elapsed().as_secs_f64());

        let load = Load::start(&client, &collection, &data);
        tokio::time::sleep(WITHOUT).await;
        let without = load.end().await?;
        let load = Load::start(&client, &collection, &data);
        let mut last = json!(null);
        for number in 0..N_BACKUPS {
            last = self.back_up(&data, number).await?;
        }
        let with = load.end().await?;
        self.writes(&without, &with);
        server.stop().await?;
        self.restore(&last, &texts).await
    }

    fn writes(&mut self, without: &Written, with: &Written) {
        let longest = without.small.ms(100);
        let of = |written: &Written| {
            let (small, uploads) = (written.small.len(), written.uploads.len());
            format!(
                "of {small}; p99 {:.1} ms; of {uploads} uploads {:.1} ms",
                written.small.ms(99),
                written.uploads.ms(100)
            )
        };
        self.table.told("longest write, without a backup", longest, "ms", &of(without));
        let name = "longest write, with a backup";
        let bar = longest + MAX_PAUSE_MS;
        self.table.row(Figure::new(name, with.small.ms(100), "ms", bar).with_detail(of(with)));
        let mb = |bytes: u64| format!("{:.1} MB without a backup", megabytes(bytes));
        self.table.told(
            "longest log, with a backup",
            megabytes(with.log_bytes),
            "MB",
            &mb(without.log_bytes),
        );
    }

    /// Runs the verb beside the server; what it said.
    async fn back_up(&mut self, data: &Path, number: usize) -> Result<Value> {
        let target = self.folder.join(format!("backup-{number}"));
        let begun = Instant::now();
        let said = self.verb("backup", &target, data).await?;
        let took = begun.elapsed().as_secs_f64();
        let size = said.get("size_bytes").and_then(Value::as_u64).unwrap_or_default();
        let detail = format!(
            "{:.1} MB, {} originals",
            megabytes(size),
            said.get("originals").unwrap_or(&Value::Null)
        );
        self.table.told("backup beside a server that writes", took, "s", &detail);
        Ok(said)
    }

    /// Restores what was backed up, starts a server on it and compares. The verb itself checks the database.
    async fn restore(&mut self, made: &Value, texts: &HashMap<String, String>) -> Result<()> {
        let backup = made.get("path").and_then(Value::as_str).ok_or("the backup has no path")?;
        let data = self.folder.join("restored");
        let begun = Instant::now();
        let said = self.verb("restore", Path::new(backup), &data).await?;
        let restored = begun.elapsed().as_secs_f64();
        let server = self.program.start(&data).await?;
        let ready = begun.elapsed().as_secs_f64();
        let detail = format!("{restored:.2} s of it to restore");
        self.table
            .row(Figure::new("restore to ready", ready, "s", MAX_RESTORE_S).with_detail(detail));
        let client = Client::new(server.address)?;
        while !client.ask("When was the observatory opened?", None).await?.text.contains("1911") {
            if begun.elapsed() > FOUND_WITHIN {
                return Err(Failure::from("the restored server does not know the answer"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.table.told(
            "restore to the answer of a question",
            begun.elapsed().as_secs_f64(),
            "s",
            "",
        );
        if said.get("counts") != made.get("counts") {
            return Err(Failure::from(format!("the counts differ: {made} and {said}")));
        }
        compare(&client, made, texts).await?;
        server.stop().await
    }

    /// Runs a verb of the program on a data directory; its JSON.
    async fn verb(&self, verb: &str, path: &Path, data: &Path) -> Result<Value> {
        let mut command = tokio::process::Command::new(&self.program.path);
        command.arg(verb).arg(path).arg("--data-dir").arg(data).arg("--json").kill_on_drop(true);
        let output = command.output().await?;
        if !output.status.success() {
            return Err(Failure::from(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// The documents that are there, as many as were counted, and a sample of them with the bytes they came as.
async fn compare(client: &Client, made: &Value, texts: &HashMap<String, String>) -> Result<()> {
    let documents = client.documents().await?;
    let counted = made.pointer("/counts/documents").and_then(Value::as_u64);
    if counted != u64::try_from(documents.len()).ok() {
        return Err(Failure::from(format!(
            "{} documents are listed, {counted:?} counted",
            documents.len()
        )));
    }
    let of_texts: Vec<_> =
        documents.iter().filter(|(_, title)| texts.contains_key(title)).collect();
    let step = (of_texts.len() / N_COMPARED).max(1);
    let mut n_compared = 0;
    // Spread over all of them, and different in every run, as their ids are.
    for (id, title) in of_texts.into_iter().step_by(step) {
        let original = client.original(id).await?;
        if texts.get(title).map(String::as_bytes) != Some(original.as_slice()) {
            return Err(Failure::from(format!("the original of {title} differs")));
        }
        n_compared += 1;
    }
    println!("{} documents, {n_compared} originals compared", documents.len());
    Ok(())
}

/// Documents by their titles.
fn texts() -> HashMap<String, String> {
    let mut prose = Prose::new(21);
    let mut texts: HashMap<_, _> =
        (0..N_DOCUMENTS - 1).map(|n| (format!("document {n}"), prose.paragraph())).collect();
    let fact = "The observatory was opened in the year 1911.\n".to_owned();
    texts.insert("observatory".to_owned(), fact);
    texts
}

async fn fill(client: &Client, collection: &str, texts: &HashMap<String, String>) -> Result<()> {
    let added = stream::iter(texts).map(|(title, text)| async move {
        client.add_text(collection, title, text).await.map(drop)
    });
    let outcomes: Vec<Result<()>> = added.buffer_unordered(N_CONCURRENT).collect().await;
    outcomes.into_iter().collect::<Result<()>>()?;
    for status in ["queued", "processing"] {
        while client.any_with_status(status).await? {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// How long writes took.
#[derive(Debug, Default)]
struct Written {
    small: Samples,
    uploads: Samples,
    /// The longest that the write-ahead log was.
    log_bytes: u64,
}

/// People who write until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Result<Written>>,
}

/// Names documents of the load apart, over several loads.
static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Load {
    fn start(client: &Client, collection: &str, data: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (client, collection) = (client.clone(), collection.to_owned());
        let log = data.join("store.db-wal");
        let task = tokio::spawn(write(client, collection, log, stop.clone()));
        Self { stop, task }
    }

    async fn end(self) -> Result<Written> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await?
    }
}

async fn write(
    client: Client,
    collection: String,
    log: PathBuf,
    stop: Arc<AtomicBool>,
) -> Result<Written> {
    let mut written = Written::default();
    let (mut small, mut uploads) = (FuturesUnordered::new(), FuturesUnordered::new());
    let mut ticks = tokio::time::interval(WRITE_EVERY);
    let mut prose = Prose::new(31);
    let mut doomed: Vec<String> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        small.push(tokio::spawn(timed_session(client.clone())));
        if number.is_multiple_of(UPLOAD_EVERY) {
            let text = format!("{} {number}", prose.paragraph());
            uploads.push(tokio::spawn(timed_upload(
                client.clone(),
                collection.clone(),
                number,
                text,
            )));
        }
        if number.is_multiple_of(DELETE_EVERY)
            && let Some(document) = doomed.pop()
        {
            client.delete_document(&document).await?;
        }
        while let Some(Some(done)) = small.next().now_or_never() {
            written.small.push(done??);
        }
        while let Some(Some(done)) = uploads.next().now_or_never() {
            let (took, document) = done??;
            written.uploads.push(took);
            doomed.push(document);
        }
        let length = std::fs::metadata(&log).map_or(0, |log| log.len());
        written.log_bytes = written.log_bytes.max(length);
    }
    while let Some(done) = small.next().await {
        written.small.push(done??);
    }
    while let Some(done) = uploads.next().await {
        written.uploads.push(done??.0);
    }
    Ok(written)
}

async fn timed_session(client: Client) -> Result<Duration> {
    let begun = Instant::now();
    client.create_session().await?;
    Ok(begun.elapsed())
}

async fn timed_upload(
    client: Client,
    collection: String,
    number: u64,
    text: String,
) -> Result<(Duration, String)> {
    let begun = Instant::now();
    let document = client.add_text(&collection, &format!("load {number}"), &text).await?;
    Ok((begun.elapsed(), document))
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
