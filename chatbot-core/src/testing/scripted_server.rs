//! An HTTP server that answers with exactly the bytes a test tells it to, at the times it tells it to.
//!
//! It speaks no more HTTP than is needed to read one request: what it answers may break every rule.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::error::Result;

/// What a [`ScriptedServer`] does with a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Lets time pass.
    Wait(Duration),
    /// Says nothing more, and keeps the connection until the client leaves.
    Hang,
    /// Cuts the connection with a reset.
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
    received: Arc<Mutex<Vec<Received>>>,
    left: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl ScriptedServer {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// `storage` where no port can be had.
    pub async fn start(scripts: Vec<Vec<Act>>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (received, left) = (Arc::default(), Arc::default());
        let task = tokio::spawn(serve(listener, scripts, Arc::clone(&received), Arc::clone(&left)));
        Ok(Self { address, received, left, task })
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
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Clients that went away while a script hung.
    #[must_use]
    pub fn n_left(&self) -> usize {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The head of a stream of server-sent events that ends with its connection.
#[must_use]
pub fn event_stream_head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_vec()
}

async fn serve(
    listener: TcpListener,
    scripts: Vec<Vec<Act>>,
    received: Arc<Mutex<Vec<Received>>>,
    left: Arc<Mutex<usize>>,
) {
    let mut scripts = scripts.into_iter();
    let mut script = scripts.next().unwrap_or_default();
    while let Ok((stream, _)) = listener.accept().await {
        let next = scripts.next().unwrap_or_else(|| script.clone());
        let acts = std::mem::replace(&mut script, next);
        let (received, left) = (Arc::clone(&received), Arc::clone(&left));
        tokio::spawn(async move {
            let mut stream = stream;
            if let Some(request) = read_request(&mut stream).await {
                received.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                if play(stream, acts).await.is_none() {
                    *left.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                }
            }
        });
    }
}

/// `None` where the client left before the script was over.
async fn play(mut stream: TcpStream, acts: Vec<Act>) -> Option<()> {
    for act in acts {
        match act {
            Act::Send(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                stream.flush().await.ok()?;
            }
            Act::Wait(time) => tokio::time::sleep(time).await,
            Act::Hang => {
                let mut byte = [0];
                while stream.read(&mut byte).await.ok()? > 0 {}
                return None;
            }
            Act::Reset => {
                stream.set_zero_linger().ok()?;
                return Some(());
            }
        }
    }
    stream.shutdown().await.ok()
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
    let mut request = Received { line, headers, body: bytes.split_off(head_end + 4) };
    let length = request.header("content-length").and_then(|length| length.parse().ok());
    while request.body.len() < length.unwrap_or(0) {
        (stream.read_buf(&mut request.body).await.ok()? > 0).then_some(())?;
    }
    Some(request)
}
