//! The description of the HTTP surface, made from the code, and a page to browse it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Redirect, Response};
use utoipa::OpenApi;
use utoipa_swagger_ui::Config;

use crate::app::App;
use crate::error::{ApiError, ApiResult, ErrorReply};
use crate::routes::{
    chat, collections, documents, export, health, messages, models, search, sessions, upload,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "chatbot-server",
        description = "Chat over your own documents, every citation checked.",
        license(name = "MIT OR Apache-2.0")
    ),
    paths(
        health::live,
        health::ready,
        health::components,
        collections::list,
        collections::create,
        collections::get,
        collections::update,
        collections::delete,
        documents::list,
        upload::create,
        upload::create_text,
        documents::get,
        documents::update,
        documents::delete,
        documents::content,
        upload::replace,
        documents::text,
        documents::chunks,
        documents::versions,
        documents::reindex,
        documents::cancel,
        documents::events,
        search::search,
        models::list,
        chat::chat,
        chat::send,
        chat::edit,
        chat::regenerate,
        sessions::list,
        sessions::create,
        sessions::get,
        sessions::update,
        sessions::delete,
        sessions::events,
        sessions::share,
        sessions::unshare,
        export::export,
        messages::list,
        messages::get,
        messages::feedback,
        messages::stop,
        messages::stream,
    ),
    components(schemas(ErrorReply))
)]
struct Api;

/// The description of the HTTP surface.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// `/openapi.json`.
pub(crate) async fn json() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

/// `/docs`: the page's files are relative to a folder.
pub(crate) async fn page() -> Redirect {
    Redirect::permanent("/docs/index.html")
}

/// `/docs/…`.
pub(crate) async fn file(State(_): State<App>, Path(file): Path<String>) -> ApiResult<Response> {
    let config = Arc::new(Config::from("/openapi.json"));
    let found = utoipa_swagger_ui::serve(&file, config).ok().flatten();
    let found =
        found.ok_or_else(|| ApiError::http(StatusCode::NOT_FOUND, "There is nothing here."))?;
    let headers = [(header::CONTENT_TYPE, found.content_type)];
    let mut response = (headers, found.bytes.into_owned()).into_response();
    if found.gzpipped {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
    }
    Ok(response)
}
