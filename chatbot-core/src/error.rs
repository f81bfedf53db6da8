//! What can go wrong, said the same way on every surface.
//!
//! One [`Error`] for the crate. Its [`ErrorKind`] is small and stable: hosts branch on the kind, people read the
//! message, and logs get the operation and its context. Vendors' error types never appear; they travel as `source`.
//! No secret, prompt or document text is ever put into an error.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $code:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every value, so that each surface can prove that it maps all of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable `snake_case` string that every surface shows.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The value with this code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.code() == code)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.code())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.code())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let code = <Cow<'de, str>>::deserialize(d)?;
                Self::from_code(&code)
                    .ok_or_else(|| serde::de::Error::custom(concat!("unknown ", stringify!($name))))
            }
        }
    };
}

codes! {
    /// What kind of failure this is: the part of an error that programs branch on.
    ErrorKind {
        /// The request cannot be understood or breaks a documented limit.
        InvalidInput => "invalid_input",
        /// The configuration cannot be used.
        ConfigInvalid => "config_invalid",
        /// There is no such thing, or the caller may not know that there is.
        NotFound => "not_found",
        /// A thing with this name or key exists.
        AlreadyExists => "already_exists",
        /// The request contradicts the current state.
        Conflict => "conflict",
        /// Nobody knows who is asking.
        Unauthenticated => "unauthenticated",
        /// The caller may not do this.
        PermissionDenied => "permission_denied",
        /// Too many requests; try again after the given time.
        RateLimited => "rate_limited",
        /// A token, money or time budget is used up.
        BudgetExceeded => "budget_exceeded",
        /// The prompt does not fit the model.
        ContextTooLong => "context_too_long",
        /// A guard or the provider refused the content.
        ContentBlocked => "content_blocked",
        /// This build or this component cannot do what was asked.
        Unsupported => "unsupported",
        /// The document cannot be read; see [`Reason`].
        ParseFailed => "parse_failed",
        /// Larger than the documented limit.
        TooLarge => "too_large",
        /// Vectors of different spaces were about to mix.
        DimensionMismatch => "dimension_mismatch",
        /// The deadline passed.
        Timeout => "timeout",
        /// The caller asked to stop.
        Cancelled => "cancelled",
        /// A dependency does not answer.
        Unavailable => "unavailable",
        /// A dependency answered with something that makes no sense.
        BadResponse => "bad_response",
        /// Reading or writing the data directory or the database failed.
        Storage => "storage",
        /// A defect of this crate.
        Internal => "internal",
    }
}

impl ErrorKind {
    /// Whether the same call may succeed later without any change by the caller.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Timeout | Self::Unavailable | Self::BadResponse)
    }

    /// Whether another model may answer what one failed at with this. What was refused for what it says, or asked wrongly,
    /// is not taken elsewhere.
    pub(crate) const fn may_differ_elsewhere(self) -> bool {
        match self {
            Self::RateLimited
            | Self::Timeout
            | Self::Unavailable
            | Self::BadResponse
            | Self::BudgetExceeded
            | Self::ContextTooLong
            | Self::ConfigInvalid
            | Self::Unauthenticated
            | Self::PermissionDenied
            | Self::Unsupported
            | Self::Internal => true,
            Self::InvalidInput
            | Self::NotFound
            | Self::AlreadyExists
            | Self::Conflict
            | Self::ContentBlocked
            | Self::ParseFailed
            | Self::TooLarge
            | Self::DimensionMismatch
            | Self::Cancelled
            | Self::Storage => false,
        }
    }
}

