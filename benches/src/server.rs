//! The server as a process that is measured from outside.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::client::http;
use crate::{Failure, Result};

const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often readiness is asked for: finer than the figure needs, coarser than would disturb.
const READY_POLL: Duration = Duration::from_millis(2);

/// A server that runs until this value is dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process until it was ready.
    pub took: Duration,
}

/// How servers are started.
#[derive(Debug, Clone)]
pub struct Program {
    /// The binary.
    pub path: PathBuf,
    /// The model that may be asked for beside the default one.
    pub model: String,
    /// What finds by meaning; `none` where words are to be measured alone.
    pub embedder: &'static str,
}

impl Program {
    /// Starts a server on this data directory and waits until it is ready.
    ///
    /// # Errors
    /// Where it ends, or is not ready within a minute.
    pub async fn start(&self, data: &Path) -> Result<Server> {
        let config = data.with_extension("toml");
        let settings =
            format!("[engine]\nmodels = [\"{}\"]\nembedder = \"{}\"\n", self.model, self.embedder);
        std::fs::write(&config, settings)?;
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let log = std::fs::File::create(data.with_extension("log"))?;
        let begun = Instant::now();
        let mut process = Command::new(&self.path)
            .args(["serve", "--listen", &address.to_string(), "--data-dir"])
            .arg(data)
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let client = http()?;
        let url = format!("http://{address}/ready");
        while begun.elapsed() < READY_WITHIN {
            if let Ok(reply) = client.get(&url).send().await
                && reply.status().is_success()
            {
                return Ok(Server { process, address, took: begun.elapsed() });
            }
            if let Some(status) = process.try_wait()? {
                let log = std::fs::read_to_string(data.with_extension("log"))?;
                return Err(Failure::from(format!("the server ended ({status}): {log}")));
            }
            tokio::time::sleep(READY_POLL).await;
        }
        Err(Failure::from("the server was not ready within a minute"))
    }
}

impl Server {
    /// Resident memory now, in 10⁶ bytes.
    ///
    /// # Errors
    /// Where the system does not tell it: only Linux does.
    pub fn resident_mb(&self) -> Result<f64> {
        self.memory("VmRSS:")
    }

    /// The most resident memory since its start, in 10⁶ bytes.
    ///
    /// # Errors
    /// As [`resident_mb`](Self::resident_mb).
    pub fn peak_mb(&self) -> Result<f64> {
        self.memory("VmHWM:")
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    /// Where it cannot be waited for.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(id) = self.process.id() {
            let kill = Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
            if !kill.is_ok_and(|status| status.success()) {
                self.process.start_kill()?;
            }
        }
        self.process.wait().await?;
        Ok(())
    }

    fn memory(&self, key: &str) -> Result<f64> {
        let id = self.process.id().ok_or("the server has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix(key)).ok_or("no such figure")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024.0 / 1e6)
    }
}
