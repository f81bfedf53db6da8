//! The models that a request may name.

use axum::extract::State;
use axum::response::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// The models that a request may name, the configured one first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Models {
    items: Vec<Model>,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Model {
    /// What a request calls it.
    id: String,
}

/// Lists the models that a request may name.
#[utoipa::path(get, path = "/api/v1/models", tag = "chat", responses((status = 200, body = Models)))]
pub(crate) async fn list(State(app): State<App>) -> Json<Models> {
    Json(Models { items: app.chatbot.models().into_iter().map(|id| Model { id }).collect() })
}
