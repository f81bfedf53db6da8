//! The contract of a turn's events, checked once for every surface: in process, over HTTP, in each binding.

use crate::types::{Citation, Event, EventKind, Message, MessageState, SequencedEvent};

/// What is wrong with the events of a whole turn, followed from its beginning; empty where they keep the contract.
///
/// Events numbered from 1 without gaps; `started` first; `sources` before the first `text`; exactly one terminal
/// event, the last; the texts joined equal the message; its sources are
/// those that were sent, with `sources` and with results of tools; every citation names a source, quotes it exactly, and marks a
/// stretch of the text.
#[must_use]
pub fn turn_violations(events: &[SequencedEvent]) -> Vec<String> {
    let kinds: Vec<_> = events.iter().map(|event| event.event.kind()).collect();
    let mut found = order_violations(events, &kinds);
    match events.last().map(|event| &event.event) {
        Some(Event::Done { message }) => {
            found.extend(message_violations(events, message));
            if message.state != MessageState::Complete {
                found.push(format!("`done` with a message that is {:?}", message.state));
            }
        }
        Some(Event::Failed { message, .. }) => {
            found.extend(message_violations(events, message));
            if !matches!(message.state, MessageState::Failed | MessageState::Cancelled) {
                found.push(format!("`failed` with a message that is {:?}", message.state));
            }
        }
        _ => {}
    }
    found
}

fn order_violations(events: &[SequencedEvent], kinds: &[EventKind]) -> Vec<String> {
    let mut found = Vec::new();
    if !events.iter().map(|event| event.seq).eq(1..=events.len() as u64) {
        found.push("the events are not numbered 1, 2, 3, …".to_owned());
    }
    if kinds.first() != Some(&EventKind::Started) {
        found.push(format!("the first event is {:?}", kinds.first()));
    }
    let first = |kind| kinds.iter().position(|k| *k == kind);
    if let Some(text) = first(EventKind::Text)
        && first(EventKind::Sources).is_none_or(|sources| sources > text)
    {
        found.push("text came before the sources".to_owned());
    }
    let terminal = |event: &&SequencedEvent| event.event.is_terminal();
    if events.iter().filter(terminal).count() != 1 || !events.last().as_ref().is_some_and(terminal)
    {
        found.push(format!("not exactly one terminal event at the end: {kinds:?}"));
    }
    found
}

fn message_violations(events: &[SequencedEvent], message: &Message) -> Vec<String> {
    let mut found = Vec::new();
    let mut text = String::new();
    let mut citations = Vec::new();
    let mut sources = Vec::new();
    for event in events {
        if let Event::Text { delta } = &event.event {
            text.push_str(delta);
        } else if let Event::Citation(citation) = &event.event {
            citations.push(citation.clone());
        } else if let Event::Sources { sources: more } | Event::ToolResult { sources: more, .. } =
            &event.event
        {
            sources.extend(more.iter().cloned());
        }
    }
    if sources != message.sources {
        found.push("the message has other sources than were sent".to_owned());
    }
    if text != message.content {
        found.push("the texts joined are not the message".to_owned());
    }
    if citations != message.citations {
        found.push("the message has other citations than were sent".to_owned());
    }
    found.extend(
        message.citations.iter().flat_map(|citation| citation_violations(citation, message)),
    );
    found
}

/// What is wrong with one citation of a message; empty where it can be believed.
#[must_use]
pub fn citation_violations(citation: &Citation, message: &Message) -> Vec<String> {
    let mut found = Vec::new();
    let n_chars = message.content.chars().count();
    if citation.text_start >= citation.text_end || citation.text_end > n_chars {
        found.push(format!(
            "a citation marks {}..{} of {n_chars}",
            citation.text_start, citation.text_end
        ));
    }
    let Some(source) = message.sources.iter().find(|source| source.index == citation.index) else {
        found.push(format!("a citation names source {}, which is not there", citation.index));
        return found;
    };
    let start = citation.byte_start.checked_sub(source.byte_start);
    let end = citation.byte_end.checked_sub(source.byte_start);
    let slice = start.zip(end).and_then(|(start, end)| source.text.get(start..end));
    if slice != Some(citation.quote.as_str()) {
        found.push(format!("the quote of source {} is not the document's text", citation.index));
    }
    found
}
