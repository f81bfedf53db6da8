//! The drills by hand, and for as long as one likes.
//!
//! `drill kills --server PATH [--count N] [--seed N] [--jobs N] [--json FILE]`
//! `drill power --server PATH [--count N] [--seed N] [--jobs N] [--json FILE]` (as an administrator of Linux)
//! `drill points --server PATH [--seed N] [--json FILE]` (a build with the feature `testing`, as tests are)
//! `drill load --server PATH [--minutes N] [--rate N] [--embedder none] [--seed N] [--json FILE]`
#![allow(clippy::print_stdout, reason = "this program prints what it finds")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chatbot_faultkit::life::{Ending, Options};
use chatbot_faultkit::report::Report;
use chatbot_faultkit::{Failure, Result, kills, load, points};
use serde_json::Value;

/// The longest that a restart may take.
const READY_WITHIN: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<bool> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    match arguments.drill.as_str() {
        "kills" => run_kills(&arguments, Ending::Kill).await,
        "power" => run_kills(&arguments, Ending::PowerCut).await,
        "points" => run_points(&arguments).await,
        "load" => run_load(&arguments).await,
        other => Err(Failure::from(format!(
            "there is no drill `{other}`: say `kills`, `power`, `points` or `load`"
        ))),
    }
}

async fn run_kills(arguments: &Arguments, ending: Ending) -> Result<bool> {
    let options = arguments.options(ending);
    println!("seed {}", arguments.seed);
    let (begun, mut n_shown) = (Instant::now(), 0);
    let progress = |report: &Report| {
        for violation in report.violations.iter().skip(n_shown) {
            println!("{:?}, seed {}: {}", violation.kind, violation.seed, violation.what);
        }
        n_shown = report.violations.len();
        println!("{:>6.0} s  {report}", begun.elapsed().as_secs_f64());
    };
    let plan = (arguments.seed, arguments.count, arguments.jobs);
    let report = kills::run(&options, plan, progress).await;
    arguments.write(report.to_json())?;
    Ok(report.violations.is_empty())
}

async fn run_points(arguments: &Arguments) -> Result<bool> {
    let options = arguments.options(Ending::Kill);
    println!("seed {}", arguments.seed);
    let mut all = Report::default();
    for group in points::Group::ALL {
        let report = points::run(&options, arguments.seed, *group).await;
        println!("{group:?}: {report}");
        for violation in &report.violations {
            println!("{:?}: {}", violation.kind, violation.what);
        }
        all.add(report);
    }
    arguments.write(all.to_json())?;
    Ok(all.violations.is_empty())
}

async fn run_load(arguments: &Arguments) -> Result<bool> {
    let options = load::Options {
        server: arguments.server.clone(),
        embedder: if arguments.by_meaning { "builtin" } else { "none" },
        lasts: Duration::from_secs_f64(arguments.minutes * 60.0),
        rate: arguments.rate,
        seed: arguments.seed,
    };
    println!("seed {}", arguments.seed);
    let outcome = load::run(&options, |sample| println!("{sample}")).await?;
    for (kind, what) in &outcome.findings.broken {
        println!("{kind:?}: {what}");
    }
    let trend = outcome.memory.map_or_else(|| "too short to tell".to_owned(), |t| t.to_string());
    println!("{} requests, {} checks; memory: {trend}", outcome.n_steps, outcome.findings.n_checks);
    arguments.write(outcome.to_json())?;
    Ok(outcome.findings.broken.is_empty())
}

struct Arguments {
    drill: String,
    server: PathBuf,
    seed: u64,
    count: u64,
    jobs: usize,
    minutes: f64,
    rate: f64,
    by_meaning: bool,
    json: Option<PathBuf>,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = Self {
            drill: words.next().ok_or("say which drill: `kills`, `power`, `points` or `load`")?,
            server: PathBuf::new(),
            seed: u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?,
            count: 100,
            jobs: 1,
            minutes: 60.0,
            rate: 6.0,
            by_meaning: true,
            json: None,
        };
        while let Some(name) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{name}` needs a value"))?;
            match name.as_str() {
                "--server" => arguments.server = value.into(),
                "--seed" => arguments.seed = value.parse()?,
                "--count" => arguments.count = value.parse()?,
                "--jobs" => arguments.jobs = value.parse()?,
                "--minutes" => arguments.minutes = value.parse()?,
                "--rate" => arguments.rate = value.parse()?,
                "--embedder" => arguments.by_meaning = value != "none",
                "--json" => arguments.json = Some(value.into()),
                _ => return Err(Failure::from(format!("`{name}` is no option"))),
            }
        }
        if arguments.server.as_os_str().is_empty() {
            return Err(Failure::from("say which server: `--server target/release/chatbot`"));
        }
        Ok(arguments)
    }

    fn options(&self, ending: Ending) -> Options {
        Options { server: self.server.clone(), ready_within: READY_WITHIN, ending }
    }

    fn write(&self, report: Value) -> Result<()> {
        match &self.json {
            Some(path) => Ok(std::fs::write(path, serde_json::to_vec_pretty(&report)?)?),
            None => Ok(()),
        }
    }
}
