//! How fast a model of the BERT family embeds passages, for the comparison with other libraries.
//!
//! `embed --model FOLDER|builtin --texts FILE.json [--threads N] [--batch N] [--repeat N] [--vectors OUT.json]`
//!
//! The model is loaded before the clock starts. Prints one JSON document: passages embedded, and the seconds of wall and of
//! processor time that took.
#![allow(clippy::print_stdout, reason = "this program prints its figures")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chatbot_benches::{Failure, Result};
use chatbot_core::Context;
use chatbot_core::embedders::{BertEmbedder, BuiltinEmbedder};
use chatbot_core::traits::{EmbedKind, EmbedRequest, Embedder};
use serde_json::json;

/// The kernel counts processor time in hundredths of a second.
const TICKS_PER_S: f64 = 100.0;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let texts: Vec<String> = serde_json::from_slice(&std::fs::read(&options.texts)?)?;
    let hour = Duration::from_secs(3600);
    let embedder: Box<dyn Embedder> = if options.model == Path::new("builtin") {
        Box::new(BuiltinEmbedder::with_threads(options.threads, hour))
    } else {
        Box::new(BertEmbedder::with_threads(&options.model, options.threads, hour)?)
    };
    let embedder = &*embedder;
    embed(embedder, vec!["Load the model.".to_owned()]).await?;
    let (begun, used) = (Instant::now(), cpu_s()?);
    let mut vectors = Vec::new();
    for _ in 0..options.repeat {
        vectors.clear();
        for batch in texts.chunks(options.batch) {
            vectors.extend(embed(embedder, batch.to_vec()).await?);
        }
    }
    let figures = json!({
        "passages": texts.len() * options.repeat,
        "wall_s": begun.elapsed().as_secs_f64(),
        "cpu_s": cpu_s()? - used,
    });
    if let Some(file) = options.vectors {
        std::fs::write(file, serde_json::to_vec(&vectors)?)?;
    }
    println!("{figures}");
    Ok(())
}

async fn embed(embedder: &dyn Embedder, texts: Vec<String>) -> Result<Vec<Vec<f32>>> {
    let request = EmbedRequest { kind: EmbedKind::Document, texts };
    let vectors = embedder.embed(&Context::local(), request).await?;
    Ok(vectors.iter().map(<[f32]>::to_vec).collect())
}

/// Processor time of this process so far, all threads together.
fn cpu_s() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("the system does not tell the time used")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<std::result::Result<f64, _>>()? / TICKS_PER_S)
}

struct Options {
    model: PathBuf,
    texts: PathBuf,
    vectors: Option<PathBuf>,
    threads: usize,
    batch: usize,
    repeat: usize,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            model: PathBuf::new(),
            texts: PathBuf::new(),
            vectors: None,
            threads: 1,
            batch: 32,
            repeat: 1,
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("`{name}` needs a value"))?;
            match name.as_str() {
                "--model" => options.model = value.into(),
                "--texts" => options.texts = value.into(),
                "--vectors" => options.vectors = Some(value.into()),
                "--threads" => options.threads = value.parse()?,
                "--batch" => options.batch = value.parse::<usize>()?.max(1),
                "--repeat" => options.repeat = value.parse()?,
                _ => return Err(Failure::from(format!("there is no option `{name}`"))),
            }
        }
        Ok(options)
    }
}
