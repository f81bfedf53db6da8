//! Search.

use axum::extract::State;
use axum::response::Json;
use chatbot_core::types::{SearchReply, SearchRequest};

use crate::app::App;
use crate::auth::Asker;
use crate::error::{ApiResult, ErrorReply};
use crate::wire;

/// Finds passages.
#[utoipa::path(post, path = "/api/v1/search", tag = "search", request_body = SearchRequest,
    responses((status = 200, body = SearchReply), (status = 400, body = ErrorReply)))]
pub(crate) async fn search(
    State(app): State<App>,
    Asker(ctx): Asker,
    body: wire::Json<SearchRequest>,
) -> ApiResult<Json<SearchReply>> {
    Ok(Json(app.chatbot.search(&ctx, body.value).await?))
}
