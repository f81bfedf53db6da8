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
    chat, collections, documents, export, health, messages, models, search, sessions, upload, usage,
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
        upload::create_from_address,
        documents::get,
        documents::update,
        documents::delete,
        documents::content,
        upload::replace,
        documents::text,
        documents::chunks,
        documents::versions,
        documents::restore,
        documents::reindex,
        documents::cancel,
        documents::events,
        search::search,
        usage::used,
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
    let mut api = Api::openapi();
    name_operations(&mut api);
    api
}

/// Names each operation by its method and path. The names of the functions are short, and several are the same; in a
/// description each may stand once, because generated clients call their methods so.
fn name_operations(api: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut api.paths.paths {
        let steps = path.split(['/', '{', '}']).filter(|step| !matches!(*step, "" | "api"));
        let place = steps.collect::<Vec<_>>().join("_");
        let operations = [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{place}"));
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let api = serde_json::to_value(document()).unwrap();
        let paths = api["paths"].as_object().unwrap().values();
        let operations = paths.flat_map(|item| item.as_object().unwrap().values());
        let names: Vec<&str> =
            operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        assert!(names.contains(&"post_v1_sessions_id_messages"), "{names:?}");
    }
}
