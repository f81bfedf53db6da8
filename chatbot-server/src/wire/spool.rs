//! Uploads on their way in: a form may name the collection after the file, so the file has to wait for its form.
//!
//! Small files wait in memory, larger ones in a nameless temporary file that disappears with its handle, whatever
//! happens to the process.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use chatbot_core::traits::{ByteStream, once};
use chatbot_core::{Error, Result};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio_util::io::ReaderStream;

/// Bytes that wait in memory before a file is made: most texts, and little for a server with many uploads.
const MAX_MEMORY_BYTES: usize = 256 << 10;

/// Bytes that wait.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    memory: Vec<u8>,
    file: Option<std::fs::File>,
}

impl Spool {
    /// Takes in the next bytes.
    ///
    /// # Errors
    /// `storage` (`disk_full`, `read_only`).
    pub(crate) async fn push(&mut self, bytes: &[u8], folder: &Path) -> Result<()> {
        self.memory.extend_from_slice(bytes);
        if self.memory.len() < MAX_MEMORY_BYTES {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.memory);
        let (file, folder) = (self.file.take(), folder.to_owned());
        let file = blocking(move || {
            let mut file = file.map_or_else(|| tempfile::tempfile_in(folder), Ok)?;
            file.write_all(&pending)?;
            Ok(file)
        });
        self.file = Some(file.await?);
        Ok(())
    }

    /// Everything that was taken in, from the beginning.
    ///
    /// # Errors
    /// `storage`.
    pub(crate) async fn into_stream(self) -> Result<ByteStream> {
        let Some(mut file) = self.file else {
            return Ok(once(self.memory));
        };
        let tail = self.memory;
        let file = blocking(move || {
            file.write_all(&tail)?;
            file.seek(SeekFrom::Start(0))?;
            Ok(file)
        });
        let file = tokio::fs::File::from_std(file.await?);
        Ok(ReaderStream::with_capacity(file, MAX_MEMORY_BYTES).map_err(Error::from).boxed())
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Error::internal("A file task failed.").with_source(error))?;
    Ok(done?)
}

/// All bytes of a stream of pieces, for tests and small things.
#[cfg(test)]
async fn all(stream: ByteStream) -> Vec<u8> {
    let pieces: Vec<bytes::Bytes> = stream.try_collect().await.unwrap();
    pieces.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_and_large_come_out_as_they_went_in() {
        let folder = tempfile::tempdir().unwrap();
        for n_pieces in [0_usize, 1, 30] {
            let mut spool = Spool::default();
            let mut expected = Vec::new();
            for n in 0..n_pieces {
                let piece = vec![u8::try_from(n).unwrap(); 64 << 10];
                spool.push(&piece, folder.path()).await.unwrap();
                expected.extend(piece);
            }
            assert_eq!(all(spool.into_stream().await.unwrap()).await, expected);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
