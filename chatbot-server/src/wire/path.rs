//! Ids in paths: what cannot be an id names nothing, and is answered like an id that nobody has.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::{StatusCode, request::Parts};
use chatbot_core::Error;

use crate::error::{ApiError, ApiResult};

/// The only id of a path.
#[derive(Debug)]
pub(crate) struct Id<T>(pub(crate) T);

/// The two ids of a path, in its order.
#[derive(Debug)]
pub(crate) struct Ids<A, B>(pub(crate) A, pub(crate) B);

impl<T: FromStr<Err = Error>, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let params = params(parts, state).await?;
        Ok(Self(nth(&params, 0)?))
    }
}

impl<A, B, S> FromRequestParts<S> for Ids<A, B>
where
    A: FromStr<Err = Error>,
    B: FromStr<Err = Error>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let params = params(parts, state).await?;
        Ok(Self(nth(&params, 0)?, nth(&params, 1)?))
    }
}

async fn params<S: Send + Sync>(parts: &mut Parts, state: &S) -> ApiResult<Vec<String>> {
    let params = RawPathParams::from_request_parts(parts, state).await;
    let params =
        params.map_err(|_| ApiError::http(StatusCode::NOT_FOUND, "There is nothing here."))?;
    Ok(params.iter().map(|(_, value)| value.to_owned()).collect())
}

fn nth<T: FromStr<Err = Error>>(params: &[String], n: usize) -> ApiResult<T> {
    Ok(params.get(n).map(String::as_str).unwrap_or_default().parse()?)
}
