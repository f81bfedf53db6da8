//! An upload form around a file that is read as it is sent.

use std::fmt::Write as _;
use std::path::Path;

use axum::body::{Body, Bytes};
use chatbot_core::types::CollectionId;
use chatbot_core::{Error, Result};
use futures_util::stream::{self, StreamExt as _};
use serde_json::json;
use tokio_util::io::ReaderStream;

/// Bytes read from the file at a time.
const READ_BYTES: usize = 64 << 10;

/// What is said with a file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fields<'a> {
    pub(super) collection: Option<CollectionId>,
    /// The folder that it is taken in as a part of.
    pub(super) folder: Option<&'a str>,
}

/// The form's content type, and the form.
///
/// # Errors
/// `not_found`, `storage` where the file cannot be read.
pub(super) async fn form(path: &Path, fields: Fields<'_>) -> Result<(String, Body)> {
    let file = tokio::fs::File::open(path).await.map_err(Error::from)?;
    let boundary = format!("chatbot-{}", chatbot_core::types::RequestId::new());
    let mut head = String::new();
    if let Some(id) = fields.collection {
        field(&mut head, &boundary, ("collection_id", &id.to_string()));
    }
    if let Some(folder) = fields.folder {
        field(&mut head, &boundary, ("metadata", &json!({super::FOLDER: folder}).to_string()));
    }
    head.push_str(&format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        source(path)
    ));
    let tail = format!("\r\n--{boundary}--\r\n");
    let whole =
        |text: String| stream::once(async move { Ok::<_, std::io::Error>(Bytes::from(text)) });
    let content = ReaderStream::with_capacity(file, READ_BYTES);
    let body = Body::from_stream(whole(head).chain(content).chain(whole(tail)));
    Ok((format!("multipart/form-data; boundary={boundary}"), body))
}

fn field(form: &mut String, boundary: &str, (name, value): (&str, &str)) {
    let _ = write!(
        form,
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
    );
}

/// The source of the document that this file becomes: its name as browsers write it into a form (WHATWG HTML, multipart
/// encoding).
pub(super) fn source(path: &Path) -> String {
    path.display().to_string().replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
