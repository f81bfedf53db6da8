//! What a server answers after a restart, beside what its clients know.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Result;
use crate::actor::Actor;
use crate::api::{Api, Reply};
use crate::ledger::{Document, Known, Session, Turn};
use crate::report::{Findings, Kind};

/// The longest that what was queued may take. Less than a lease lasts, so that work that nobody does shows; and with room
/// for a machine that others use as well.
const SETTLED_WITHIN: Duration = Duration::from_secs(25);
const POLL: Duration = Duration::from_millis(10);
/// Searches by meaning ask for this many chunks: if there are fewer, all of them are found.
const MAX_FOUND: u64 = 100;

/// Right after a restart: everything acknowledged is there, and no turn is open. Turns that were looked at before are
/// looked at again only where `all` says so.
///
/// # Errors
/// Where the server does not answer.
pub async fn kept(actor: &mut Actor, api: &Api, all: bool) -> Result<()> {
    let findings = &mut actor.findings;
    for document in &actor.ledger.documents {
        document_is_kept(document, api, findings).await?;
    }
    for session in &mut actor.ledger.sessions {
        let is_new = session.turns.iter().any(|turn| !turn.survived);
        if all || is_new || session.deleted != Known::Never {
            session_is_kept(session, api, all, findings).await?;
        }
    }
    Ok(())
}

async fn document_is_kept(document: &Document, api: &Api, findings: &mut Findings) -> Result<()> {
    let Some(id) = &document.id else { return Ok(()) };
    let reply = api.get(&format!("/documents/{id}")).await?;
    let is_there = match document.deleted {
        Known::Never => reply.status == 200,
        Known::Asked => matches!(reply.status, 200 | 404),
        Known::Acknowledged => reply.status == 404,
    };
    findings.check(is_there, Kind::Loss, || {
        format!("{id} ({:?} deleted): {} {}", document.deleted, reply.status, reply.json)
    });
    if reply.status == 200 {
        let hashes = document.versions.iter().map(|version| sha256(version.text.as_bytes()));
        findings.check(
            hashes.into_iter().any(|hash| hash == reply.text("sha256")),
            Kind::Half,
            || format!("{id} has bytes that nobody sent: {}", reply.json),
        );
    }
    Ok(())
}

async fn session_is_kept(
    session: &mut Session,
    api: &Api,
    all: bool,
    findings: &mut Findings,
) -> Result<()> {
    let Some(id) = &session.id else { return Ok(()) };
    let reply = api.get(&format!("/sessions/{id}")).await?;
    let is_there = match session.deleted {
        Known::Never => reply.status == 200,
        Known::Asked => matches!(reply.status, 200 | 404),
        Known::Acknowledged => reply.status == 404,
    };
    findings
        .check(is_there, Kind::Loss, || format!("session {id}: {} {}", reply.status, reply.json));
    if reply.status != 200 {
        return Ok(());
    }
    title_is_kept(session, &reply, findings);
    for turn in session.turns.iter_mut().filter(|turn| all || !turn.survived) {
        turn_is_kept(turn, api, findings).await?;
    }
    Ok(())
}

/// The last title that was acknowledged, or the one after it, which is in doubt.
fn title_is_kept(session: &Session, reply: &Reply, findings: &mut Findings) {
    let Some(kept) = session.titles.iter().rposition(|(_, known)| *known == Known::Acknowledged)
    else {
        return;
    };
    let mut possible = session.titles.iter().skip(kept);
    findings.check(possible.any(|(title, _)| title == reply.text("title")), Kind::Loss, || {
        format!("a title is lost: {:?} is {}", session.titles.last(), reply.json)
    });
}

async fn turn_is_kept(turn: &mut Turn, api: &Api, findings: &mut Findings) -> Result<()> {
    let Some(ids) = &turn.ids else { return Ok(()) };
    let user = api.get(&format!("/messages/{}", ids.user)).await?;
    let same = turn.text.as_deref().is_none_or(|text| user.text("content") == text);
    findings.check(user.status == 200 && same, Kind::Loss, || {
        format!("the question {:?} is lost: {} {}", turn.text, user.status, user.json)
    });
    let answer = api.get(&format!("/messages/{}", ids.answer)).await?;
    let state = answer.text("state");
    let is_closed = matches!(state, "complete" | "failed" | "cancelled");
    findings.check(is_closed, Kind::Half, || {
        format!(
            "the answer {} is open after a restart: {} {}",
            ids.answer, answer.status, answer.json
        )
    });
    let content = answer.text("content");
    match &turn.end {
        Some(end) => findings.check(is_same_answer(end, &answer.json), Kind::Loss, || {
            format!("the answer {} was {end} and is {}", ids.answer, answer.json)
        }),
        None => {
            // What was shown of an answer that broke off, and what is kept of it, are parts of one text.
            let fits = content.starts_with(&turn.seen) || turn.seen.starts_with(content);
            findings.check(fits, Kind::Half, || {
                format!("the answer {} showed {:?} and holds {content:?}", ids.answer, turn.seen)
            });
            turn.end = is_closed.then(|| answer.json.clone());
        }
    }
    Ok(())
}

/// Everything about an answer that nothing later may change: not its quotes, which go with their document.
fn is_same_answer(one: &Value, other: &Value) -> bool {
    ["id", "session_id", "parent_id", "role", "state", "content", "abstained", "model", "usage"]
        .into_iter()
        .all(|name| one.get(name) == other.get(name))
}

