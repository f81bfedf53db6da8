//! Documents made to break programs, through a release build over HTTP: what becomes of each, how long it takes, what it costs in
//! memory, and what is left of it afterwards. Each figure stands beside its bar.
//!
//! `hostile --server target/release/chatbot [--data FOLDER] [--rounds N] [--embedder none] [--json FILE]`
//!
//! `FOLDER` is that of the public evaluation sets. All of it runs several times over one server, and everything is deleted after
//! each round: what is left in memory then must not grow.
#![allow(clippy::print_stdout, reason = "this program prints what became of each file")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chatbot_benches::client::Client;
use chatbot_benches::figure::Figure;
use chatbot_benches::hostile::{self, Entry, Judged};
use chatbot_benches::measurement::{self, Options, Table};
use chatbot_benches::processes::Watch;
use chatbot_benches::server::{Program, Server};
use chatbot_benches::{Failure, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Memory of the server itself, and of one parse worker, at any time, in 10⁶ bytes.
const MAX_SERVER_MB: f64 = 250.0;
const MAX_WORKER_MB: f64 = 512.0;
/// What the last round may leave in memory beyond the first one: what an allocator keeps back.
const MAX_GROWTH_MB: f64 = 20.0;
/// The longest that is waited for anything: a limit that is missed is a figure, one that is missed by far an error.
const PATIENCE: Duration = Duration::from_secs(180);
const STATUS_EVERY: Duration = Duration::from_millis(5);
/// How long a server rests before its memory is looked at: the embedder gives its memory back after a minute, and is there or not
/// by chance before that.
const REST: Duration = Duration::from_secs(75);
/// An address that one of the files wants to have called.
const CALLED: (&str, u16) = ("127.0.0.1", 9);

#[tokio::main]
async fn main() -> ExitCode {
    let names = ["server", "data", "rounds", "embedder", "json"];
    measurement::run(&names, async |options, table| {
        let before = std::env::current_dir()?;
        let done = Bench::open(options).await?.all(table).await;
        std::env::set_current_dir(before)?;
        done
    })
    .await
}

struct Bench {
    server: Server,
    client: Client,
    watch: Watch,
    /// Everything that this run writes lies below it.
    folder: TempDir,
    data: PathBuf,
    n_rounds: u64,
    embeds: bool,
    /// Nobody may call here; `None` where the system does not let us listen.
    called: Option<TcpListener>,
}

/// What came of a round.
#[derive(Default)]
struct Round {
    judged: Vec<Judged>,
    n_wrong_names: usize,
    resident_mb: f64,
}

impl Bench {
    /// Starts the server in a place where a file that it writes anywhere near would be noticed.
    async fn open(options: &Options) -> Result<Self> {
        let data = options.data().canonicalize()?.join("adversarial");
        let path = options.server()?.canonicalize()?;
        let embedder = if options.get("embedder") == Some("none") { "none" } else { "builtin" };
        let folder = TempDir::new()?;
        let place = |name: &str| folder.path().join(name);
        for name in ["home", "tmp", "work"] {
            std::fs::create_dir(place(name))?;
        }
        std::env::set_current_dir(place("work"))?;
        let variable = |name: &str, at: &str| (name.to_owned(), place(at).display().to_string());
        let environment = vec![variable("HOME", "home"), variable("TMPDIR", "tmp")];
        let program = Program { path, model: "extractive".to_owned(), embedder, environment };
        let server = program.start(&place("data")).await?;
        let called = TcpListener::bind(CALLED).ok();
        if let Some(listener) = &called {
            listener.set_nonblocking(true)?;
        }
        let id = server.id().ok_or("the server has ended")?;
        Ok(Self {
            client: Client::new(server.address)?,
            watch: Watch::start(id, server.address.port()),
            server,
            folder,
            data,
            n_rounds: options.number("rounds", 3)?.max(1),
            embeds: embedder != "none",
            called,
        })
    }

    async fn all(self, table: &mut Table) -> Result<()> {
        let entries = hostile::entries(&self.data)?;
        let names = hostile::names(&self.data)?;
        let mut rounds = Vec::new();
        for number in 0..self.n_rounds {
            println!("round {}", number + 1);
            rounds.push(self.round(&entries, &names).await?);
        }
        self.figures(&rounds, (entries.len(), names.len()), table)?;
        self.server.stop().await
    }

    async fn round(&self, entries: &[Entry], names: &[String]) -> Result<Round> {
        let mut round = Round::default();
        for entry in entries {
            let judged = self.judge(entry).await?;
            println!("{judged}");
            round.judged.push(judged);
        }
        for name in names {
            if let Some(wrong) = self.name(name).await? {
                println!("{name:?}: {wrong}");
                round.n_wrong_names += 1;
            }
        }
        self.answers().await?;
        for (document, _) in self.client.documents().await? {
            // Parts go with what is around them.
            self.client.try_delete(&document).await?;
        }
        tokio::time::sleep(REST).await;
        round.resident_mb = self.server.resident_mb()?;
        Ok(round)
    }

    /// What becomes of a file.
    async fn judge(&self, entry: &Entry) -> Result<Judged> {
        let bytes = std::fs::read(self.data.join("files").join(&entry.file))?;
        let _ = self.watch.take();
        let begun = Instant::now();
        let (status, reply) = self.client.try_upload(&entry.file, &bytes).await?;
        let mut judged = match reply.get("id").and_then(Value::as_str) {
            Some(id) => {
                let (document, seconds) = self.settled(id, begun).await?;
                let text = self.client.text(id).await?;
                Judged::settled(entry, &document, text.as_deref()).within(seconds)
            }
            None => Judged::refused(entry, status, &reply).within(begun.elapsed().as_secs_f64()),
        };
        let seen = self.watch.take();
        judged.worker_mb = seen.peak_mb;
        judged.connections = seen.connections.into_iter().collect();
        Ok(judged)
    }

    /// The last state of a document, and how long after `begun` it and its parts were read or refused. Returns once their
    /// passages have vectors too, so that one file does not pay for the one before.
    async fn settled(&self, id: &str, begun: Instant) -> Result<(Value, f64)> {
        let mut seconds = None;
        loop {
            let document = self.client.document(id).await?;
            let status = document.get("status").and_then(Value::as_str).unwrap_or_default();
            let mut is_over = matches!(status, "ready" | "failed");
            for status in ["queued", "processing"] {
                is_over = is_over && !self.client.any_with_status(status).await?;
            }
            if is_over && seconds.is_none() {
                seconds = Some(begun.elapsed().as_secs_f64());
            }
            let dense = document.pointer("/coverage/dense").and_then(Value::as_f64);
            let learns = self.embeds && status == "ready" && dense.is_some_and(|dense| dense < 1.0);
            let is_late = begun.elapsed() > PATIENCE;
            match seconds {
                Some(seconds) if !learns || is_late => return Ok((document, seconds)),
                None if is_late => {
                    return Err(Failure::from(format!("nothing becomes of {document}")));
                }
                Some(_) | None => tokio::time::sleep(STATUS_EVERY).await,
            }
        }
    }

    /// What is wrong with how a file of this name is taken in, shown and handed out again; `None` where nothing is.
    async fn name(&self, name: &str) -> Result<Option<String>> {
        let text = format!("The name of this file is data: {name}");
        let (status, reply) = self.client.try_upload(name, text.as_bytes()).await?;
        let Some(id) = reply.get("id").and_then(Value::as_str) else {
            return Ok((!(400..500).contains(&status)).then(|| format!("refused with {status}")));
        };
        let (document, _) = self.settled(id, Instant::now()).await?;
        if let Some(wrong) = hostile::wrong_ending(&document) {
            return Ok(Some(wrong));
        }
        let headers = self.client.original_headers(id).await?;
        Ok(hostile::wrong_headers(&headers))
    }

    /// Whether the server still does what it is for.
    async fn answers(&self) -> Result<()> {
        let text = b"The cooling pump of the mill is oiled every 400 hours.".to_vec();
        let id = self.client.upload_file("manual.txt", text).await?;
        self.client.until_ready(&id).await?;
        let asked =
            self.client.ask("How often is the cooling pump of the mill oiled?", None).await?;
        if asked.text.contains("400") {
            return Ok(());
        }
        Err(Failure::from(format!("the next question was answered with: {}", asked.text)))
    }

    fn figures(
        &self,
        rounds: &[Round],
        (n_files, n_names): (usize, usize),
        table: &mut Table,
    ) -> Result<()> {
        let all = || rounds.iter().flat_map(|round| &round.judged);
        let of = format!("of {n_files} in each of {} rounds", rounds.len());
        let wrong = all().filter(|judged| judged.wrong.is_some()).count();
        table.row(
            Figure::new("hostile files, not what is wanted", count(wrong), "", 0.0).with_detail(of),
        );
        let n_wrong = rounds.iter().map(|round| round.n_wrong_names).sum();
        let of = format!("of {n_names} in each of {} rounds", rounds.len());
        table.row(
            Figure::new("hostile file names, not as wanted", count(n_wrong), "", 0.0)
                .with_detail(of),
        );
        let slowest = all().max_by(|a, b| a.share_of_time().total_cmp(&b.share_of_time()));
        let slowest = slowest.ok_or("there are no files")?;
        let detail = format!("{:.2} s for {}", slowest.seconds, slowest.file);
        let figure =
            Figure::new("slowest file, share of its time", slowest.share_of_time(), "", 1.0);
        table.row(figure.with_detail(detail));
        let largest = all().max_by(|a, b| a.worker_mb.total_cmp(&b.worker_mb)).ok_or("no files")?;
        let figure =
            Figure::new("memory of a worker, peak", largest.worker_mb, "MB", MAX_WORKER_MB);
        table.row(figure.with_detail(format!("for {}", largest.file)));
        table.row(Figure::new(
            "memory of the server, peak",
            self.server.peak_mb()?,
            "MB",
            MAX_SERVER_MB,
        ));
        let resident: Vec<f64> = rounds.iter().map(|round| round.resident_mb).collect();
        let (first, last) =
            (resident.first().ok_or("no round")?, resident.last().ok_or("no round")?);
        let detail = resident.iter().map(|mb| format!("{mb:.1}")).collect::<Vec<_>>().join(", ");
        let name = "memory after the last round, beyond the first";
        table.row(
            Figure::new(name, last - first, "MB", MAX_GROWTH_MB)
                .with_detail(format!("{detail} MB")),
        );
        let connections: Vec<&String> = all().flat_map(|judged| &judged.connections).collect();
        let n_calls =
            usize::from(self.called.as_ref().is_some_and(|called| called.accept().is_ok()));
        let detail =
            if self.called.is_some() { "port 9 watched" } else { "port 9 could not be watched" };
        let figure =
            Figure::new("connections to elsewhere", count(connections.len() + n_calls), "", 0.0);
        table.row(figure.with_detail(format!("{detail}; {connections:?}")));
        let left = self.left()?;
        let figure = Figure::new("files outside of the data directory", count(left.len()), "", 0.0);
        table.row(figure.with_detail(format!("{left:?}")));
        table.note(
            "hostile",
            json!(rounds.first().map(|round| hostile::by_category(&round.judged))),
        );
        Ok(())
    }

    /// What lies around the data directory and does not belong there.
    fn left(&self) -> Result<Vec<PathBuf>> {
        let ours = ["data", "data.toml", "data.log"].map(|name| self.folder.path().join(name));
        let mut left = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                match (ours.contains(&path), path.is_dir()) {
                    (true, _) => {}
                    (false, true) => folders.push(path),
                    (false, false) => left.push(path),
                }
            }
        }
        for folder in self.folder.path().ancestors().skip(1) {
            left.extend(hostile::canaries(folder)?);
        }
        left.extend(hostile::canaries(Path::new("/etc"))?);
        Ok(left)
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
const fn count(n: usize) -> f64 {
    n as f64
}
