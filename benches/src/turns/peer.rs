//! A peer: a Python process that holds the same passages and answers the questions that it is told to.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::{Failure, Result};

/// The longest that a peer may take to say something: some build their index in Python.
const PATIENCE: Duration = Duration::from_secs(600);

/// The Python that has the peers, and the folder of the scripts that drive them.
#[derive(Debug, Clone)]
pub struct Python {
    /// The interpreter.
    pub path: PathBuf,
    /// The folder with `turns_peers.py`.
    pub scripts: PathBuf,
}

/// A peer that is ready.
#[derive(Debug)]
pub struct Peer {
    /// What it is called.
    pub name: &'static str,
    /// The version that was installed.
    pub version: String,
    /// Held so that the process ends with this value.
    _process: Child,
    asks: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
}

/// What came of some questions, in their order.
#[derive(Debug, Default)]
pub struct Block {
    /// Seconds of each question.
    pub total_s: Vec<f64>,
    /// Seconds of as many plain requests to the model.
    pub bare_s: Vec<f64>,
    /// Seconds that the peer computed for all of the questions.
    pub cpu_s: f64,
    /// Seconds that it computed for all of the plain requests.
    pub bare_cpu_s: f64,
    /// The passages that each was answered from.
    pub ids: Vec<Vec<usize>>,
}

impl Peer {
    /// Starts it on what is in `folder`, with its model at `model`, and waits until it is ready.
    ///
    /// # Errors
    /// Where it ends or says something else.
    pub async fn start(
        python: &Python,
        name: &'static str,
        folder: &Path,
        model: &str,
    ) -> Result<Self> {
        let mut process = Command::new(&python.path)
            .current_dir(&python.scripts)
            .args(["turns_peers.py", name, "--model", model, "--folder"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let asks = process.stdin.take().ok_or("a peer has no input")?;
        let says = process.stdout.take().ok_or("a peer has no output")?;
        let says = BufReader::new(says).lines();
        let mut peer = Self { name, version: String::new(), _process: process, asks, says };
        let ready = peer.line().await?;
        let version = ready.get("version").and_then(Value::as_str);
        version.unwrap_or("?").clone_into(&mut peer.version);
        Ok(peer)
    }

    /// Has it answer these of the questions, each followed by a plain request.
    ///
    /// # Errors
    /// Where it ends or says something else.
    pub async fn ask(&mut self, from: usize, to: usize) -> Result<Block> {
        self.asks.write_all(format!("{}\n", json!({"from": from, "to": to})).as_bytes()).await?;
        self.asks.flush().await?;
        Block::of(&self.line().await?).ok_or_else(|| Failure::from("a peer said something else"))
    }

    /// The next line, which is a piece of JSON.
    async fn line(&mut self) -> Result<Value> {
        let line = tokio::time::timeout(PATIENCE, self.says.next_line()).await??;
        let line = line.ok_or_else(|| Failure::from(format!("{} ended", self.name)))?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Block {
    fn of(said: &Value) -> Option<Self> {
        let list = |key| said.get(key).and_then(Value::as_array);
        let seconds = |key| list(key)?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
        let id = |id: &Value| id.as_u64().and_then(|id| usize::try_from(id).ok());
        let ids = list("ids")?.iter().map(|of_one| of_one.as_array()?.iter().map(id).collect());
        let number = |key| said.get(key).and_then(Value::as_f64);
        Some(Self {
            cpu_s: number("cpu_s")?,
            bare_cpu_s: number("bare_cpu_s")?,
            total_s: seconds("total_s")?,
            bare_s: seconds("bare_s")?,
            ids: ids.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_says_is_read_or_refused() {
        let said = |id: Value| json!({"total_s": [0.5], "bare_s": [0.25], "cpu_s": 0.5, "bare_cpu_s": 0.1, "ids": [[1, id]]});
        let block = Block::of(&said(json!(2))).unwrap();
        assert_eq!((block.total_s, block.bare_s), (vec![0.5], vec![0.25]));
        assert_eq!(block.ids, [[1, 2]]);
        assert!(Block::of(&said(json!("a"))).is_none());
        assert!(Block::of(&json!({"error": "none"})).is_none());
    }
}
