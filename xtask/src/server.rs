//! The server as a program: started on a free port with a folder of its own, asked by plain HTTP.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A debug build on a busy machine; the server itself promises far less.
const READY_WITHIN: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that runs until this value is dropped, when its folder goes too.
pub(crate) struct Server {
    process: Child,
    folder: PathBuf,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts `program` with this configuration (TOML) and an empty data directory; returns once it is ready.
    pub(crate) fn start(program: &Path, config: &str) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("chatbot-xtask-{}", std::process::id()));
        let io = |error: std::io::Error| format!("the server cannot be started: {error}");
        fs::create_dir_all(&folder).map_err(io)?;
        let file = folder.join("chatbot.toml");
        fs::write(&file, config).map_err(io)?;
        let address = free_address().map_err(io)?;
        let log = fs::File::create(folder.join("log")).map_err(io)?;
        let process = Command::new(program)
            .arg("serve")
            .arg("--config")
            .arg(&file)
            .arg("--data-dir")
            .arg(folder.join("data"))
            .args(["--listen", &address.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(io)?)
            .stderr(log)
            .spawn()
            .map_err(io)?;
        let mut server = Self { process, folder, address };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// What it wrote to its standard output and error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The body of a page that answers with 200.
    pub(crate) fn get(&self, path: &str) -> Result<String, String> {
        let failed = |error: std::io::Error| format!("GET {path}: {error}");
        let reply = request(self.address, path).map_err(failed)?;
        let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
        let status = head.lines().next().unwrap_or_default();
        if status.split(' ').nth(1) == Some("200") {
            return Ok(body.to_owned());
        }
        Err(format!("GET {path}: {status}"))
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < READY_WITHIN {
            if self.get("/ready").is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("the server ended ({status}):\n{}", self.log()));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("the server was not ready within {READY_WITHIN:?}:\n{}", self.log()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// An address nobody listens on. Another program may take it before the server does; then the server says so.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

/// HTTP/1.0, so that the body is what follows until the connection is closed.
fn request(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&address, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    write!(connection, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut reply = String::new();
    connection.read_to_string(&mut reply)?;
    Ok(reply)
}
