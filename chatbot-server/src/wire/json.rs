//! JSON bodies: bounded, strict, and with errors that say where.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use chatbot_core::types::MediaType;
use serde::de::DeserializeOwned;

use super::{Key, fields};
use crate::error::{ApiError, ApiResult};

/// The largest JSON body, in bytes.
pub(crate) const MAX_JSON_BYTES: usize = 1 << 20;

/// A JSON body, and the idempotency key it came with.
#[derive(Debug)]
pub(crate) struct Json<T> {
    pub(crate) value: T,
    pub(crate) key: Option<Key>,
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        read(request, MAX_JSON_BYTES).await
    }
}

impl<T: Default> Json<T> {
    /// What a request without a body says.
    ///
    /// # Errors
    /// 400 for a key that cannot be one.
    pub(crate) fn empty(request: Request) -> ApiResult<Self> {
        let key = Key::of(&request.into_parts().0, &[])?;
        Ok(Self { value: T::default(), key })
    }
}

/// Reads a JSON body of at most `max_bytes`.
///
/// # Errors
/// 415 for another type, 413 beyond the limit, 400 for what is not valid.
pub(crate) async fn read<T: DeserializeOwned>(
    request: Request,
    max_bytes: usize,
) -> ApiResult<Json<T>> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(ApiError::http(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send JSON, and say so: `Content-Type: application/json`.",
        ));
    }
    let bytes = collect(body, max_bytes).await?;
    let key = Key::of(&parts, &bytes)?;
    Ok(Json { value: parse(&bytes)?, key })
}

fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let declared = declared.and_then(MediaType::parse);
    declared.is_some_and(|media| {
        media.as_str() == "application/json" || media.as_str().ends_with("+json")
    })
}

async fn collect(body: Body, max_bytes: usize) -> ApiResult<Bytes> {
    to_bytes(body, max_bytes).await.map_err(|error| {
        let too_large = std::error::Error::source(&error)
            .is_some_and(|source| source.to_string() == "length limit exceeded");
        match too_large {
            true => ApiError::http(StatusCode::PAYLOAD_TOO_LARGE, "The request is too large."),
            false => ApiError::http(StatusCode::BAD_REQUEST, "The request ended too early."),
        }
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    // A list would be taken for the fields of a structure in their order, which nobody means.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(ApiError::field("", "expected an object, found a list"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        if error.inner().is_data() { fields::error(&error) } else { malformed(error.inner()) }
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> ApiError {
    chatbot_core::Error::invalid(format!(
        "The body is not valid JSON: see line {}, column {}.",
        error.line(),
        error.column()
    ))
    .into()
}
