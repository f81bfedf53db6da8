//! What the asker used of models.

use axum::extract::State;
use axum::response::Json;
use chatbot_core::types::{Timestamp, UsageGrouping, UsageQuery, UsageReport};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::auth::Asker;
use crate::error::{ApiResult, ErrorReply};
use crate::wire::Query;

/// Which calls to sum up.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsedQuery {
    /// Those that began from here on; thirty days before `to` where it is not given.
    from: Option<Timestamp>,
    /// Those that began before then; now where it is not given.
    to: Option<Timestamp>,
    /// By what they are put together: `day`, `model`, `purpose` or `session`.
    group_by: UsageGrouping,
}

/// Sums up the tokens and the money that the asker's calls to models used.
#[utoipa::path(get, path = "/api/v1/me/usage", tag = "me", params(UsedQuery),
    responses((status = 200, body = UsageReport), (status = 400, body = ErrorReply)))]
pub(crate) async fn used(
    State(app): State<App>,
    Asker(ctx): Asker,
    Query(query): Query<UsedQuery>,
) -> ApiResult<Json<UsageReport>> {
    let UsedQuery { from, to, group_by } = query;
    Ok(Json(app.chatbot.usage(&ctx, &UsageQuery { from, to, group_by }).await?))
}
