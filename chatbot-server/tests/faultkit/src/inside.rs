//! The drill with documents inside a document: a server that ends itself while it takes a mail folder apart.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use chatbot_benches::server::Server;
use reqwest::Method;
use serde_json::Value;

use crate::Result;
use crate::api::Api;
use crate::check::folder;
use crate::check::store::Store;
use crate::life::Life;
use crate::report::Kind;

/// Messages in the folder: their originals are stored in a few steps.
const N_MESSAGES: usize = 40;
/// The longest that taking it apart may take.
const DONE_WITHIN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

impl Life {
    /// In a data directory of its own: uploads the folder, lets the server die at `point`, and looks what the next one
    /// makes of it.
    pub(crate) async fn take_apart_and_crash(&mut self, point: &'static str) -> Result<()> {
        let data = self.folder.path().join(point.replace('/', "-"));
        let times = self.chance.between(1, 3);
        self.crash_at(point, times);
        let mut server = self.program.spawn(&data)?;
        server.until_ready(&self.http).await?;
        let api = Api::new(&self.http, server.address);
        // The server may be gone before it could answer.
        api.file((Method::POST, "/documents"), "folder", ("mail.mbox", &mail())).await.ok();
        let ended = tokio::time::timeout(DONE_WITHIN, server.ended()).await;
        self.is_reached(point, ended.is_ok());
        server.kill().await.ok();
        self.program.environment.clear();
        let mut server = self.program.spawn(&data)?;
        server.until_ready(&self.http).await?;
        self.is_taken_apart(&server).await?;
        server.kill().await?;
        let Some(mut store) = Store::open(&data).await? else { return Ok(()) };
        store.is_sound(&mut self.findings).await?;
        let originals = store.originals().await?;
        let n_loose = folder::check(&data, &originals, &mut self.findings)?;
        self.findings.check(n_loose == 0, Kind::Other, || format!("{n_loose} loose originals"));
        Ok(())
    }

    /// Every message is a document that answers, once.
    async fn is_taken_apart(&mut self, server: &Server) -> Result<()> {
        let api = Api::new(&self.http, server.address);
        let begun = Instant::now();
        let found = loop {
            let reply = api.get("/documents?limit=200").await?;
            let all =
                reply.json.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
            let is_done = |one: &Value| one.get("status").and_then(Value::as_str) == Some("ready");
            let is_whole = all.len() > N_MESSAGES && all.iter().all(is_done);
            if is_whole || begun.elapsed() > DONE_WITHIN {
                break all;
            }
            tokio::time::sleep(PAUSE).await;
        };
        let inside = found.iter().filter(|one| one.get("parent_id").is_some_and(Value::is_string));
        let names: Vec<_> = inside.filter_map(|one| one.get("source")?.as_str()).collect();
        let n_names = names.iter().collect::<BTreeSet<_>>().len();
        self.findings.check(n_names == N_MESSAGES, Kind::Loss, || {
            format!("{n_names} of {N_MESSAGES} messages became documents that answer")
        });
        self.findings.check(names.len() == n_names, Kind::Duplicate, || {
            format!("{} documents of {n_names} messages", names.len())
        });
        for i in 0..N_MESSAGES {
            let n_found = api.found(&word(i), "lexical").await?.len();
            self.findings.check(n_found == 1, Kind::Loss, || {
                format!("message {i} is found {n_found} times")
            });
        }
        Ok(())
    }
}

/// A word that only message `i` has.
fn word(i: usize) -> String {
    let letters =
        i.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>();
    format!("quux{letters}quux")
}

fn mail() -> String {
    (0..N_MESSAGES).fold(String::new(), |mut folder, i| {
        let word = word(i);
        write!(
            folder,
            "From a@b.c Thu Jan  1 00:00:00 1970\nFrom: a@b.c\nSubject: Message {i}\nDate: x\n\nIt says {word}.\n\n"
        )
        .ok();
        folder
    })
}
