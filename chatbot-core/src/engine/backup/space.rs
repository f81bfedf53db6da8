//! Whether there is room.

use std::path::Path;

use crate::error::{Error, ErrorKind, Reason, Result};

/// Fails where the disk that holds `folder` has less than `n_bytes` free.
pub(crate) fn need(folder: &Path, n_bytes: u64) -> Result<()> {
    match free_bytes(folder) {
        Some(free) if free < n_bytes => Err(too_little(folder, n_bytes, free)),
        _ => Ok(()),
    }
}

/// Bytes that this process may still write; `None` where the system does not say.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Elsewhere a full disk is noticed when it is full.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

fn too_little(folder: &Path, n_bytes: u64, free: u64) -> Error {
    let message = format!(
        "There is too little space for {}: {n_bytes} bytes are needed and {free} are free. Free some space and try again.",
        folder.display()
    );
    Error::new(ErrorKind::Storage, message).with_reason(Reason::DiskFull)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        need(folder.path(), 0).unwrap();
        if free_bytes(folder.path()).is_some() {
            let error = need(folder.path(), u64::MAX).unwrap_err();
            assert_eq!(error.reason(), Some(Reason::DiskFull));
        }
    }
}
