//! Failures of a provider as this crate's errors. The provider's own words are never taken over.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Reason, Result};

/// Makes the errors of one provider.
#[derive(Debug, Clone, Copy)]
pub(in crate::models) struct Failures {
    /// The provider, for the log.
    pub(in crate::models) provider: &'static str,
}

/// The error object of a provider, as far as it is looked at: `error`, alone or in a list.
#[derive(Debug, Clone, Copy)]
struct Said<'a>(&'a Value);

impl<'a> Said<'a> {
    /// The error in a piece of JSON, where there is one.
    fn in_json(json: &'a Value) -> Option<Self> {
        let json = json.get(0).unwrap_or(json);
        json.get("error").filter(|error| !error.is_null()).map(Self)
    }

    fn status(self) -> Option<StatusCode> {
        let code = self.0.get("code")?;
        let number = code.as_u64().or_else(|| code.as_str()?.parse().ok())?;
        StatusCode::from_u16(u16::try_from(number).ok()?).ok()
    }

    /// What the names say that a status does not.
    fn kind(self) -> Option<ErrorKind> {
        if self.is_spent() {
            return Some(ErrorKind::BudgetExceeded);
        }
        ["code", "type", "status"].into_iter().find_map(|field| kind_of_name(self.text(field)?))
    }

    fn text(self, field: &str) -> Option<&'a str> {
        self.0.get(field)?.as_str()
    }

    /// Some providers say only in words, or by the name of a limit of a day, that asking again is of no use.
    fn is_spent(self) -> bool {
        let says_so = self.text("message").is_some_and(|message| {
            let message = message.to_lowercase();
            ["credit balance", "exceeded your current quota, please check your plan and billing"]
                .iter()
                .any(|words| message.contains(words))
        });
        let details = self.details().filter_map(|detail| detail.get("violations")?.as_array());
        let mut limits = details.flatten().filter_map(|limit| limit.get("quotaId")?.as_str());
        let is_of_a_minute = self.retry_delay().is_some();
        limits.any(|limit| limit.contains("PerDay")) || says_so && !is_of_a_minute
    }

    fn details(self) -> impl Iterator<Item = &'a Value> {
        self.0.get("details").and_then(Value::as_array).into_iter().flatten()
    }

    /// Google says how long to wait in the body, as `"36s"` or `"36.5s"`.
    fn retry_delay(self) -> Option<Duration> {
        let delay = self.details().find_map(|detail| detail.get("retryDelay")?.as_str())?;
        let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

fn kind_of_name(name: &str) -> Option<ErrorKind> {
    match name {
        "context_length_exceeded" | "string_above_max_length" | "request_too_large" => {
            Some(ErrorKind::ContextTooLong)
        }
        "insufficient_quota" | "billing_hard_limit_reached" | "billing_error" => {
            Some(ErrorKind::BudgetExceeded)
        }
        "content_filter" | "content_policy_violation" => Some(ErrorKind::ContentBlocked),
        "rate_limit_exceeded" | "rate_limit_error" | "RESOURCE_EXHAUSTED" => {
            Some(ErrorKind::RateLimited)
        }
        "invalid_api_key" | "authentication_error" | "UNAUTHENTICATED" => {
            Some(ErrorKind::Unauthenticated)
        }
        "permission_error" | "PERMISSION_DENIED" => Some(ErrorKind::PermissionDenied),
        "model_not_found" | "not_found_error" | "NOT_FOUND" => Some(ErrorKind::ConfigInvalid),
        "timeout_error" | "DEADLINE_EXCEEDED" => Some(ErrorKind::Timeout),
        "overloaded_error" | "api_error" | "server_error" | "UNAVAILABLE" | "INTERNAL" => {
            Some(ErrorKind::Unavailable)
        }
        _ => None,
    }
}

impl Failures {
    /// The error for a status other than success.
    pub(super) fn of_status(self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let said = Said::in_json(&json);
        let kind = said.and_then(Said::kind).unwrap_or_else(|| kind_of_status(status));
        let mut error = self.error(kind).with_context("status", status.as_u16());
        if let Some(id) = request_id(headers) {
            error = error.with_context("request_id", id);
        }
        let after = retry_after(headers).or_else(|| said?.retry_delay());
        match after.filter(|_| kind.is_retryable()) {
            Some(after) => error.with_retry_after(after),
            None => error,
        }
    }

    /// A piece of an answer, unless it is an error: one may come after a status that promised success.
    pub(in crate::models) fn unless_said<T: DeserializeOwned>(self, data: &str) -> Result<T> {
        let json: Value = serde_json::from_str(data).map_err(|_| self.not_understood())?;
        match Said::in_json(&json) {
            Some(said) => Err(self.of_said(said)),
            None => T::deserialize(json).map_err(|_| self.not_understood()),
        }
    }

    fn of_said(self, said: Said<'_>) -> Error {
        let kind = said.kind().or_else(|| said.status().map(kind_of_status));
        self.error(kind.unwrap_or(ErrorKind::Unavailable))
    }

    /// The error of a connection. Addresses are left out: they may hold what is private to the host.
    pub(super) fn of_transport(self, cause: reqwest::Error) -> Error {
        let error = match () {
            () if cause.is_timeout() => self.error(ErrorKind::Timeout),
            () if cause.is_decode() => self.error(ErrorKind::BadResponse),
            () if cause.is_connect() => self
                .named(
                    ErrorKind::Unavailable,
                    "Nobody answers at the model's address, or its certificate does not hold. Check the address.",
                )
                .with_reason(Reason::Unreachable),
            () => self.error(ErrorKind::Unavailable),
        };
        error.with_source(cause.without_url())
    }

    pub(in crate::models) fn not_understood(self) -> Error {
        self.error(ErrorKind::BadResponse)
    }

    pub(in crate::models) fn blocked(self) -> Error {
        self.error(ErrorKind::ContentBlocked)
    }

    pub(in crate::models) fn broken_off(self) -> Error {
        self.named(ErrorKind::BadResponse, "The model's answer was broken off. Ask again.")
    }

    /// A call that cannot be made; `what` is wrong with it.
    pub(super) fn bad_call(self, what: &'static str) -> Error {
        let message = "The model asked for a call that cannot be made. Ask again.";
        self.named(ErrorKind::BadResponse, message).with_context("call", what)
    }

    fn error(self, kind: ErrorKind) -> Error {
        self.named(kind, message(kind))
    }

    fn named(self, kind: ErrorKind, message: &'static str) -> Error {
        Error::new(kind, message)
            .with_operation("model.stream")
            .with_context("provider", self.provider)
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

const fn message(kind: ErrorKind) -> &'static str {
    match kind {
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
    }
}

/// What the provider calls the request, for asking it about it. Only what looks like an id goes into a log.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    let names = ["x-request-id", "request-id"];
    let id = names.into_iter().find_map(|name| headers.get(name))?.to_str().ok()?;
    let is_id = (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_id.then_some(id)
}

/// Milliseconds, seconds or a date; a date that has passed says nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim().to_owned());
    if let Some(millis) = text("retry-after-ms").and_then(|millis| millis.parse().ok()) {
        return Some(Duration::from_millis(millis));
    }
    let value = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(&value).ok()?;
    SystemTime::from(date).duration_since(SystemTime::now()).ok()
}
