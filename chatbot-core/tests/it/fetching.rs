//! Documents by their addresses: what may be reached, and what hostile origins and name servers get out of it.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chatbot_core::fetchers::{FetchOptions, HttpFetcher, Names};
use chatbot_core::testing::scripted_server::{Act, ScriptedServer, reply};
use chatbot_core::traits::{Fetched, Fetcher, once};
use chatbot_core::types::MediaType;
use chatbot_core::{Chatbot, Context, Error, ErrorKind, NewDocument};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tempfile::TempDir;
use tokio::time::timeout;

const MAX_BYTES: u64 = 1 << 20;
/// What takes longer than this would never end.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// A name server of the test's own: it gives these answers, one after the other, and the last one again and again.
#[derive(Debug)]
struct ScriptedNames {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl ScriptedNames {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parse).collect()),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Names for ScriptedNames {
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let next = answers.pop_front().unwrap();
        if answers.is_empty() {
            answers.push_back(next.clone());
        }
        Ok(next)
    }
}

/// A fetcher that may reach the origin under the name `origin.test`, and nothing else that is not public.
struct Setting {
    origin: ScriptedServer,
    names: Arc<ScriptedNames>,
    fetcher: HttpFetcher,
    folder: TempDir,
}

impl Setting {
    async fn new(scripts: Vec<Vec<Act>>) -> Self {
        Self::with(scripts, ScriptedNames::new(&[&["127.0.0.1"]])).await
    }

    async fn with(scripts: Vec<Vec<Act>>, names: Arc<ScriptedNames>) -> Self {
        let origin = ScriptedServer::start(scripts).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = FetchOptions {
            allow_hosts: vec![format!("origin.test:{}", port(&origin))],
            max_duration: Duration::from_millis(700),
            folder: folder.path().to_owned(),
        };
        let fetcher = HttpFetcher::with_names(options, names.clone()).unwrap();
        Self { origin, names, fetcher, folder }
    }

    fn address(&self, path: &str) -> String {
        format!("http://origin.test:{}{path}", port(&self.origin))
    }

    async fn fetch(&self, address: &str) -> Result<Fetched, Error> {
        let ctx = Context::local();
        let fetched = timeout(ENDS_WITHIN, self.fetcher.fetch(&ctx, address, MAX_BYTES)).await;
        let fetched = fetched.expect("it would never end");
        assert_eq!(std::fs::read_dir(&self.folder).unwrap().count(), 0, "files have no names");
        fetched
    }

    async fn refusal(&self, path: &str) -> Error {
        self.fetch(&self.address(path)).await.expect_err(path)
    }
}

fn port(server: &ScriptedServer) -> String {
    server.url().rsplit(':').next().unwrap().to_owned()
}

async fn bytes(fetched: Fetched) -> Vec<u8> {
    fetched.content.try_collect::<Vec<_>>().await.unwrap().concat()
}

fn sends(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<Act> {
    let length = body.len().to_string();
    let headers = [headers, &[("content-length", &length), ("connection", "close")]].concat();
    let lines: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status}\r\n{lines}\r\n");
    vec![Act::Send([head.as_bytes(), body].concat())]
}

