//! Documents on their way in.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header, request::Parts};
use axum::response::Json;
use chatbot_core::NewDocument;
use chatbot_core::types::{CollectionId, Document, DocumentId, Metadata};
use futures_util::StreamExt as _;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Asker;
use crate::error::{ApiError, ApiResult, ErrorReply};
use crate::wire::form::{UploadForm, UploadLimits, UploadedFile, too_large};
use crate::wire::{self, Id, json};

/// How long the rest of a refused upload is read, so that the client gets to read the answer.
const DRAIN: Duration = Duration::from_secs(5);

/// An upload, as a form.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes the form to the API's readers")]
pub(crate) struct Upload {
    /// The file.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
    /// Where to; the default collection where none is named.
    collection_id: Option<CollectionId>,
    /// A title; the document's own, or its file name, where there is none.
    title: Option<String>,
    /// The host's own facts, as a JSON object.
    metadata: Option<String>,
}

/// A text to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewText {
    /// What it is called.
    title: String,
    /// The text.
    text: String,
    /// Where to; the default collection where none is named.
    #[serde(default)]
    collection_id: Option<CollectionId>,
    /// The host's own facts.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Metadata,
}

/// A document on the web to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAddress {
    /// Its address, with `http` or `https`.
    url: String,
    /// Where to; the default collection where none is named.
    #[serde(default)]
    collection_id: Option<CollectionId>,
    /// The host's own facts.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Metadata,
}

/// Adds a document: 202 once its bytes are safe, 200 where it was there before.
#[utoipa::path(post, path = "/api/v1/documents", tag = "documents",
    request_body(content = Upload, content_type = "multipart/form-data"),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it happen once.")),
    responses((status = 202, body = Document), (status = 200, body = Document),
        (status = 413, body = ErrorReply), (status = 415, body = ErrorReply)))]
pub(crate) async fn create(
    State(app): State<App>,
    Asker(ctx): Asker,
    request: Request,
) -> ApiResult<(StatusCode, Json<Document>)> {
    let (file, new) = read_upload(&app, request).await?;
    let content = file.content.into_stream().await?;
    accepted(app.chatbot.add_document(&ctx, new, content).await?)
}

/// Gives a document new bytes; the old version answers until the new one is ready.
#[utoipa::path(put, path = "/api/v1/documents/{id}/content", tag = "documents",
    params(("id" = DocumentId, Path)),
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses((status = 202, body = Document), (status = 404, body = ErrorReply),
        (status = 413, body = ErrorReply)))]
pub(crate) async fn replace(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<DocumentId>,
    request: Request,
) -> ApiResult<(StatusCode, Json<Document>)> {
    let (file, new) = read_upload(&app, request).await?;
    let content = file.content.into_stream().await?;
    accepted(app.chatbot.replace_document(&ctx, id, new, content).await?)
}

/// Adds a text as a document.
#[utoipa::path(post, path = "/api/v1/documents/text", tag = "documents", request_body = NewText,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it happen once.")),
    responses((status = 202, body = Document), (status = 200, body = Document),
        (status = 413, body = ErrorReply)))]
pub(crate) async fn create_text(
    State(app): State<App>,
    Asker(ctx): Asker,
    request: Request,
) -> ApiResult<(StatusCode, Json<Document>)> {
    let max_bytes = usize::try_from(app.max_upload_bytes).unwrap_or(usize::MAX);
    let body = json::read::<NewText>(request, max_bytes).await?;
    let NewText { title, text, collection_id, metadata } = body.value;
    let new = NewDocument {
        collection_id,
        source: title.clone(),
        title: Some(title),
        metadata,
        idempotency: body.key.map(Into::into),
        ..NewDocument::default()
    };
    accepted(app.chatbot.add_text(&ctx, new, text).await?)
}

/// Fetches a document from the web and adds it: 202 once its bytes are safe here. Addresses that are not of the public
/// network are refused unless the configuration allows them.
#[utoipa::path(post, path = "/api/v1/documents/url", tag = "documents", request_body = NewAddress,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it happen once.")),
    responses((status = 202, body = Document), (status = 200, body = Document),
        (status = 400, body = ErrorReply), (status = 413, body = ErrorReply),
        (status = 422, body = ErrorReply), (status = 502, body = ErrorReply),
        (status = 504, body = ErrorReply)))]
pub(crate) async fn create_from_address(
    State(app): State<App>,
    Asker(ctx): Asker,
    body: wire::Json<NewAddress>,
) -> ApiResult<(StatusCode, Json<Document>)> {
    let NewAddress { url, collection_id, metadata } = body.value;
    let idempotency = body.key.map(Into::into);
    let new = NewDocument { collection_id, metadata, idempotency, ..NewDocument::default() };
    accepted(app.chatbot.add_from_address(&ctx, new, &url).await?)
}

fn accepted(document: Document) -> ApiResult<(StatusCode, Json<Document>)> {
    let status = if document.duplicate { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(document)))
}

async fn read_upload(app: &App, request: Request) -> ApiResult<(UploadedFile, NewDocument)> {
    let limits = UploadLimits { max_bytes: app.max_upload_bytes, folder: &app.spool_dir };
    let (parts, mut body) = request.into_parts();
    if declared_bytes(&parts).is_some_and(|bytes| bytes > limits.max_form_bytes()) {
        drain(&parts, body, limits).await;
        return Err(too_large(limits.max_bytes));
    }
    let form = UploadForm::read(&parts, &mut body, limits).await;
    let mut form = match form {
        Ok(form) => form,
        Err(error) => {
            drain(&parts, body, limits).await;
            return Err(error);
        }
    };
    let file = form.file.take().ok_or_else(|| ApiError::field("file", "it is missing"))?;
    let new = NewDocument {
        collection_id: form.collection_id,
        title: form.title,
        source: file.name.clone(),
        declared: file.declared.clone(),
        metadata: form.metadata,
        idempotency: form.key.map(Into::into),
    };
    Ok((file, new))
}

fn declared_bytes(parts: &Parts) -> Option<u64> {
    parts.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads on for a while after an upload was refused: a client that is still sending when the connection closes sees a
/// broken connection instead of the answer. One that asked first (`Expect`) has not begun to send.
async fn drain(parts: &Parts, body: Body, limits: UploadLimits<'_>) {
    if parts.headers.contains_key(header::EXPECT) {
        return;
    }
    let mut left = limits.max_bytes;
    let mut pieces = body.into_data_stream();
    let read = async {
        while let Some(Ok(piece)) = pieces.next().await {
            let read = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            let Some(rest) = left.checked_sub(read) else { break };
            left = rest;
        }
    };
    let _ = tokio::time::timeout(DRAIN, read).await;
}
