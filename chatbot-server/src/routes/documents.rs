//! Documents: what is there, and what is in it. Uploads are next door, in [`upload`](super::upload).

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use chatbot_core::types::{
    Chunk, CollectionId, Document, DocumentId, DocumentPatch, DocumentStatus, DocumentVersion,
    ListDocuments, Page, Span,
};
use chatbot_core::{Error, Result};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::Asker;
use crate::error::{ApiError, ApiResult, ErrorReply};
use crate::sse;
use crate::wire::{self, Id, Ids, Query, disposition, page};

/// Whatever the bytes are, a browser must not run them as a part of this site.
const CONTENT_POLICY: (HeaderName, &str) =
    (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");

/// Which documents to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only in this collection.
    collection_id: Option<CollectionId>,
    /// Only with this status.
    status: Option<DocumentStatus>,
    /// Only with this text in title or source, ignoring case.
    q: Option<String>,
    /// Only those directly inside this document: files of an archive, attachments of a message.
    parent_id: Option<DocumentId>,
    /// Items wanted at the most, 1–200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Which part of a document's text.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct TextQuery {
    /// The version, also one that was replaced; the one that answers where none is named.
    version: Option<u32>,
    /// The first byte; the beginning where none is named.
    start: Option<usize>,
    /// One past the last byte; needed where `start` is named.
    end: Option<usize>,
}

/// What a deletion takes along.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// Whether the answers that it was a source of go too.
    purge: bool,
}

/// Which chunks.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChunksQuery {
    /// The version; the one that answers where none is named.
    version: Option<u32>,
    /// Items wanted at the most, 1–200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A document's versions, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Versions {
    items: Vec<DocumentVersion>,
    /// Always null: they come in one piece.
    next_cursor: Option<String>,
}

/// Lists documents, newest first.
#[utoipa::path(get, path = "/api/v1/documents", tag = "documents", params(ListQuery),
    responses((status = 200, body = Page<Document>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Asker(ctx): Asker,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<Document>>> {
    let page = page::page(query.limit, query.cursor.clone())?;
    let ListQuery { collection_id, status, q, parent_id, .. } = query;
    let list = ListDocuments { collection_id, status, q, parent_id };
    Ok(Json(app.chatbot.documents(&ctx, &list, &page).await?))
}

/// Shows a document.
#[utoipa::path(get, path = "/api/v1/documents/{id}", tag = "documents",
    params(("id" = DocumentId, Path)),
    responses((status = 200, body = Document), (status = 404, body = ErrorReply)))]
pub(crate) async fn get(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<DocumentId>,
) -> ApiResult<Json<Document>> {
    Ok(Json(app.chatbot.document(&ctx, id).await?))
}

/// Changes a document's title, source and metadata.
#[utoipa::path(patch, path = "/api/v1/documents/{id}", tag = "documents",
    params(("id" = DocumentId, Path)), request_body = DocumentPatch,
    responses((status = 200, body = Document), (status = 404, body = ErrorReply),
        (status = 409, body = ErrorReply)))]
pub(crate) async fn update(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<DocumentId>,
    body: wire::Json<DocumentPatch>,
) -> ApiResult<Json<Document>> {
    Ok(Json(app.chatbot.update_document(&ctx, id, body.value).await?))
}

/// Removes a document and everything inside it; it stops answering at once. Answers that it was a source of stay, without
/// what they hold of its text beside their own words; with `purge` they are emptied, in everybody's chats.
#[utoipa::path(delete, path = "/api/v1/documents/{id}", tag = "documents",
    params(("id" = DocumentId, Path), DeleteQuery),
    responses((status = 204), (status = 404, body = ErrorReply)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<DocumentId>,
    Query(query): Query<DeleteQuery>,
) -> ApiResult<StatusCode> {
    if query.purge {
        app.chatbot.purge_document(&ctx, id).await?;
    } else {
        app.chatbot.delete_document(&ctx, id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The bytes that a document came as, to be saved.
#[utoipa::path(get, path = "/api/v1/documents/{id}/content", tag = "documents",
    params(("id" = DocumentId, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, body = ErrorReply)))]
pub(crate) async fn content(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<DocumentId>,
) -> ApiResult<Response> {
    let original = app.chatbot.original(&ctx, id).await?;
    let headers = [
        (header::CONTENT_DISPOSITION, disposition::attachment(&original.source)),
        (CONTENT_POLICY.0, HeaderValue::from_static(CONTENT_POLICY.1)),
        (
            header::CONTENT_TYPE,
            HeaderValue::from_str(original.media_type.as_str())
                .unwrap_or(HeaderValue::from_static("application/octet-stream")),
        ),
    ];
    Ok((headers, original.bytes).into_response())
}

/// A version's extracted text, or the bytes from `start` up to `end` of it.
#[utoipa::path(get, path = "/api/v1/documents/{id}/text", tag = "documents",
    params(("id" = DocumentId, Path), TextQuery),
    responses((status = 200, content_type = "text/plain", body = String),
        (status = 404, body = ErrorReply)))]
