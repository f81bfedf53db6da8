//! Collections.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use chatbot_core::types::{Collection, CollectionId, CollectionPatch, NewCollection, Page};

use crate::app::App;
use crate::auth::Asker;
use crate::error::{ApiResult, ErrorReply};
use crate::wire::{self, Id, PageQuery, Query};

/// Lists the collections, the default one first.
#[utoipa::path(get, path = "/api/v1/collections", tag = "collections", params(PageQuery),
    responses((status = 200, body = Page<Collection>)))]
pub(crate) async fn list(
    State(app): State<App>,
    Asker(ctx): Asker,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<Collection>>> {
    Ok(Json(app.chatbot.collections(&ctx, &page.request()?).await?))
}

/// Makes a collection.
#[utoipa::path(post, path = "/api/v1/collections", tag = "collections",
    request_body = NewCollection,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it happen once.")),
    responses((status = 201, body = Collection), (status = 409, body = ErrorReply)))]
pub(crate) async fn create(
    State(app): State<App>,
    Asker(ctx): Asker,
    body: wire::Json<NewCollection>,
) -> ApiResult<(StatusCode, Json<Collection>)> {
    let key = body.key.map(Into::into);
    let collection = app.chatbot.create_collection(&ctx, body.value, key).await?;
    Ok((StatusCode::CREATED, Json(collection)))
}

/// Shows a collection.
#[utoipa::path(get, path = "/api/v1/collections/{id}", tag = "collections",
    params(("id" = CollectionId, Path)),
    responses((status = 200, body = Collection), (status = 404, body = ErrorReply)))]
pub(crate) async fn get(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<CollectionId>,
) -> ApiResult<Json<Collection>> {
    Ok(Json(app.chatbot.collection(&ctx, id).await?))
}

/// Changes a collection's name, description and visibility; what is absent stays.
#[utoipa::path(patch, path = "/api/v1/collections/{id}", tag = "collections",
    params(("id" = CollectionId, Path)), request_body = CollectionPatch,
    responses((status = 200, body = Collection), (status = 404, body = ErrorReply),
        (status = 409, body = ErrorReply)))]
pub(crate) async fn update(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<CollectionId>,
    body: wire::Json<CollectionPatch>,
) -> ApiResult<Json<Collection>> {
    Ok(Json(app.chatbot.update_collection(&ctx, id, body.value).await?))
}

/// Removes a collection with its documents, which stop answering at once.
#[utoipa::path(delete, path = "/api/v1/collections/{id}", tag = "collections",
    params(("id" = CollectionId, Path)),
    responses((status = 204), (status = 404, body = ErrorReply), (status = 409, body = ErrorReply)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<CollectionId>,
) -> ApiResult<StatusCode> {
    app.chatbot.delete_collection(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
