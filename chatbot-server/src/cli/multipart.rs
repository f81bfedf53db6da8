//! An upload form around a file that is read as it is sent.

use std::path::Path;

use axum::body::{Body, Bytes};
use chatbot_core::types::CollectionId;
use chatbot_core::{Error, Result};
use futures_util::stream::{self, StreamExt as _};
use tokio_util::io::ReaderStream;

/// Bytes read from the file at a time.
const READ_BYTES: usize = 64 << 10;

/// The form's content type, and the form.
///
/// # Errors
/// `not_found`, `storage` where the file cannot be read.
pub(super) async fn form(path: &Path, collection: Option<CollectionId>) -> Result<(String, Body)> {
    let file = tokio::fs::File::open(path).await.map_err(Error::from)?;
    let boundary = format!("chatbot-{}", chatbot_core::types::RequestId::new());
    let mut head = String::new();
    if let Some(id) = collection {
        head.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"collection_id\"\r\n\r\n{id}\r\n"
        ));
    }
    head.push_str(&format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        escaped(&path.display().to_string())
    ));
    let tail = format!("\r\n--{boundary}--\r\n");
    let whole =
        |text: String| stream::once(async move { Ok::<_, std::io::Error>(Bytes::from(text)) });
    let content = ReaderStream::with_capacity(file, READ_BYTES);
    let body = Body::from_stream(whole(head).chain(content).chain(whole(tail)));
    Ok((format!("multipart/form-data; boundary={boundary}"), body))
}

/// The name as browsers write it into a form (WHATWG HTML, multipart encoding).
fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
