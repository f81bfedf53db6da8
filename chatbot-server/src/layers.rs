//! What surrounds every request: its name, its line in the log, security headers, errors with a body, compression.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Json, Response};
use chatbot_core::Error;
use chatbot_core::types::RequestId;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tracing::Instrument as _;

use crate::auth::local;
use crate::bodies;
use crate::error::ApiError;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is taken over from a client.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Scripts come from here and are files, never inline. Styles may be inline: component libraries set positions and
/// formulas that way, and a style cannot run anything. Nothing is loaded from elsewhere, so that no answer can make the
/// browser tell a third party anything.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; \
    worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const SECURITY_HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The name of a request: the client's, or one that was made for it.
#[derive(Debug, Clone)]
pub(crate) struct RequestName(Arc<str>);

impl RequestName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
        let usable = given.filter(|id| {
            let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
            !id.is_empty() && id.len() <= MAX_REQUEST_ID_BYTES && id.bytes().all(safe)
        });
        Self(usable.map_or_else(|| RequestId::new().to_string().into(), Into::into))
    }
}

/// Wraps the routes, and what answers where there is no route, in everything that holds for each request.
pub(crate) fn wrap(routes: Router, body_timeout: Duration) -> Router {
    // The last one is the outermost.
    routes
        .layer(from_fn_with_state(body_timeout, bodies::limit))
        .layer(from_fn(local::guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(write_errors))
        .layer(CompressionLayer::new())
        .layer(from_fn(add_security_headers))
        .layer(from_fn(name_and_log))
}

async fn name_and_log(mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let name = RequestName::of(request.headers());
    // The route, not the path: ids and queries stay out of the log.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("-", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    request.extensions_mut().insert(name.clone());
    let span = tracing::info_span!("request", id = name.as_str(), %method, route);
    let mut response = next.run(request).instrument(span.clone()).await;
    let ms = began.elapsed().as_secs_f64() * 1e3;
    span.in_scope(|| tracing::info!(status = response.status().as_u16(), ms, "answered"));
    if let Ok(name) = HeaderValue::from_str(name.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, name);
    }
    response
}

async fn add_security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Gives every error its body, also those that a library made.
async fn write_errors(request: Request, next: Next) -> Response {
    let name = request.extensions().get::<RequestName>().cloned();
    let name = name.as_ref().map_or("", RequestName::as_str);
    let mut response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let error = response.extensions_mut().remove::<Arc<ApiError>>();
    let error = error.unwrap_or_else(|| Arc::new(ApiError::http(status, plain_message(status))));
    log(&error, status);
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    (parts, Json(error.reply(name))).into_response()
}

fn plain_message(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "There is nothing here.",
        StatusCode::METHOD_NOT_ALLOWED => "This cannot be done here: use another method.",
        StatusCode::PAYLOAD_TOO_LARGE => "The request is too large.",
        status if status.is_server_error() => "Something went wrong here.",
        _ => "The request cannot be understood.",
    }
}

fn log(error: &ApiError, status: StatusCode) {
    let error = error.error();
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let (code, operation) = (error.kind().code(), error.operation());
    if status.is_server_error() {
        tracing::error!(code, operation, cause, context = ?error.context(), "failed: {error}");
    } else {
        tracing::debug!(code, operation, "refused: {error}");
    }
}

fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    // What it was is in the panic's own log line; here it could hold anything.
    ApiError::from(Error::internal("Something went wrong here. The log says more.")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use tower::ServiceExt as _;

    async fn fails() {
        panic!("a library's own words");
    }

    async fn plain() -> (StatusCode, &'static str) {
        (StatusCode::BAD_REQUEST, "a library's own words")
    }

    #[tokio::test]
    async fn panics_and_plain_errors_get_the_native_body() {
        let routes = Router::new().route("/panic", get(fails)).route("/plain", get(plain));
        let app = wrap(routes, Duration::from_secs(1));
        for (path, status, code) in [("/panic", 500, "internal"), ("/plain", 400, "invalid_input")]
        {
            let request = Request::builder().uri(path).header(header::HOST, "localhost");
            let reply = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(reply.status(), status);
            assert!(reply.headers().contains_key(X_REQUEST_ID));
            let body = to_bytes(reply.into_body(), usize::MAX).await.unwrap();
            let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(json["error"]["code"], code, "{json}");
            assert!(!json.to_string().contains("library"), "{json}");
        }
    }
}
