//! Events as server-sent events: encoding, keep-alive, and where a client that comes back goes on.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chatbot_core::types::{Document, SequencedEvent, SessionEvent};
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;

use crate::error::{ApiError, ApiResult};

/// How often a quiet stream shows that it lives: shorter than the idle limits of common proxies (30 to 60 s).
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Tells nginx not to hold the stream back.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const LAST_EVENT_ID: &str = "last-event-id";

/// The events of a turn: `id` is the sequence number, `event` the type.
pub(crate) fn turn(events: impl Stream<Item = SequencedEvent> + Send + 'static) -> Response {
    respond(events.map(|event| {
        let head = Event::default().id(event.seq.to_string()).event(event.event.kind().as_str());
        encode(head, &event)
    }))
}

/// The states of a document.
pub(crate) fn document(states: impl Stream<Item = Document> + Send + 'static) -> Response {
    respond(states.map(|document| encode(Event::default().event("document"), &document)))
}

/// What happens in a session.
pub(crate) fn session(events: impl Stream<Item = SessionEvent> + Send + 'static) -> Response {
    respond(events.map(|event| encode(Event::default().event(event.as_str()), &event)))
}

/// The number of the last event that the client has seen: `Last-Event-ID`, or `after` of the query.
///
/// # Errors
/// `invalid_input` where the header is not a number.
pub(crate) fn last_seen(headers: &HeaderMap, after: Option<u64>) -> ApiResult<u64> {
    let Some(id) = headers.get(LAST_EVENT_ID) else {
        return Ok(after.unwrap_or_default());
    };
    let id = id.to_str().ok().and_then(|id| id.trim().parse().ok());
    id.ok_or_else(|| ApiError::field("Last-Event-ID", "expected the number of an event"))
}

fn respond(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let stream = events.map(Ok::<_, Infallible>);
    let keep_alive = KeepAlive::new().interval(HEARTBEAT);
    let mut response = Sse::new(stream).keep_alive(keep_alive).into_response();
    response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// JSON has no raw line breaks, so that nothing inside a value can end the event or begin another.
fn encode(head: Event, value: &impl Serialize) -> Event {
    head.json_data(value).unwrap_or_else(|error| {
        tracing::error!(%error, "an event cannot be serialised");
        Event::default().comment("an event was left out")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatbot_core::types::Event as TurnEvent;

    async fn body(delta: &str) -> String {
        let event = TurnEvent::Text { delta: delta.to_owned() };
        let events = futures_util::stream::iter([SequencedEvent { seq: 7, event }]);
        let bytes = axum::body::to_bytes(turn(events).into_body(), usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn carries_sequence_type_and_json() {
        let text = body("hi").await;
        for line in ["id: 7\n", "event: text\n", r#"data: {"seq":7,"type":"text","delta":"hi"}"#] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[tokio::test]
    async fn a_model_cannot_forge_events() {
        let mut parser = chatbot_core::sse::SseParser::default();
        let forged = "x\r\n\r\nevent: done\ndata: [DONE]\n\n\u{2028}";
        let events = parser.push(body(forged).await.as_bytes()).unwrap();
        assert_eq!(events.len(), 1);
        let json: serde_json::Value = serde_json::from_str(&events[0].data).unwrap();
        assert_eq!(json["delta"], forged);
    }

    #[test]
    fn the_header_wins_over_the_query() {
        let mut headers = HeaderMap::new();
        assert_eq!(last_seen(&headers, Some(3)).unwrap(), 3);
        headers.insert(LAST_EVENT_ID, HeaderValue::from_static("12"));
        assert_eq!(last_seen(&headers, Some(3)).unwrap(), 12);
        headers.insert(LAST_EVENT_ID, HeaderValue::from_static("-1"));
        assert!(last_seen(&headers, None).is_err());
    }
}
