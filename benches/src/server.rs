//! The server as a process that is measured from outside.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::client::http;
use crate::processes::memory_mb;
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
    log: PathBuf,
    begun: Instant,
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
    /// Variables that are set for the process beside those it inherits.
    pub environment: Vec<(String, String)>,
}

impl Program {
    /// Starts a server on this data directory and waits until it is ready.
    ///
    /// # Errors
    /// Where it ends, or is not ready within a minute.
    pub async fn start(&self, data: &Path) -> Result<Server> {
        let mut server = self.spawn(data)?;
        server.until_ready(&http()?).await?;
        Ok(server)
    }

    /// Starts a server on this data directory. What it logs lies beside the directory, after what those before it logged.
    ///
    /// # Errors
    /// Where the program cannot be run.
    pub fn spawn(&self, data: &Path) -> Result<Server> {
        let config = data.with_extension("toml");
        let settings =
            format!("[engine]\nmodels = [\"{}\"]\nembedder = \"{}\"\n", self.model, self.embedder);
        std::fs::write(&config, settings)?;
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let log = data.with_extension("log");
        let process = Command::new(&self.path)
            .args(["serve", "--listen", &address.to_string(), "--data-dir"])
            .arg(data)
            .arg("--config")
            .arg(&config)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::options().create(true).append(true).open(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Server { process, address, log, begun: Instant::now(), took: Duration::ZERO })
    }
}

impl Server {
    /// Waits until it is ready, and notes how long that took.
    ///
    /// # Errors
    /// Where it ends, or is not ready within a minute.
    pub async fn until_ready(&mut self, http: &reqwest::Client) -> Result<()> {
        let url = format!("http://{}/ready", self.address);
        while self.begun.elapsed() < READY_WITHIN {
            if let Ok(reply) = http.get(&url).send().await
                && reply.status().is_success()
            {
                self.took = self.begun.elapsed();
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                let log = std::fs::read_to_string(&self.log)?;
                return Err(Failure::from(format!("the server ended ({status}): {log}")));
            }
            tokio::time::sleep(READY_POLL).await;
        }
        Err(Failure::from("the server was not ready within a minute"))
    }

    /// Kills it as the system does: it gets no chance to end anything.
    ///
    /// # Errors
    /// Where it cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// Where it cannot be waited for.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        Ok(self.process.wait().await?)
    }

    /// Its process; `None` once it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

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
        if self.signal("-TERM").await.is_err() {
            self.process.start_kill()?;
        }
        self.process.wait().await?;
        Ok(())
    }

    /// Stops it where it is: it does nothing more until it is killed.
    ///
    /// # Errors
    /// Where the system has no such signal.
    pub async fn pause(&self) -> Result<()> {
        self.signal("-STOP").await
    }

    /// Sends a signal, unless it has ended.
    async fn signal(&self, name: &str) -> Result<()> {
        let Some(id) = self.process.id() else { return Ok(()) };
        let status = Command::new("kill").args([name, &id.to_string()]).status().await?;
        if status.success() { Ok(()) } else { Err(Failure::from(format!("kill {name}: {status}"))) }
    }

    fn memory(&self, key: &str) -> Result<f64> {
        memory_mb(self.process.id().ok_or("the server has ended")?, key)
    }
}
