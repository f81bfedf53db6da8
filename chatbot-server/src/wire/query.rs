//! Query strings: as strict as bodies.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::fields;
use crate::error::ApiError;

/// The parameters of a request.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let text = parts.uri.query().unwrap_or_default();
        if percent_encoding::percent_decode_str(text).decode_utf8().is_err() {
            return Err(ApiError::field("", "its query is not text in UTF-8"));
        }
        let pairs = form_urlencoded::parse(text.as_bytes());
        let query = serde_urlencoded::Deserializer::new(pairs);
        serde_path_to_error::deserialize(query).map(Self).map_err(|error| fields::error(&error))
    }
}
