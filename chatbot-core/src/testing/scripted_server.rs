//! An HTTP server that answers with exactly the bytes a test tells it to, at the times it tells it to.
//!
//! It speaks no more HTTP than is needed to read one request: what it answers may break every rule.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::Result;

/// What a [`ScriptedServer`] does with a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends the same bytes so many times over, or until the client leaves.
    Repeat(Vec<u8>, usize),
    /// Reads one more request of the same connection.
    Receive,
    /// Lets time pass.
    Wait(Duration),
    /// Says nothing more, and keeps the connection until the client leaves.
    Hang,
    /// Cuts the connection with a reset. A script that ends closes it properly, whatever was said.
    Reset,
}

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Received {
    /// Method and path.
    pub line: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The connection that it came by, from 1.
    pub connection: usize,
}

impl Received {
    /// The header of this lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A server that plays one script per connection; the last script serves all further connections.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    log: Arc<Log>,
    task: JoinHandle<()>,
}

/// What happened so far.
#[derive(Debug, Default)]
struct Log {
    received: Mutex<Vec<Received>>,
    counts: watch::Sender<Counts>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    connections: usize,
    received: usize,
    left: usize,
}

impl Log {
    fn receive(&self, request: Received) {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        self.counts.send_modify(|counts| counts.received += 1);
    }
}

impl ScriptedServer {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// `storage` where no port can be had.
    pub async fn start(scripts: Vec<Vec<Act>>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let log = Arc::<Log>::default();
        let task = tokio::spawn(serve(listener, scripts, Arc::clone(&log)));
        Ok(Self { address, log, task })
    }

    /// Listens, and answers every request with this status, media type and body.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn replying(status: &str, headers: &[(&str, &str)], body: &str) -> Result<Self> {
        Self::start(vec![vec![Act::Send(reply(status, headers, body))]]).await
    }

    /// Where it listens, such as `http://127.0.0.1:4711`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.log.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connections so far.
    #[must_use]
    pub fn n_connections(&self) -> usize {
        self.log.counts.borrow().connections
    }

    /// Clients that went away before a script was over.
    #[must_use]
    pub fn n_left(&self) -> usize {
        self.log.counts.borrow().left
    }

    /// Waits until so many clients have gone away before a script was over.
    pub async fn left(&self, n: usize) {
        self.until(|counts| counts.left >= n).await;
    }

    /// Waits until so many requests have come in.
    pub async fn requested(&self, n: usize) {
        self.until(|counts| counts.received >= n).await;
    }

    async fn until(&self, holds: impl FnMut(&Counts) -> bool) {
        // The sender lives as long as this server, so waiting cannot fail.
        let _ = self.log.counts.subscribe().wait_for(holds).await;
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A whole HTTP/1.1 reply with a proper length.
#[must_use]
pub fn reply(status: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The acts of a stream of server-sent events with these data, which ends with its connection.
#[must_use]
pub fn event_stream(data: &[&str]) -> Vec<Act> {
    let body: String = data.iter().map(|data| format!("data: {data}\n\n")).collect();
    vec![Act::Send(event_stream_head()), Act::Send(body.into_bytes())]
}

/// The head of a stream of server-sent events that ends with its connection.
#[must_use]
pub fn event_stream_head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_vec()
}

async fn serve(listener: TcpListener, scripts: Vec<Vec<Act>>, log: Arc<Log>) {
    let mut scripts = scripts.into_iter();
    let mut script = scripts.next().unwrap_or_default();
    while let Ok((stream, _)) = listener.accept().await {
        let next = scripts.next().unwrap_or_else(|| script.clone());
        let acts = std::mem::replace(&mut script, next);
        log.counts.send_modify(|counts| counts.connections += 1);
        let connection = log.counts.borrow().connections;
        let player = Player { stream, log: Arc::clone(&log), connection };
        tokio::spawn(async move {
            let log = Arc::clone(&player.log);
            if player.run(acts).await.is_none() {
                log.counts.send_modify(|counts| counts.left += 1);
            }
        });
    }
}

/// One connection.
struct Player {
    stream: TcpStream,
    log: Arc<Log>,
    connection: usize,
}

impl Player {
    /// `None` where the client left before the script was over.
    async fn run(mut self, acts: Vec<Act>) -> Option<()> {
        self.receive().await?;
        for act in acts {
            match act {
                Act::Send(bytes) => self.send(&bytes).await?,
                Act::Repeat(bytes, n) => {
                    for _ in 0..n {
                        self.send(&bytes).await?;
                    }
                }
                Act::Receive => self.receive().await?,
                Act::Wait(time) => tokio::time::sleep(time).await,
                Act::Hang => {
                    let mut byte = [0];
                    while self.stream.read(&mut byte).await.ok()? > 0 {}
                    return None;
                }
                Act::Reset => {
                    self.stream.set_zero_linger().ok()?;
                    return Some(());
                }
            }
        }
        self.stream.shutdown().await.ok()
    }

    async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()?;
        self.stream.flush().await.ok()
    }

    async fn receive(&mut self) -> Option<()> {
        let request = read_request(&mut self.stream).await?;
        self.log.receive(Received { connection: self.connection, ..request });
        Some(())
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        (stream.read_buf(&mut bytes).await.ok()? > 0).then_some(())?;
    };
    let head = String::from_utf8_lossy(bytes.get(..head_end)?).into_owned();
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let body = bytes.split_off(head_end + 4);
    let mut request = Received { line, headers, body, connection: 0 };
    let length = request.header("content-length").and_then(|length| length.parse().ok());
    while request.body.len() < length.unwrap_or(0) {
        (stream.read_buf(&mut request.body).await.ok()? > 0).then_some(())?;
    }
    Some(request)
}
