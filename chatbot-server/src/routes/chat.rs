//! Chat: four ways to ask, two ways to be answered.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Json, Response};
use chatbot_core::types::{Event, Message, MessageId, SequencedEvent, SessionId};
use chatbot_core::{Context, Error, EventStream, TurnRequest};
use futures_util::StreamExt as _;

use crate::app::App;
use crate::auth::Asker;
use crate::error::{ApiError, ApiResult, ErrorReply};
use crate::sse;
use crate::wire::chat::{ChatReply, ChatRequest};
use crate::wire::{self, Id, Ids};

/// Asks; makes a session where none is named. Answers as a stream of events, or with the finished message.
#[utoipa::path(post, path = "/api/v1/chat", tag = "chat", request_body = ChatRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it happen once.")),
    responses((status = 200, content((ChatReply = "application/json"), (SequencedEvent = "text/event-stream"))),
        (status = 404, body = ErrorReply), (status = 413, body = ErrorReply),
        (status = 502, body = ErrorReply), (status = 503, body = ErrorReply), (status = 504, body = ErrorReply)))]
pub(crate) async fn chat(
    State(app): State<App>,
    Asker(ctx): Asker,
    headers: HeaderMap,
    body: wire::Json<ChatRequest>,
) -> ApiResult<Response> {
    let wants_stream = body.value.wants_stream(&headers);
    answer(app, ctx, body.value.ask(body.key)?, wants_stream).await
}

/// Asks in a session.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/messages", tag = "chat", request_body = ChatRequest,
    params(("id" = SessionId, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it happen once.")),
    responses((status = 200, content((ChatReply = "application/json"), (SequencedEvent = "text/event-stream"))),
        (status = 404, body = ErrorReply)))]
pub(crate) async fn send(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(session): Id<SessionId>,
    headers: HeaderMap,
    body: wire::Json<ChatRequest>,
) -> ApiResult<Response> {
    let wants_stream = body.value.wants_stream(&headers);
    answer(app, ctx, body.value.ask_in(session, body.key)?, wants_stream).await
}

/// Puts a question differently: a new branch.
#[utoipa::path(put, path = "/api/v1/sessions/{id}/messages/{mid}", tag = "chat", request_body = ChatRequest,
    params(("id" = SessionId, Path), ("mid" = MessageId, Path)),
    responses((status = 200, content((ChatReply = "application/json"), (SequencedEvent = "text/event-stream"))),
        (status = 404, body = ErrorReply)))]
pub(crate) async fn edit(
    State(app): State<App>,
    Asker(ctx): Asker,
    Ids(session, message): Ids<SessionId, MessageId>,
    headers: HeaderMap,
    body: wire::Json<ChatRequest>,
) -> ApiResult<Response> {
    let wants_stream = body.value.wants_stream(&headers);
    answer(app, ctx, body.value.edit((session, message), body.key)?, wants_stream).await
}

/// Answers a question again: another branch.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/messages/{mid}/regenerate", tag = "chat",
    request_body = Option<ChatRequest>,
    params(("id" = SessionId, Path), ("mid" = MessageId, Path)),
    responses((status = 200, content((ChatReply = "application/json"), (SequencedEvent = "text/event-stream"))),
        (status = 404, body = ErrorReply)))]
pub(crate) async fn regenerate(
    State(app): State<App>,
    Asker(ctx): Asker,
    Ids(session, message): Ids<SessionId, MessageId>,
    headers: HeaderMap,
    request: Request,
) -> ApiResult<Response> {
    // Everything in the body is optional, and so is the body.
    let body = match headers.contains_key(header::CONTENT_TYPE) {
        true => wire::json::read::<ChatRequest>(request, wire::json::MAX_JSON_BYTES).await?,
        false => wire::Json::empty(request)?,
    };
    let wants_stream = body.value.wants_stream(&headers);
    answer(app, ctx, body.value.regenerate((session, message), body.key)?, wants_stream).await
}

/// Begins the turn, lets go of it, and follows it: losing the connection stops nothing.
async fn answer(app: App, ctx: Context, ask: TurnRequest, stream: bool) -> ApiResult<Response> {
    // In a task of its own, so that a client who leaves while the question is stored does not take the turn with it.
    let begun = tokio::spawn(async move {
        let turn = app.chatbot.chat(&ctx, ask).await?;
        Ok::<_, Error>((turn.session_id, turn.message_id, turn.detach()))
    });
    let begun =
        begun.await.map_err(|error| Error::internal("A task failed.").with_source(error))?;
    let (session, message, events) = begun?;
    if stream { Ok(sse::turn(events)) } else { finished(session, message, events).await }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "only the end matters here")]
async fn finished(
    session_id: SessionId,
    message_id: MessageId,
    mut events: EventStream,
) -> ApiResult<Response> {
    while let Some(event) = events.next().await {
        match event.event {
            Event::Done { message } => return Ok(reply(session_id, *message)),
            Event::Failed { error, .. } => {
                let failure = Error::new(error.code, error.message);
                let failure = match error.reason {
                    Some(reason) => failure.with_reason(reason),
                    None => failure,
                };
                return Err(ApiError::turn(failure, session_id, message_id));
            }
            _ => {}
        }
    }
    let lost = Error::internal("The turn ended without an answer.");
    Err(ApiError::turn(lost, session_id, message_id))
}

fn reply(session_id: SessionId, message: Message) -> Response {
    Json(ChatReply { session_id, message }).into_response()
}
