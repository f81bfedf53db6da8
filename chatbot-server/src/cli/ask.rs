//! `ask`: a question, its answer as it comes, and what it rests on.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use chatbot_core::sse::SseEvent;
use chatbot_core::types::{Event, Message, MessageId, SequencedEvent, SessionId, Source};
use chatbot_core::{Error, ErrorKind, Result};
use futures_util::StreamExt as _;
use serde_json::json;

use super::args::{Ask, Wait};
use super::client::Client;
use super::files::Choice;
use super::ingest::{self, Goal, Report};
use super::output::Output;
use super::settings::Settings;
use super::{Outcome, interrupted};

/// The longest quote that is shown.
const MAX_QUOTE_CHARS: usize = 200;

pub(super) async fn ask(ask: Ask, settings: Settings, output: &Output) -> Result<Outcome> {
    let keeps_nothing = ask.docs.is_some() && !settings.data_dir_was_chosen;
    let client = if keeps_nothing {
        Client::ephemeral(&settings.config).await?
    } else {
        Client::connect(&settings.config).await?
    };
    let own_files = settings.config.engine.data_dir.clone();
    let running = Cell::new(None);
    let work = async {
        if let Some(docs) = &ask.docs {
            take_in(&client, (docs, own_files), output).await?;
        }
        turn(&client, &ask, &running, output).await.map(Some)
    };
    let asked = tokio::select! {
        asked = work => asked,
        () = interrupted() => {
            stop(&client, running.get()).await;
            Ok(None)
        }
    };
    client.close().await?;
    let Some((session_id, message)) = asked? else {
        return Ok(Outcome::Interrupted);
    };
    show_sources(&message, output);
    output.document(&json!({"session_id": session_id, "message": message}));
    Ok(Outcome::Done)
}

async fn take_in(
    client: &Client,
    (docs, own_files): (&Path, Option<PathBuf>),
    output: &Output,
) -> Result<()> {
    let mut report = Report::default();
    let choice = Choice { own_files, ..Choice::default() };
    let places = ingest::places(&[docs.to_owned()], &choice, &mut report.failures)?;
    let goal = Goal { collection: None, wait: Wait::Searchable };
    ingest::take_in(client, (places, goal), output, &mut report).await?;
    report.failures.show(output);
    if report.is_useless() {
        return Err(super::usage(
            "None of the files could be read, so there is nothing to answer from.",
        ));
    }
    Ok(())
}

/// A server would go on with an answer that nobody reads.
async fn stop(client: &Client, running: Option<MessageId>) {
    if let Some(id) = running {
        let stopped: Result<()> =
            client.post(&format!("/api/v1/messages/{id}/stop"), &json!({})).await;
        if let Err(error) = stopped {
            tracing::warn!(%error, "the answer could not be stopped");
        }
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "what is not shown is passed over")]
async fn turn(
    client: &Client,
    ask: &Ask,
    running: &Cell<Option<MessageId>>,
    output: &Output,
) -> Result<(Option<SessionId>, Message)> {
    let body = json!({
        "message": ask.question,
        "session_id": ask.session,
        "context_strategy": ask.strategy,
        "top_k": ask.top_k,
        "stream": true,
    });
    let mut events = client.post_events("/api/v1/chat", &body).await?;
    let mut session = ask.session;
    while let Some(event) = events.next().await {
        match parse(&event?)?.event {
            Event::Started { session_id, message_id, .. } => {
                session = Some(session_id);
                running.set(Some(message_id));
            }
            Event::Text { delta } => output.text(&delta),
            Event::Warning(warning) => output.note(&warning.message),
            Event::Done { message } => {
                output.line("");
                return Ok((session, *message));
            }
            Event::Failed { error, .. } => {
                output.line("");
                let failed = Error::new(error.code, error.message);
                return Err(match error.reason {
                    Some(reason) => failed.with_reason(reason),
                    None => failed,
                });
            }
            _ => {}
        }
    }
    Err(Error::new(ErrorKind::BadResponse, "The answer broke off. Ask again."))
}

fn parse(event: &SseEvent) -> Result<SequencedEvent> {
    serde_json::from_str(&event.data).map_err(|error| {
        Error::new(ErrorKind::BadResponse, "The server's answer cannot be read.").with_source(error)
    })
}

fn show_sources(message: &Message, output: &Output) {
    let cited = |source: &&Source| message.citations.iter().any(|c| c.index == source.index);
    for source in message.sources.iter().filter(cited) {
        let page = |page: u32| format!(", page {page}");
        let quotes = message.citations.iter().filter(|citation| citation.index == source.index);
        let at = source.page_start.map(page).unwrap_or_default();
        output.line(&format!("\n[{}] {}{at}", source.index, source.title));
        for citation in quotes {
            let mark = if citation.verified { "" } else { " (not found in the source)" };
            output.line(&format!("    \"{}\"{mark}", shortened(&citation.quote)));
        }
    }
}

/// The text on one line, cut where it is long.
pub(super) fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_QUOTE_CHARS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
