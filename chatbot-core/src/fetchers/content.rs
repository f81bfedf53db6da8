//! What an origin sends, unpacked, bounded, and put aside.

use std::io::{self, Seek as _, SeekFrom, Write};
use std::path::Path;

use bytes::BytesMut;
use flate2::write::GzDecoder;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;
use tokio::io::AsyncReadExt as _;

use super::http::{bad, of_transport};
use crate::error::{Error, ErrorKind, Result};
use crate::traits::ByteStream;

/// Bytes that are read from the file at a time.
const PIECE_BYTES: usize = 256 << 10;

/// Takes in all that the origin sends, in a file without a name in `folder`, and gives it from the beginning.
///
/// # Errors
/// `too_large`, `bad_response`, `storage`.
pub(super) async fn take(response: Response, max_bytes: u64, folder: &Path) -> Result<ByteStream> {
    let mut unpacking = Unpacking::of(&response, max_bytes)?;
    let mut pieces = response.bytes_stream().map_err(|error| of_transport(&error));
    let mut file = tokio::fs::File::from_std(tempfile::tempfile_in(folder)?);
    while let Some(piece) = pieces.try_next().await? {
        let unpacked = unpacking.add(&piece)?;
        tokio::io::AsyncWriteExt::write_all(&mut file, &unpacked).await?;
    }
    let rest = unpacking.end()?;
    tokio::io::AsyncWriteExt::write_all(&mut file, &rest).await?;
    tokio::io::AsyncWriteExt::flush(&mut file).await?;
    let mut file = file.into_std().await;
    file.seek(SeekFrom::Start(0))?;
    let pieces = stream::try_unfold(tokio::fs::File::from_std(file), |mut file| async move {
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        let n_read = file.read_buf(&mut piece).await?;
        Ok::<_, Error>((n_read > 0).then(|| (piece.freeze(), file)))
    });
    Ok(pieces.boxed())
}

/// Turns what was sent into what was meant.
enum Unpacking {
    Plain(Bounded),
    Gzip(Box<GzDecoder<Bounded>>),
}

impl Unpacking {
    fn of(response: &Response, max_bytes: u64) -> Result<Self> {
        let bounded = Bounded { bytes: Vec::new(), left: max_bytes };
        let encoding = response.headers().get(CONTENT_ENCODING).map(|value| value.as_bytes());
        match encoding.map(<[u8]>::to_ascii_lowercase).as_deref() {
            None | Some(b"" | b"identity") => Ok(Self::Plain(bounded)),
            Some(b"gzip" | b"x-gzip") => Ok(Self::Gzip(Box::new(GzDecoder::new(bounded)))),
            Some(_) => Err(bad("The origin packs the document in a way that nobody asked for.")),
        }
    }

    fn add(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        let written = match self {
            Self::Plain(bounded) => bounded.write_all(piece),
            Self::Gzip(decoder) => decoder.write_all(piece),
        };
        written.map_err(unpacked)?;
        Ok(match self {
            Self::Plain(bounded) => std::mem::take(&mut bounded.bytes),
            Self::Gzip(decoder) => std::mem::take(&mut decoder.get_mut().bytes),
        })
    }

    fn end(self) -> Result<Vec<u8>> {
        match self {
            Self::Plain(bounded) => Ok(bounded.bytes),
            Self::Gzip(decoder) => decoder.finish().map(|bounded| bounded.bytes).map_err(unpacked),
        }
    }
}

/// Takes so many bytes and not one more.
struct Bounded {
    bytes: Vec<u8>,
    left: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(io::ErrorKind::FileTooLarge)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unpacked(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::FileTooLarge {
        return too_large();
    }
    bad("What the origin sent cannot be unpacked.").with_source(error)
}

/// What is at the address is too much.
pub(super) fn too_large() -> Error {
    Error::new(ErrorKind::TooLarge, "What is at this address is larger than a document may be.")
}
