//! The files of a data directory while no server runs.

use std::collections::HashSet;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::Result;
use crate::report::{Findings, Kind};

/// What may lie in a data directory. Anything else was left behind.
const KNOWN: &[&str] = &["lock", "store.db", "store.db-wal", "store.db-shm", "blobs", "index"];

/// Whether every needed original is there, byte for byte, and nothing lies about. Returns how many originals are neither
/// needed nor about to be removed.
///
/// # Errors
/// Where the folder cannot be read.
pub fn check(
    data: &Path,
    (needed, going): &(Vec<String>, Vec<String>),
    findings: &mut Findings,
) -> Result<u64> {
    for entry in std::fs::read_dir(data)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        findings.check(KNOWN.contains(&name.as_str()), Kind::Other, || {
            format!("{name} was left in the data directory")
        });
    }
    let mut there = HashSet::new();
    for folder in std::fs::read_dir(data.join("blobs"))? {
        let folder = folder?;
        // What a backup held while it was deleted is no longer the store's; a lock lies beside it.
        if folder.file_name() == "condemned" {
            continue;
        }
        let is_incoming = folder.file_name() == "incoming";
        for file in std::fs::read_dir(folder.path())? {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            let digest = Sha256::digest(std::fs::read(file.path())?);
            let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            // What was on its way when the server died is removed when it starts again.
            if !is_incoming {
                findings.check(hash == name, Kind::Half, || {
                    format!("the original {name} holds other bytes")
                });
                there.insert(name);
            }
        }
    }
    for hash in needed {
        findings.check(there.contains(hash), Kind::Loss, || format!("the original {hash} is lost"));
    }
    let known: HashSet<&String> = needed.iter().chain(going).collect();
    Ok(u64::try_from(there.iter().filter(|name| !known.contains(name)).count())?)
}
