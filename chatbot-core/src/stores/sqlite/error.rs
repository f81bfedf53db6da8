//! What SQLite says, in this crate's words: the one place that knows its codes.

use crate::error::{Error, ErrorKind, Reason};

/// Primary result codes of SQLite, from <https://www.sqlite.org/rescode.html>; the extended ones hold them in the low
/// byte.
mod code {
    pub(super) const PERM: i32 = 3;
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const AUTH: i32 = 23;
    pub(super) const NOTADB: i32 = 26;
    /// Extended: a flush failed, so nobody knows what reached the disk.
    pub(super) const IOERR_FSYNC: i32 = 1034;
    /// Extended: as `IOERR_FSYNC`, for the directory.
    pub(super) const IOERR_DIR_FSYNC: i32 = 1290;
}

/// What an error's context calls SQLite's code.
const SQLITE_CODE: &str = "sqlite_code";

/// The crate's error for one of sqlx's.
pub(super) fn fault(error: sqlx::Error) -> Error {
    if matches!(error, sqlx::Error::PoolTimedOut) {
        return Error::new(ErrorKind::Unavailable, "The database is busy. Try again in a moment.")
            .with_source(error);
    }
    if matches!(error, sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed) {
        return closed().with_source(error);
    }
    match result_code(&error) {
        Some(code) => by_code(code & 0xff).with_context(SQLITE_CODE, code).with_source(error),
        None => storage("Reading or writing the database failed.").with_source(error),
    }
}

/// The error of every call after the store was closed.
pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "The store is closed.")
}

/// The refusal of a write whose lease somebody else holds, or nobody any more.
pub(super) fn lease_lost() -> Error {
    Error::new(ErrorKind::Conflict, "Somebody else took this work over, or it was stopped.")
        .with_reason(Reason::LeaseLost)
}

/// Something that was stored cannot be read back.
pub(super) fn damaged(what: &'static str) -> Error {
    storage("The database holds something that cannot be read. Restore it from a backup.")
        .with_reason(Reason::Corrupt)
        .with_context("what", what)
}

/// Whether a flush failed: what was written may be lost although later reads still show it.
pub(super) fn is_failed_flush(error: &Error) -> bool {
    let code = error.context().iter().find(|(key, _)| *key == SQLITE_CODE);
    let code = code.and_then(|(_, code)| code.parse::<i32>().ok());
    matches!(code, Some(code::IOERR_FSYNC | code::IOERR_DIR_FSYNC))
}

fn result_code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

fn by_code(primary: i32) -> Error {
    match primary {
        code::FULL => storage("The disk is full. Free some space and try again.")
            .with_reason(Reason::DiskFull),
        code::READONLY | code::CANTOPEN | code::PERM | code::AUTH => {
            storage("The database cannot be opened or written to. Check the folder's permissions.")
                .with_reason(Reason::ReadOnly)
        }
        code::CORRUPT | code::NOTADB => {
            storage("The database file is damaged or is no database. Restore it from a backup.")
                .with_reason(Reason::Corrupt)
        }
        code::BUSY | code::LOCKED => {
            Error::new(ErrorKind::Unavailable, "Another process holds the database. Try again.")
        }
        _ => storage("Reading or writing the database failed."),
    }
}

fn storage(message: &'static str) -> Error {
    Error::new(ErrorKind::Storage, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_what_a_person_can_act_on() {
        let seen = |code: i32| (by_code(code & 0xff).kind(), by_code(code & 0xff).reason());
        assert_eq!(seen(13), (ErrorKind::Storage, Some(Reason::DiskFull)));
        assert_eq!(seen(1544), (ErrorKind::Storage, Some(Reason::ReadOnly)));
        assert_eq!(seen(14), (ErrorKind::Storage, Some(Reason::ReadOnly)));
        assert_eq!(seen(26), (ErrorKind::Storage, Some(Reason::Corrupt)));
        assert_eq!(seen(5), (ErrorKind::Unavailable, None));
        assert_eq!(seen(10), (ErrorKind::Storage, None));
    }
}
