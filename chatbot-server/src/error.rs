//! Errors as HTTP shows them: the only place that knows status codes.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chatbot_core::types::{MessageId, SessionId};
use chatbot_core::{Error, ErrorKind, Reason};
use serde::Serialize;
use utoipa::ToSchema;

/// How long to wait before trying again where nobody knows better.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A handler's result.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// An error on its way to a client.
#[derive(Debug)]
pub struct ApiError {
    error: Error,
    status: StatusCode,
    fields: Vec<FieldError>,
    turn: Option<(SessionId, MessageId)>,
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as a path with dots.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// The body of every native error.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorReply {
    error: ErrorBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<MessageId>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    code: ErrorKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    message: String,
    retryable: bool,
    request_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldError>,
}

impl ApiError {
    /// An `invalid_input` about one field.
    #[must_use]
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        let text = match field.as_str() {
            "" => format!("The request is not valid: {message}."),
            _ => format!("The field `{field}` is not valid: {message}."),
        };
        Self { fields: vec![FieldError { field, message }], ..Error::invalid(text).into() }
    }

    /// A request that HTTP itself has a status for.
    pub(crate) fn http(status: StatusCode, message: &'static str) -> Self {
        let kind = match status {
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            StatusCode::FORBIDDEN => ErrorKind::PermissionDenied,
            StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::TooLarge,
            StatusCode::REQUEST_TIMEOUT => ErrorKind::Timeout,
            StatusCode::SERVICE_UNAVAILABLE => ErrorKind::Unavailable,
            status if status.is_server_error() => ErrorKind::Internal,
            _ => ErrorKind::InvalidInput,
        };
        Self { status, ..Error::new(kind, message).into() }
    }

    /// A turn that failed after its question was stored.
    #[must_use]
    pub fn turn(error: Error, session: SessionId, message: MessageId) -> Self {
        let status = turn_status(error.kind());
        Self { status, turn: Some((session, message)), ..error.into() }
    }

    /// What went wrong.
    #[must_use]
    pub const fn error(&self) -> &Error {
        &self.error
    }

    /// What went wrong, for a surface that is not HTTP.
    pub(crate) fn into_error(self) -> Error {
        self.error
    }

    #[cfg(test)]
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn reply(&self, request_id: &str) -> ErrorReply {
        ErrorReply {
            error: ErrorBody {
                code: self.error.kind(),
                reason: self.error.reason(),
                message: self.error.message().to_owned(),
                retryable: self.error.is_retryable(),
                request_id: request_id.to_owned(),
                fields: self.fields.clone(),
            },
            session_id: self.turn.map(|(session, _)| session),
            message_id: self.turn.map(|(_, message)| message),
        }
    }

    pub(crate) fn retry_after(&self) -> Option<HeaderValue> {
        let wanted =
            matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        // A budget does not come back in a moment.
        let is_spent = self.error.kind() == ErrorKind::BudgetExceeded;
        let after = self.error.retry_after().or((!is_spent).then_some(RETRY_AFTER))?;
        wanted.then(|| HeaderValue::from(after.as_secs().max(1)))
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let status = match error.reason() {
            Some(Reason::DiskFull) => StatusCode::INSUFFICIENT_STORAGE,
            _ => status(error.kind()),
        };
        Self { error, status, fields: Vec::new(), turn: None }
    }
}

impl IntoResponse for ApiError {
    /// The status and the error itself; `layers` writes the body, which names the request.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(after) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, after);
        }
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the kinds may grow; a test goes through all of them"
)]
const fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidInput | ErrorKind::ContextTooLong => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::BudgetExceeded => StatusCode::PAYMENT_REQUIRED,
        ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AlreadyExists | ErrorKind::Conflict | ErrorKind::Cancelled => {
            StatusCode::CONFLICT
        }
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::ContentBlocked | ErrorKind::Unsupported | ErrorKind::ParseFailed => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::BadResponse => StatusCode::BAD_GATEWAY,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        // `config_invalid`, `dimension_mismatch`, `storage`, `internal`, and what a later core may add: the test below
        // notices the latter.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The status of a turn that failed: the request was fine, what stands behind it was not.
#[allow(clippy::wildcard_enum_match_arm, reason = "whatever else fails stands behind the server")]
const fn turn_status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Unavailable
        | ErrorKind::RateLimited
        | ErrorKind::BudgetExceeded
        | ErrorKind::Cancelled
        | ErrorKind::Storage => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_status_of_its_own_choosing() {
        let server_side = [
            ErrorKind::ConfigInvalid,
            ErrorKind::DimensionMismatch,
            ErrorKind::Storage,
            ErrorKind::Internal,
        ];
        for kind in ErrorKind::ALL {
            let status = status(*kind);
            let is_500 = status == StatusCode::INTERNAL_SERVER_ERROR;
            assert_eq!(is_500, server_side.contains(kind), "{kind} has no status");
            assert!(turn_status(*kind).is_server_error());
        }
    }

    #[test]
    fn what_may_be_tried_again_says_when() {
        for kind in ErrorKind::ALL {
            let error = ApiError::from(Error::new(*kind, ""));
            let wanted = [429, 503].contains(&error.status().as_u16());
            assert_eq!(error.retry_after().is_some(), wanted, "{kind}");
        }
        let error = Error::new(ErrorKind::RateLimited, "").with_retry_after(RETRY_AFTER * 7);
        assert_eq!(ApiError::from(error).retry_after().unwrap(), "7");
    }

    #[test]
    fn a_reply_names_the_request_and_the_turn() {
        let (session, message) = (SessionId::new(), MessageId::new());
        let error = ApiError::turn(Error::new(ErrorKind::Timeout, "Late."), session, message);
        let json = serde_json::to_value(error.reply("r1")).unwrap();
        assert_eq!(json["error"]["code"], "timeout");
        assert_eq!(json["error"]["request_id"], "r1");
        assert_eq!(json["error"]["retryable"], true);
        assert_eq!(json["message_id"], message.to_string());
        assert!(json["error"].get("fields").is_none());
    }
}
