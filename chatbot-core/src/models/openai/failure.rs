//! Failures of a provider as this crate's errors. The provider's own words are never taken over.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use crate::error::{Error, ErrorKind};

/// The error object of the chat completions format, as far as it is looked at.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(super) struct ProviderError {
    code: Option<serde_json::Value>,
    #[serde(rename = "type")]
    category: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ErrorBody {
    error: ProviderError,
}

impl ProviderError {
    /// An error that came in the middle of an answer, after a status that promised success.
    pub(super) fn into_error(self) -> Error {
        let status = self.code.as_ref().and_then(serde_json::Value::as_u64);
        let status = status.and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
        let kind = self.kind().or(status.map(kind_of_status)).unwrap_or(ErrorKind::Unavailable);
        error(kind)
    }

    /// What the names say that a status does not; they are the same for every server of this format.
    fn kind(&self) -> Option<ErrorKind> {
        let code = self.code.as_ref().and_then(serde_json::Value::as_str);
        [code, self.category.as_deref()].into_iter().flatten().find_map(|name| match name {
            "context_length_exceeded" | "string_above_max_length" => {
                Some(ErrorKind::ContextTooLong)
            }
            "insufficient_quota" | "billing_hard_limit_reached" => Some(ErrorKind::BudgetExceeded),
            "content_filter" | "content_policy_violation" => Some(ErrorKind::ContentBlocked),
            "rate_limit_exceeded" => Some(ErrorKind::RateLimited),
            "invalid_api_key" => Some(ErrorKind::Unauthenticated),
            "model_not_found" => Some(ErrorKind::ConfigInvalid),
            _ => None,
        })
    }
}

/// The error for a status other than success.
pub(super) fn of_status(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let said = serde_json::from_slice::<ErrorBody>(body).map(|body| body.error).unwrap_or_default();
    let kind = said.kind().unwrap_or_else(|| kind_of_status(status));
    let error = error(kind).with_context("status", status.as_u16());
    match retry_after(headers).filter(|_| kind.is_retryable()) {
        Some(after) => error.with_retry_after(after),
        None => error,
    }
}

fn kind_of_status(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        401 => ErrorKind::Unauthenticated,
        402 => ErrorKind::BudgetExceeded,
        403 => ErrorKind::PermissionDenied,
        404 | 405 => ErrorKind::ConfigInvalid,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::ContextTooLong,
        429 => ErrorKind::RateLimited,
        400..=499 => ErrorKind::InvalidInput,
        500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::BadResponse,
    }
}

fn error(kind: ErrorKind) -> Error {
    let message = match kind {
        ErrorKind::Unauthenticated => {
            "The model's provider does not accept the key. Check the configured key."
        }
        ErrorKind::PermissionDenied => {
            "The key may not use this model. Check the key's permissions."
        }
        ErrorKind::ConfigInvalid => {
            "The provider knows no such model or address. Check the model's name and address."
        }
        ErrorKind::BudgetExceeded => "The account at the model's provider has no credit left.",
        ErrorKind::ContextTooLong => {
            "The prompt is too long for the model. Ask for fewer passages or begin a new session."
        }
        ErrorKind::ContentBlocked => "The model's provider refused the content.",
        ErrorKind::RateLimited => "The model's provider wants fewer requests. Try again later.",
        ErrorKind::Timeout => "The model took too long to answer. Try again.",
        ErrorKind::InvalidInput => {
            "The model's provider did not accept the request. Check the model's settings."
        }
        ErrorKind::BadResponse => {
            "The model's provider answered with something that makes no sense."
        }
        ErrorKind::Unavailable
        | ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::Conflict
        | ErrorKind::Unsupported
        | ErrorKind::ParseFailed
        | ErrorKind::TooLarge
        | ErrorKind::DimensionMismatch
        | ErrorKind::Cancelled
        | ErrorKind::Storage
        | ErrorKind::Internal => "The model does not answer. Try again later.",
    };
    Error::new(kind, message).with_operation("openai.stream")
}

/// The error of a connection. Addresses are left out: they may hold what is private to the host.
pub(super) fn of_transport(cause: reqwest::Error) -> Error {
    let kind = match () {
        () if cause.is_timeout() => ErrorKind::Timeout,
        () if cause.is_decode() => ErrorKind::BadResponse,
        () => ErrorKind::Unavailable,
    };
    error(kind).with_source(cause.without_url())
}

pub(super) fn not_a_stream() -> Error {
    error(ErrorKind::BadResponse)
}

pub(super) fn not_understood() -> Error {
    error(ErrorKind::BadResponse)
}

pub(super) fn broken_off() -> Error {
    let message = "The model's answer was broken off. Ask again.";
    Error::new(ErrorKind::BadResponse, message).with_operation("openai.stream")
}

/// Seconds or a date; a date that has passed says nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    SystemTime::from(date).duration_since(SystemTime::now()).ok()
}