/// Once everything that was queued is done: every document answers by its last text, and no other text answers.
///
/// # Errors
/// Where the server does not answer.
pub async fn settled(actors: &mut [Actor], api: &Api, by_meaning: bool) -> Result<Duration> {
    let begun = Instant::now();
    let mut patience = Patience::new();
    let mut live = BTreeSet::new();
    let mut n_chunks = 0;
    for actor in actors.iter_mut() {
        let findings = &mut actor.findings;
        for document in actor.ledger.documents.iter().filter(|one| one.is_there()) {
            n_chunks += is_done(document, api, by_meaning, &mut patience, findings).await?;
            live.extend(document.id.clone());
        }
    }
    let took = begun.elapsed();
    for actor in actors.iter_mut() {
        let findings = &mut actor.findings;
        for document in &actor.ledger.documents {
            answers_alone(document, api, findings).await?;
            if document.is_there() {
                is_whole(document, api, findings).await?;
            }
        }
    }
    if by_meaning
        && n_chunks <= MAX_FOUND
        && let Some(actor) = actors.first_mut()
    {
        found_by_meaning(&live, api, &mut actor.findings).await?;
    }
    Ok(took)
}

/// How long is waited for documents: as long as anything about any of them goes on.
#[derive(Debug)]
struct Patience {
    since: Instant,
    seen: Value,
}

impl Patience {
    fn new() -> Self {
        Self { since: Instant::now(), seen: Value::Null }
    }

    /// Whether nothing has changed for long: a machine that has others to serve may be slow.
    async fn is_over(&mut self, api: &Api) -> Result<bool> {
        if self.since.elapsed() < SETTLED_WITHIN {
            return Ok(false);
        }
        let now = api.get("/documents?limit=200").await?.json;
        let is_still = now == self.seen;
        (self.since, self.seen) = (Instant::now(), now);
        Ok(is_still)
    }
}

/// Waits until a document answers by what was sent last; the number of its chunks.
async fn is_done(
    document: &Document,
    api: &Api,
    by_meaning: bool,
    patience: &mut Patience,
    findings: &mut Findings,
) -> Result<u64> {
    let begun = Instant::now();
    let (Some(id), Some(version)) = (&document.id, document.last()) else { return Ok(0) };
    let hash = sha256(version.text.as_bytes());
    loop {
        let reply = api.get(&format!("/documents/{id}")).await?;
        let dense = reply.json.pointer("/coverage/dense").and_then(Value::as_f64).unwrap_or(0.0);
        let is_ready = reply.text("status") == "ready" && reply.text("sha256") == hash;
        let is_idle = reply.json.get("stage").is_none_or(Value::is_null);
        if is_ready && is_idle && (!by_meaning || dense >= 1.0) {
            return Ok(reply.json.get("chunk_count").and_then(Value::as_u64).unwrap_or_default());
        }
        let has_failed = reply.json.get("error").is_some_and(|error| !error.is_null());
        if has_failed || patience.is_over(api).await? {
            findings.check(false, Kind::Loss, || {
                format!(
                    "{id} does not answer by its last text after {:?}: {}",
                    begun.elapsed(),
                    reply.json
                )
            });
            return Ok(0);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// A document is found by the marker of its last text, and nothing is found by any other.
async fn answers_alone(document: &Document, api: &Api, findings: &mut Findings) -> Result<()> {
    let begun = Instant::now();
    let Some(id) = &document.id else { return Ok(()) };
    let n_versions = document.versions.len();
    // Long dead markers were looked for before.
    for (number, version) in document.versions.iter().enumerate().skip(n_versions.saturating_sub(3))
    {
        let is_live = document.is_there() && number + 1 == n_versions;
        let fits = |found: &[String]| match is_live {
            true => !found.is_empty() && found.iter().all(|one| one == id),
            false => found.is_empty(),
        };
        let mut found = api.found(&version.marker, "lexical").await?;
        // An index that lost its place is built again behind the documents, which are ready meanwhile.
        while is_live && !fits(&found) && begun.elapsed() < SETTLED_WITHIN {
            tokio::time::sleep(POLL).await;
            found = api.found(&version.marker, "lexical").await?;
        }
        let as_expected = fits(&found);
        findings.check(as_expected, Kind::Loss, || {
            let what = if is_live { "is not found alone" } else { "is found though it is dead" };
            format!("version {} of {n_versions} of {id} {what}: {found:?}", number + 1)
        });
    }
    Ok(())
}

/// Its bytes, its text, the number of its versions and of its chunks are what was sent.
async fn is_whole(document: &Document, api: &Api, findings: &mut Findings) -> Result<()> {
    let (Some(id), Some(version)) = (&document.id, document.last()) else { return Ok(()) };
    for part in ["content", "text"] {
        let bytes = api.bytes(&format!("/documents/{id}/{part}")).await?;
        findings.check(bytes.as_deref() == Some(version.text.as_bytes()), Kind::Half, || {
            format!("the {part} of {id} is not what was sent: {:?} bytes", bytes.map(|b| b.len()))
        });
    }
    let versions = api.get(&format!("/documents/{id}/versions")).await?;
    let n_versions = versions.json.get("items").and_then(Value::as_array).map(Vec::len);
    findings.check(n_versions == Some(document.versions.len()), Kind::Duplicate, || {
        format!("{id} was sent {} times and has {n_versions:?} versions", document.versions.len())
    });
    Ok(())
}

/// A search by meaning for anything finds every document, because there are fewer chunks than it asks for.
async fn found_by_meaning(
    live: &BTreeSet<String>,
    api: &Api,
    findings: &mut Findings,
) -> Result<()> {
    let begun = Instant::now();
    loop {
        let found: BTreeSet<String> =
            api.found("What is explained here?", "dense").await?.into_iter().collect();
        if found == *live || begun.elapsed() > SETTLED_WITHIN {
            findings.check(found == *live, Kind::Loss, || {
                format!("by meaning, {found:?} are found and {live:?} are there")
            });
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
