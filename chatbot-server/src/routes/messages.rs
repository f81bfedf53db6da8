//! Messages: reading them, following and stopping an answer, and what its reader thought of it.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Json, Response};
use chatbot_core::types::{Feedback, Message, MessageId, Page, SequencedEvent, SessionId};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::auth::Asker;
use crate::error::{ApiResult, ErrorReply};
use crate::sse;
use crate::wire::{self, Id, Query, page};

/// Which messages.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// A message of the branch, which goes on to the newest one below it; that of the newest message where none is named.
    leaf: Option<MessageId>,
    /// Items wanted at the most, 1–200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before: pages go backwards.
    cursor: Option<String>,
}

/// Where to go on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// The number of the last event that was seen; `Last-Event-ID` wins over it.
    after: Option<u64>,
}

/// The messages of a branch, newest last.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/messages", tag = "sessions",
    params(("id" = SessionId, Path), ListQuery),
    responses((status = 200, body = Page<Message>), (status = 404, body = ErrorReply)))]
pub(crate) async fn list(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(session): Id<SessionId>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<Message>>> {
    let page = page::page(query.limit, query.cursor)?;
    Ok(Json(app.chatbot.messages(&ctx, session, query.leaf, &page).await?))
}

/// Shows a message.
#[utoipa::path(get, path = "/api/v1/messages/{mid}", tag = "sessions",
    params(("mid" = MessageId, Path)),
    responses((status = 200, body = Message), (status = 404, body = ErrorReply)))]
pub(crate) async fn get(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<MessageId>,
) -> ApiResult<Json<Message>> {
    Ok(Json(app.chatbot.message(&ctx, id).await?))
}

/// Says what the reader thought of an answer.
#[utoipa::path(put, path = "/api/v1/messages/{mid}/feedback", tag = "sessions",
    params(("mid" = MessageId, Path)), request_body = Feedback,
    responses((status = 200, body = Message), (status = 404, body = ErrorReply)))]
pub(crate) async fn feedback(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<MessageId>,
    body: wire::Json<Feedback>,
) -> ApiResult<Json<Message>> {
    Ok(Json(app.chatbot.set_feedback(&ctx, id, body.value).await?))
}

/// Stops an answer and its model; it ends as `cancelled` with its text so far.
#[utoipa::path(post, path = "/api/v1/messages/{mid}/stop", tag = "chat",
    params(("mid" = MessageId, Path)),
    responses((status = 204), (status = 404, body = ErrorReply)))]
pub(crate) async fn stop(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<MessageId>,
) -> ApiResult<StatusCode> {
    app.chatbot.stop(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Follows an answer from where the reader left it, also one that has ended.
#[utoipa::path(get, path = "/api/v1/messages/{mid}/stream", tag = "chat",
    params(("mid" = MessageId, Path), StreamQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "The last event that was seen.")),
    responses((status = 200, content_type = "text/event-stream", body = SequencedEvent),
        (status = 404, body = ErrorReply)))]
pub(crate) async fn stream(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<MessageId>,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let after = sse::last_seen(&headers, query.after)?;
    Ok(sse::turn(app.chatbot.follow(&ctx, id, after).await?))
}