pub(crate) async fn text(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<DocumentId>,
    Query(query): Query<TextQuery>,
) -> ApiResult<Response> {
    let span = match (query.start, query.end) {
        (None, None) => None,
        (start, Some(end)) => Some(Span::new(start.unwrap_or_default(), end)),
        (Some(_), None) => return Err(ApiError::field("end", "it is needed with `start`")),
    };
    let text = app.chatbot.text(&ctx, id, query.version, span).await?;
    let headers =
        [(CONTENT_POLICY.0, CONTENT_POLICY.1), (header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((headers, text).into_response())
}

/// A version's chunks, in order.
#[utoipa::path(get, path = "/api/v1/documents/{id}/chunks", tag = "documents",
    params(("id" = DocumentId, Path), ChunksQuery),
    responses((status = 200, body = Page<Chunk>), (status = 404, body = ErrorReply)))]
pub(crate) async fn chunks(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<DocumentId>,
    Query(query): Query<ChunksQuery>,
) -> ApiResult<Json<Page<Chunk>>> {
    let page = page::page(query.limit, query.cursor)?;
    Ok(Json(app.chatbot.chunks(&ctx, id, query.version, &page).await?))
}

/// A document's versions, newest first.
#[utoipa::path(get, path = "/api/v1/documents/{id}/versions", tag = "documents",
    params(("id" = DocumentId, Path)),
    responses((status = 200, body = Versions), (status = 404, body = ErrorReply)))]
pub(crate) async fn versions(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<DocumentId>,
) -> ApiResult<Json<Versions>> {
    let items = app.chatbot.versions(&ctx, id).await?;
    Ok(Json(Versions { items, next_cursor: None }))
}

/// The number of a version in a path.
#[derive(Debug)]
pub(crate) struct VersionNumber(u32);

impl std::str::FromStr for VersionNumber {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self).map_err(|_| Error::not_found("document version"))
    }
}

/// Makes a version that was replaced the one that answers again, at once: nothing is read or embedded anew.
#[utoipa::path(post, path = "/api/v1/documents/{id}/versions/{version}/restore", tag = "documents",
    params(("id" = DocumentId, Path), ("version" = u32, Path)),
    responses((status = 200, body = Document), (status = 404, body = ErrorReply),
        (status = 409, body = ErrorReply)))]
pub(crate) async fn restore(
    State(app): State<App>,
    Asker(ctx): Asker,
    Ids(id, VersionNumber(version)): Ids<DocumentId, VersionNumber>,
) -> ApiResult<Json<Document>> {
    Ok(Json(app.chatbot.restore_version(&ctx, id, version).await?))
}

/// Reads a document again from its original.
#[utoipa::path(post, path = "/api/v1/documents/{id}/reindex", tag = "documents",
    params(("id" = DocumentId, Path)),
    responses((status = 202, body = Document), (status = 404, body = ErrorReply)))]
pub(crate) async fn reindex(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<DocumentId>,
) -> ApiResult<(StatusCode, Json<Document>)> {
    Ok((StatusCode::ACCEPTED, Json(app.chatbot.reindex_document(&ctx, id).await?)))
}

/// Stops the work on a document.
#[utoipa::path(post, path = "/api/v1/documents/{id}/cancel", tag = "documents",
    params(("id" = DocumentId, Path)),
    responses((status = 200, body = Document), (status = 404, body = ErrorReply),
        (status = 409, body = ErrorReply)))]
pub(crate) async fn cancel(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<DocumentId>,
) -> ApiResult<Json<Document>> {
    Ok(Json(app.chatbot.cancel_document(&ctx, id).await?))
}

/// The document's state now and at every change, as events `document`, until everything is done or it failed.
#[utoipa::path(get, path = "/api/v1/documents/{id}/events", tag = "documents",
    params(("id" = DocumentId, Path)),
    responses((status = 200, content_type = "text/event-stream", body = Document),
        (status = 404, body = ErrorReply)))]
pub(crate) async fn events(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<DocumentId>,
) -> ApiResult<Response> {
    let states = app.chatbot.watch_document(&ctx, id).await?;
    Ok(sse::document(states.take_until(app.draining.cancelled_owned())))
}
