//! Sessions.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Json, Response};
use chatbot_core::types::{ListSessions, Page, Session, SessionEvent, SessionId, SessionPatch};
use chatbot_core::{Error, ErrorKind};
use futures_util::StreamExt as _;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::auth::Asker;
use crate::error::{ApiResult, ErrorReply};
use crate::sse;
use crate::wire::{self, Id, Query, page};

/// Which sessions to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only with this text in the title or in a message.
    q: Option<String>,
    /// Items wanted at the most, 1–200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists sessions, pinned ones first, then the latest.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", params(ListQuery),
    responses((status = 200, body = Page<Session>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Asker(ctx): Asker,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<Session>>> {
    let page = page::page(query.limit, query.cursor)?;
    Ok(Json(app.chatbot.sessions(&ctx, &ListSessions { q: query.q }, &page).await?))
}

/// Makes a session.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions", request_body = SessionPatch,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it happen once.")),
    responses((status = 201, body = Session), (status = 409, body = ErrorReply)))]
pub(crate) async fn create(
    State(app): State<App>,
    Asker(ctx): Asker,
    body: wire::Json<SessionPatch>,
) -> ApiResult<(StatusCode, Json<Session>)> {
    let key = body.key.map(Into::into);
    let session = app.chatbot.create_session(&ctx, body.value, key).await?;
    Ok((StatusCode::CREATED, Json(session)))
}

/// Shows a session.
#[utoipa::path(get, path = "/api/v1/sessions/{id}", tag = "sessions",
    params(("id" = SessionId, Path)),
    responses((status = 200, body = Session), (status = 404, body = ErrorReply)))]
pub(crate) async fn get(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<SessionId>,
) -> ApiResult<Json<Session>> {
    Ok(Json(app.chatbot.session(&ctx, id).await?))
}

/// Changes a session.
#[utoipa::path(patch, path = "/api/v1/sessions/{id}", tag = "sessions",
    params(("id" = SessionId, Path)), request_body = SessionPatch,
    responses((status = 200, body = Session), (status = 404, body = ErrorReply)))]
pub(crate) async fn update(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<SessionId>,
    body: wire::Json<SessionPatch>,
) -> ApiResult<Json<Session>> {
    Ok(Json(app.chatbot.update_session(&ctx, id, body.value).await?))
}

/// Removes a session with its messages; an answer that is being made is stopped.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "sessions",
    params(("id" = SessionId, Path)),
    responses((status = 204), (status = 404, body = ErrorReply)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<SessionId>,
) -> ApiResult<StatusCode> {
    app.chatbot.delete_session(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What happens in a session, for whoever has it open elsewhere. Begins with how it stands: `session`, and `message` for
/// each of its newest messages. Then `session` whenever its title, folder, pin or anything else of it changed,
/// `message` when one was added or is in another state, and `deleted` as the last event.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/events", tag = "sessions",
    params(("id" = SessionId, Path)),
    responses((status = 200, content_type = "text/event-stream", body = SessionEvent),
        (status = 404, body = ErrorReply)))]
pub(crate) async fn events(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<SessionId>,
) -> ApiResult<Response> {
    let events = app.chatbot.watch_session(&ctx, id).await?;
    Ok(sse::session(events.take_until(app.draining.cancelled_owned())))
}

/// Shares a session with others. Needs accounts: in local mode there is nobody to share it with, and the answer is 422.
#[utoipa::path(post, path = "/api/v1/sessions/{id}/share", tag = "sessions",
    params(("id" = SessionId, Path)),
    responses((status = 404, body = ErrorReply), (status = 422, body = ErrorReply)))]
pub(crate) async fn share(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<SessionId>,
) -> ApiResult<StatusCode> {
    app.chatbot.session(&ctx, id).await?;
    let message = "Sharing needs accounts, and this server has none: it serves one person, on this machine. Export the \
                   chat instead.";
    Err(Error::new(ErrorKind::Unsupported, message).into())
}

/// Ends the sharing of a session. In local mode none is shared, so that there is nothing to end.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}/share", tag = "sessions",
    params(("id" = SessionId, Path)),
    responses((status = 204), (status = 404, body = ErrorReply)))]
pub(crate) async fn unshare(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<SessionId>,
) -> ApiResult<StatusCode> {
    app.chatbot.session(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
