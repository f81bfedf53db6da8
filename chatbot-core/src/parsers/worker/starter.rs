//! Starts workers, all from one thread that lives as long as they may.
//!
//! On Linux a worker dies with the *thread* that started it. A runtime's threads come and go; this one ends with the pool,
//! and takes along whatever still runs.

use std::io;
use std::process::Stdio;
use std::sync::{OnceLock, mpsc};

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};

use super::{MEMORY_VARIABLE, WorkerOptions};

/// A process wanted, by whoever waits in this runtime.
#[derive(Debug)]
struct Order {
    runtime: Handle,
    done: oneshot::Sender<io::Result<Child>>,
}

/// Starts processes; its thread begins with the first.
#[derive(Debug)]
pub(super) struct Starter {
    options: WorkerOptions,
    orders: OnceLock<mpsc::Sender<Order>>,
}

impl Starter {
    pub(super) const fn new(options: WorkerOptions) -> Self {
        Self { options, orders: OnceLock::new() }
    }

    /// Starts a process.
    ///
    /// # Errors
    /// `unavailable` where the system starts none.
    pub(super) async fn start(&self) -> Result<Child> {
        let orders = self.orders.get_or_init(|| begin(self.options.clone()));
        let (done, started) = oneshot::channel();
        let order = Order { runtime: Handle::current(), done };
        // An order that nobody takes closes its channel.
        let _ = orders.send(order);
        let gone = || io::Error::other("the thread that starts workers is gone");
        started.await.unwrap_or_else(|_| Err(gone())).map_err(|error| {
            let message = format!(
                "The program that reads documents, {}, could not be started. Check `parsing.worker`.",
                self.options.program.display()
            );
            Error::new(ErrorKind::Unavailable, message).with_source(error)
        })
    }
}

/// The thread; it ends when the sender that is returned is gone.
fn begin(options: WorkerOptions) -> mpsc::Sender<Order> {
    let (orders, taken) = mpsc::channel::<Order>();
    let work = move || {
        for order in taken {
            let _runtime = order.runtime.enter();
            // The folder is gone at once, where a folder can go while somebody is in it: nothing is left of it.
            let child = tempfile::tempdir().and_then(|folder| command(&options, &folder).spawn());
            // Whoever asked may have left; then the process is killed as it is dropped.
            let _ = order.done.send(child);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("parse-workers".to_owned()).spawn(work) {
        tracing::warn!(%error, "no thread to start parse workers from");
    }
    orders
}

fn command(options: &WorkerOptions, folder: &TempDir) -> Command {
    let mut command = Command::new(&options.program);
    command
        .args(&options.arguments)
        .env_clear()
        .envs(&options.environment)
        .env(MEMORY_VARIABLE, options.max_memory_bytes.to_string())
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // Ctrl-C in a terminal is for the host, which lets a document be finished.
    #[cfg(unix)]
    command.process_group(0);
    command
}
