//! Whether the server lives, is ready, and how its parts are.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use chatbot_core::ComponentHealth;
use chatbot_core::types::EmbeddingProgress;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// A status.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    /// `ok`.
    status: &'static str,
}

/// How the server and its parts are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok` or `degraded`.
    status: &'static str,
    /// The server's version.
    version: &'static str,
    /// Its parts.
    components: Vec<Component>,
}

/// A part of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Component {
    /// What it is.
    name: &'static str,
    /// `ok` or `failed`.
    status: &'static str,
    /// How long it took to answer.
    latency_ms: f64,
    /// How far the embedder has come with the documents, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
}

/// How far passages were embedded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Progress {
    /// Passages that have their vectors.
    n_done: u64,
    /// Passages of all documents that answer.
    n_total: u64,
    /// Passages embedded in a second.
    per_second: f64,
    /// How long the rest will take, in seconds; null where that is not known yet.
    seconds_left: Option<f64>,
    /// Whether somebody paused it.
    paused: bool,
}

impl From<EmbeddingProgress> for Progress {
    fn from(progress: EmbeddingProgress) -> Self {
        let EmbeddingProgress { n_done, n_total, per_second, seconds_left, paused } = progress;
        Self { n_done, n_total, per_second, seconds_left, paused }
    }
}

/// Answers as long as the process serves.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Status)))]
pub(crate) async fn live() -> Json<Status> {
    Json(Status { status: "ok" })
}

/// Whether requests should be sent here.
#[utoipa::path(get, path = "/ready", tag = "health",
    responses((status = 200, body = Status), (status = 503, body = crate::error::ErrorReply)))]
pub(crate) async fn ready(State(app): State<App>) -> ApiResult<Json<Status>> {
    let unready = |message| Err(ApiError::http(StatusCode::SERVICE_UNAVAILABLE, message));
    if app.draining.is_cancelled() {
        return unready("The server is shutting down.");
    }
    if app.chatbot.health().await.iter().any(|part| part.is_needed && part.error.is_some()) {
        return unready("A part of the server does not answer: see `/api/v1/health`.");
    }
    Ok(Json(Status { status: "ok" }))
}

/// How the server and its parts are.
#[utoipa::path(get, path = "/api/v1/health", tag = "health", responses((status = 200, body = Health)))]
pub(crate) async fn components(State(app): State<App>) -> Json<Health> {
    let components: Vec<_> = app.chatbot.health().await.into_iter().map(component).collect();
    let well = components.iter().all(|part| part.status == "ok");
    let status = if well { "ok" } else { "degraded" };
    Json(Health { status, version: env!("CARGO_PKG_VERSION"), components })
}

fn component(part: ComponentHealth) -> Component {
    if let Some(error) = &part.error {
        tracing::warn!(part = part.name, ?error, "a part does not answer");
    }
    let status = if part.error.is_none() { "ok" } else { "failed" };
    let progress = part.progress.map(Progress::from);
    Component { name: part.name, status, latency_ms: part.latency_ms, progress }
}
