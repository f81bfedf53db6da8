//! Tantivy's errors in this crate's words.

use std::io;

use tantivy::TantivyError;
use tantivy::directory::error::{OpenDirectoryError, OpenReadError, OpenWriteError};

use crate::error::{Error, ErrorKind, Reason};

/// An error of tantivy's: that of the file system where one is behind it.
pub(super) fn failed(error: TantivyError) -> Error {
    match io_kind(&error) {
        Some(kind) => {
            let cause = Error::from(io::Error::from(kind));
            let message = match cause.reason() {
                Some(_) => cause.message().to_owned(),
                None => "Reading or writing the search index failed.".to_owned(),
            };
            with_reason(Error::new(ErrorKind::Storage, message), cause.reason()).with_source(error)
        }
        None => Error::new(ErrorKind::Storage, "The search index failed.").with_source(error),
    }
}

fn with_reason(error: Error, reason: Option<Reason>) -> Error {
    match reason {
        Some(reason) => error.with_reason(reason),
        None => error,
    }
}

/// Work that panicked: the files hold something that no writer writes.
pub(super) fn broken(panic: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Storage, "The search index cannot be read. Restart to rebuild it.")
        .with_source(panic)
}

fn io_kind(error: &TantivyError) -> Option<io::ErrorKind> {
    #[allow(clippy::wildcard_enum_match_arm, reason = "the other errors have no I/O error inside")]
    match error {
        TantivyError::IoError(io_error)
        | TantivyError::OpenDirectoryError(
            OpenDirectoryError::IoError { io_error, .. }
            | OpenDirectoryError::FailedToCreateTempDir(io_error),
        )
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error, .. }) => {
            Some(io_error.kind())
        }
        _ => None,
    }
}
