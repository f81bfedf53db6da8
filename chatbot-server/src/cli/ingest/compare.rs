//! Whether a document says what its file says.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use chatbot_core::types::{BlobHash, Document, DocumentStatus};
use chatbot_core::{Error, Result};
use sha2::{Digest as _, Sha256};

/// Bytes read from a file at a time.
const READ_BYTES: usize = 256 << 10;

/// Whether the file has the bytes that the document was made from. A file of another size is not read.
///
/// # Errors
/// `not_found`, `storage` where the file cannot be read.
pub(in crate::cli) async fn same_bytes(path: &Path, document: &Document) -> Result<bool> {
    let metadata = tokio::fs::metadata(path).await?;
    Ok(metadata.len() == document.size_bytes && hash(path).await? == document.sha256)
}

/// The hash of a file's bytes.
///
/// # Errors
/// `not_found`, `storage` where the file cannot be read.
pub(in crate::cli) async fn hash(path: &Path) -> Result<BlobHash> {
    let path: PathBuf = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || hash_now(&path)).await;
    hashed.map_err(|error| Error::internal("Reading a file failed.").with_source(error))?
}

fn hash_now(path: &Path) -> Result<BlobHash> {
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut piece) = (Sha256::new(), vec![0; READ_BYTES]);
    loop {
        let n_read = file.read(&mut piece)?;
        if n_read == 0 {
            return Ok(BlobHash::from_bytes(hash.finalize().into()));
        }
        hash.update(piece.get(..n_read).unwrap_or_default());
    }
}

/// Whether nothing more happens to the document, although it does not answer.
pub(in crate::cli) const fn gave_up(document: &Document) -> bool {
    matches!(document.status, DocumentStatus::Failed | DocumentStatus::Cancelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_has_the_hash_of_its_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes = vec![7; READ_BYTES + 1];
        std::fs::write(file.path(), &bytes).unwrap();
        assert_eq!(hash(file.path()).await.unwrap(), BlobHash::of(&bytes));
        assert!(hash(Path::new("/there/is/nothing")).await.is_err());
    }
}