fn leads_to(address: &str) -> Vec<Act> {
    sends("302 Found", &[("location", address)], b"")
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_document_comes_with_its_address_and_what_it_was_declared_as() {
    let html = ("content-type", "text/html; charset=utf-8");
    let setting = Setting::new(vec![sends("200 OK", &[html], b"<p>words")]).await;
    let fetched = setting.fetch(&setting.address("/a b?c=d#e").replace(' ', "%20")).await.unwrap();
    assert_eq!(fetched.address, setting.address("/a%20b?c=d"));
    assert_eq!(fetched.declared, Some(MediaType::HTML));
    assert_eq!(bytes(fetched).await, b"<p>words");
    let [request] = setting.origin.received().try_into().unwrap();
    assert_eq!(request.line, "GET /a%20b?c=d HTTP/1.1");
    for header in ["cookie", "authorization", "referer"] {
        assert_eq!(request.header(header), None, "{header}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_where_it_may_be() {
    let setting = Setting::new(vec![leads_to("/there"), sends("200 OK", &[], b"words")]).await;
    let fetched = setting.fetch(&setting.address("/here")).await.unwrap();
    assert_eq!(fetched.address, setting.address("/here"), "the address is the one that was given");
    assert_eq!(bytes(fetched).await, b"words");
}

#[tokio::test]
async fn no_redirect_leads_inside() {
    let inner = ScriptedServer::replying("200 OK", &[], "a secret").await.unwrap();
    let inner_port = port(&inner);
    for target in [
        inner.url(),
        format!("http://localhost:{inner_port}/"),
        format!("http://origin.test:{inner_port}/"),
        format!("http://[::ffff:127.0.0.1]:{inner_port}/"),
        "http://inside.test/".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "//2130706433/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
        "http://user:word@example.org/".to_owned(),
    ] {
        let setting = Setting::new(vec![leads_to(&target)]).await;
        let error = setting.refusal("/").await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{target}: {error:?}");
        assert_eq!(setting.origin.received().len(), 1, "{target}");
    }
    assert_eq!(inner.received(), []);
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let setting = Setting::new(vec![leads_to("/again")]).await;
    assert_eq!(setting.refusal("/").await.kind(), ErrorKind::BadResponse);
    assert_eq!(setting.origin.received().len(), 6, "one request, and five redirects");
    let setting = Setting::new(vec![sends("302 Found", &[], b"")]).await;
    assert_eq!(setting.refusal("/").await.kind(), ErrorKind::BadResponse);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_whatever_else_it_says() {
    for answer in [
        &["127.0.0.1"][..],
        &["10.0.0.7"],
        &["1.1.1.1", "169.254.169.254"],
        &["::ffff:127.0.0.1"],
        &["fd00:ec2::254", "1.1.1.1"],
        &[],
    ] {
        let setting = Setting::with(Vec::new(), ScriptedNames::new(&[answer])).await;
        let error = setting.fetch("http://metadata.test/").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{answer:?}: {error:?}");
        assert_eq!(setting.names.asked(), ["metadata.test"]);
    }
}

#[tokio::test]
async fn a_name_is_asked_for_once_so_that_it_cannot_change_its_mind() {
    // The second answer would lead to where nobody listens.
    let names = ScriptedNames::new(&[&["127.0.0.1"], &["127.0.0.99"]]);
    let setting = Setting::with(vec![sends("200 OK", &[], b"words")], names).await;
    let fetched = setting.fetch(&setting.address("/")).await.unwrap();
    assert_eq!(bytes(fetched).await, b"words");
    assert_eq!(setting.names.asked(), ["origin.test"]);
}

#[tokio::test]
async fn an_origin_that_never_ends_is_left() {
    let head = || Act::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec());
    for script in [vec![Act::Hang], vec![head(), Act::Hang]] {
        let setting = Setting::new(vec![script]).await;
        assert_eq!(setting.refusal("/").await.kind(), ErrorKind::Timeout);
        while setting.origin.n_left() == 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn too_much_is_refused_however_it_is_packed() {
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n".to_vec();
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'a'; 2 << 20]].concat();
    let gzip = ("content-encoding", "gzip");
    let bomb = packed(&vec![0; 64 << 20]);
    assert!((bomb.len() as u64) < MAX_BYTES);
    for script in [
        vec![Act::Send(announced), Act::Hang],
        vec![Act::Send(endless), Act::Hang],
        sends("200 OK", &[gzip], &bomb),
    ] {
        let setting = Setting::new(vec![script]).await;
        assert_eq!(setting.refusal("/").await.kind(), ErrorKind::TooLarge);
    }
}

#[tokio::test]
async fn what_is_packed_is_unpacked() {
    let gzip = ("content-encoding", "gzip");
    let text = "words and more words ".repeat(10_000);
    let whole = packed(text.as_bytes());
    let setting = Setting::new(vec![sends("200 OK", &[gzip], &whole)]).await;
    let fetched = setting.fetch(&setting.address("/")).await.unwrap();
    assert_eq!(bytes(fetched).await, text.as_bytes());
    let cut = &whole[..whole.len() / 2];
    for script in [
        sends("200 OK", &[gzip], cut),
        sends("200 OK", &[gzip], b"no gzip"),
        sends("200 OK", &[("content-encoding", "br")], b"words"),
        vec![Act::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec())],
    ] {
        let setting = Setting::new(vec![script]).await;
        assert_eq!(setting.refusal("/").await.kind(), ErrorKind::BadResponse);
    }
}

#[tokio::test]
async fn what_is_no_document_is_said() {
    for (status, declared, kind) in [
        ("200 OK", "text/event-stream", ErrorKind::Unsupported),
        ("200 OK", "image/png", ErrorKind::Unsupported),
        ("200 OK", "multipart/x-mixed-replace; boundary=a", ErrorKind::Unsupported),
        ("404 Not Found", "text/html", ErrorKind::BadResponse),
        ("500 Internal Server Error", "text/html", ErrorKind::BadResponse),
        ("304 Not Modified", "text/html", ErrorKind::BadResponse),
    ] {
        let script = vec![Act::Send(reply(status, &[("content-type", declared)], "x"))];
        let setting = Setting::new(vec![script]).await;
        assert_eq!(setting.refusal("/").await.kind(), kind, "{status} {declared}");
    }
    let setting = Setting::new(vec![vec![Act::Reset]]).await;
    assert_eq!(setting.refusal("/").await.kind(), ErrorKind::BadResponse);
}

/// Knows one page by heart and connects to nothing.
#[derive(Debug)]
struct OnePage;

#[async_trait]
impl Fetcher for OnePage {
    async fn fetch(&self, _: &Context, address: &str, max_bytes: u64) -> Result<Fetched, Error> {
        if address != "wiki:pumps" {
            return Err(Error::invalid("There is one page, `wiki:pumps`."));
        }
        assert_eq!(max_bytes, MAX_BYTES);
        let content = once("The cooling pump is oiled every 400 hours.");
        Ok(Fetched { address: address.to_owned(), declared: Some(MediaType::TEXT), content })
    }
}

#[tokio::test]
async fn a_fetcher_of_the_hosts_own_takes_the_place_of_the_other() {
    let mut config = chatbot_core::config::EngineConfig::default();
    config.limits.max_upload_bytes = MAX_BYTES;
    config.embedder = "none".to_owned();
    // In any order, and whatever the configuration allows.
    let builder = Chatbot::builder().fetcher(OnePage).config(config);
    let chatbot = builder.build().await.unwrap();
    let (ctx, new) = (Context::local(), NewDocument::default());
    let added = chatbot.add_from_address(&ctx, new.clone(), "wiki:pumps").await.unwrap();
    assert_eq!(added.source, "wiki:pumps");
    let states = chatbot.watch_document(&ctx, added.id).await.unwrap();
    let states: Vec<_> = states.collect().await;
    assert_eq!(states.last().unwrap().chunk_count, 1);
    let error = chatbot.add_from_address(&ctx, new, "http://origin.test/").await.unwrap_err();
    assert!(error.message().contains("`wiki:pumps`"), "{error}");
    chatbot.close().await.unwrap();
}
