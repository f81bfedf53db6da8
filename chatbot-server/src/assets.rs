//! The page, embedded in the binary.
//!
//! Files under `/assets/` have a hash in their name and never change; everything else is asked for again each time and
//! answered with 304 where it is the same. A path of the page that is no file is the page itself: it routes on its own.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;

/// Paths under which the page never is: what is not found there is an error.
const NOT_THE_PAGE: [&str; 8] =
    ["/api", "/v1", "/docs", "/openapi.json", "/health", "/ready", "/metrics", "/assets"];
const INDEX: &str = "index.html";

#[derive(RustEmbed)]
#[folder = "$CHATBOT_WEB_DIST"]
struct Page;

/// Answers whatever no route answers.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if !matches!(method, Method::GET | Method::HEAD) {
        return not_found();
    }
    let name = path.trim_start_matches('/');
    // Names with a leading dot are the build's own notes.
    let embedded = if name.starts_with('.') { None } else { Page::get(name) };
    match embedded {
        Some(asset) => file(name, &asset, &headers),
        None if is_the_page(path) => match Page::get(INDEX) {
            Some(page) => file(INDEX, &page, &headers),
            None => not_found(),
        },
        None => not_found(),
    }
}

fn not_found() -> Response {
    ApiError::http(StatusCode::NOT_FOUND, "There is nothing here.").into_response()
}

fn is_the_page(path: &str) -> bool {
    let under = |prefix: &str| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    !NOT_THE_PAGE.into_iter().any(under)
}

fn file(name: &str, asset: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash: String =
        asset.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hash}\"");
    let caching = if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let media = mime_guess::from_path(name).first_or_octet_stream();
    let media = match media.type_() {
        mime_guess::mime::TEXT => format!("{media}; charset=utf-8"),
        _ => media.to_string(),
    };
    let fresh = known.is_some_and(|tags| tags.contains(&etag));
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, media)], asset.data.clone().into_owned()).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::is_the_page;

    #[test]
    fn page_routes_are_told_from_missing_things() {
        for path in ["/", "/c/0190", "/documents", "/documents/1", "/apiary", "/docset"] {
            assert!(is_the_page(path), "{path}");
        }
        for path in ["/api", "/api/v1/nothing", "/v1/models", "/docs/x", "/metrics", "/assets/x.js"]
        {
            assert!(!is_the_page(path), "{path}");
        }
    }
}
