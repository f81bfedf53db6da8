//! The whole path as a person goes it: the real server, the real page, a real browser.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::project::Project;
use crate::report::{Ended, Outcome};
use crate::shell::{NPM, Shell};
use crate::web::cannot_run;
use crate::{setup, slow_model};

/// A debug build on a busy machine; the server itself promises far less.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Starts a server with an empty data directory and lets the page's suite drive it.
pub(crate) fn run(project: &Project) -> Outcome {
    let web = project.web();
    if let Some(why) = cannot_run(project) {
        return Ok(Ended::Skipped(why));
    }
    let Some(chromium) = setup::browser() else {
        return Ok(Ended::Skipped("there is no browser; see `cargo xtask setup`".to_owned()));
    };
    let slow = format!("openai+http://{}/v1#slow", slow_model::start()?);
    let server = Server::start(&project.program("debug", "chatbot"), &slow)?;
    let suite = Shell::new(NPM, &web)
        .args(["run", "--silent", "e2e"])
        .env("CHATBOT_URL", format!("http://{}", server.address))
        .env("CHATBOT_SLOW_MODEL", &slow)
        .env("CHROMIUM_PATH", chromium)
        .run();
    if suite.is_err() {
        print!("the server's log:\n{}", server.log());
    }
    suite.map(|()| Ended::Passed)
}

/// A server on a free port, with a folder of its own.
struct Server {
    process: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Server {
    fn start(program: &Path, slow_model: &str) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("chatbot-browser-{}", std::process::id()));
        let io = |error: std::io::Error| format!("the server cannot be started: {error}");
        fs::create_dir_all(&folder).map_err(io)?;
        let config = folder.join("chatbot.toml");
        fs::write(&config, format!("[engine]\nmodels = [\"{slow_model}\"]\n")).map_err(io)?;
        let address = free_address().map_err(io)?;
        let log = fs::File::create(folder.join("log")).map_err(io)?;
        let process = Command::new(program)
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .arg("--data-dir")
            .arg(folder.join("data"))
            .args(["--listen", &address.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(io)?)
            .stderr(log)
            .spawn()
            .map_err(io)?;
        let mut server = Self { process, address, folder };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < READY_WITHIN {
            if is_ready(self.address).unwrap_or(false) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("the server ended ({status}):\n{}", self.log()));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("the server was not ready within {READY_WITHIN:?}:\n{}", self.log()))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
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

fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    let timeout = Duration::from_secs(2);
    let mut connection = TcpStream::connect_timeout(&address, timeout)?;
    connection.set_read_timeout(Some(timeout))?;
    write!(connection, "GET /ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut status = String::new();
    BufReader::new(connection.take(1024)).read_line(&mut status)?;
    Ok(status.split(' ').nth(1) == Some("200"))
}