codes! {
    /// Refines a kind where people need to know what to do.
    Reason {
        /// The pages are pictures: there is no text to read.
        NoTextLayer => "no_text_layer",
        /// The document has no content at all.
        Empty => "empty",
        /// The document is protected by a password.
        Encrypted => "encrypted",
        /// The document is damaged.
        Corrupt => "corrupt",
        /// There is no parser for this format.
        UnsupportedFormat => "unsupported_format",
        /// Parsing needed more time, memory or output than allowed.
        LimitExceeded => "limit_exceeded",
        /// The disk is full.
        DiskFull => "disk_full",
        /// The place cannot be written to.
        ReadOnly => "read_only",
        /// Another process owns the data directory.
        DataDirectoryInUse => "data_directory_in_use",
        /// Another program listens on the address.
        AddressInUse => "address_in_use",
        /// The data was written by a newer release.
        NewerSchema => "newer_schema",
        /// A backup was being restored here when the process ended.
        RestoreUnfinished => "restore_unfinished",
        /// The process that worked on this has died.
        LeaseLost => "lease_lost",
        /// The idempotency key was used with another body.
        IdempotencyMismatch => "idempotency_mismatch",
        /// More is asked for than is let through; what was asked for was not begun.
        Overloaded => "overloaded",
        /// Nobody answers at the address of a dependency, or who does is not to be trusted.
        Unreachable => "unreachable",
        /// A dependency failed so often that it is left alone for a while.
        CircuitOpen => "circuit_open",
        /// The model ended without having said anything.
        NoAnswer => "no_answer",
    }
}

/// The crate's error: a kind, what was being done, and what a person can do about it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    reason: Option<Reason>,
    message: Cow<'static, str>,
    operation: &'static str,
    context: Vec<(&'static str, String)>,
    retry_after: Option<Duration>,
    source: Option<Source>,
}

impl Error {
    /// An error of `kind`; `message` is one sentence for a person and says what to do where that is known.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            reason: None,
            message: message.into(),
            operation: "",
            context: Vec::new(),
            retry_after: None,
            source: None,
        }))
    }

    /// An `invalid_input`.
    #[must_use]
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// A `not_found` that does not say whether the thing exists for somebody else.
    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Self::new(ErrorKind::NotFound, format!("There is no such {what}."))
    }

    /// A `parse_failed` with its reason.
    #[must_use]
    pub fn parse(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::ParseFailed, message).with_reason(reason)
    }

    /// An `internal`: a defect of this crate.
    #[must_use]
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// Names what was being done, such as `store.publish_version`.
    #[must_use]
    pub fn with_operation(mut self, operation: &'static str) -> Self {
        self.0.operation = operation;
        self
    }

    /// Adds a fact for the log; never document text, prompts or secrets.
    #[must_use]
    pub fn with_context(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Refines the kind.
    #[must_use]
    pub fn with_reason(mut self, reason: Reason) -> Self {
        self.0.reason = Some(reason);
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What refines the kind, where something does.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.0.reason
    }

    /// One sentence for a person.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What was being done.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Facts for the log.
    #[must_use]
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }

    /// How long to wait before trying again, where the failing side said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call may succeed later without any change by the caller.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("reason", &self.0.reason)
            .field("message", &self.0.message)
            .field("operation", &self.0.operation)
            .field("context", &self.0.context)
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let storage = |message: &'static str| Self::new(ErrorKind::Storage, message);
        #[allow(clippy::wildcard_enum_match_arm, reason = "the standard library adds kinds")]
        let mapped = match error.kind() {
            Io::StorageFull | Io::QuotaExceeded => {
                storage("The disk is full. Free some space and try again.")
                    .with_reason(Reason::DiskFull)
            }
            Io::ReadOnlyFilesystem | Io::PermissionDenied => {
                storage("The place cannot be written to or read. Check its permissions.")
                    .with_reason(Reason::ReadOnly)
            }
            Io::NotFound => Self::new(ErrorKind::NotFound, "There is no such file or folder."),
            _ => storage("Reading or writing a file failed."),
        };
        mapped.with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_comes_back() {
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_code(kind.code()), Some(*kind));
        }
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(ErrorKind::from_code("no such code"), None);
    }

    #[test]
    fn a_full_disk_says_what_to_do() {
        let error = Error::from(std::io::Error::from(std::io::ErrorKind::StorageFull));
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert_eq!(error.reason(), Some(Reason::DiskFull));
        assert!(error.message().contains("Free some space"));
        assert!(!error.is_retryable());
    }
}
