//! The upload form: `file`, and what is known about it.

use std::path::Path;

use axum::body::Body;
use axum::http::{StatusCode, header, request::Parts};
use chatbot_core::types::{CollectionId, MediaType, Metadata};
use chatbot_core::{Error, ErrorKind};
use multer::{Constraints, Field, Multipart, SizeLimit};
use sha2::{Digest as _, Sha256};

use super::Key;
use super::spool::Spool;
use crate::error::{ApiError, ApiResult};

/// The longest text field: room for metadata.
const MAX_FIELD_BYTES: u64 = 64 << 10;
/// What the form may need besides the file: boundaries, headers and the other fields.
const FORM_OVERHEAD_BYTES: u64 = 1 << 20;
/// The longest file name.
const MAX_FILE_NAME_BYTES: usize = 1024;

/// What was uploaded.
#[derive(Debug, Default)]
pub(crate) struct UploadForm {
    pub(crate) file: Option<UploadedFile>,
    pub(crate) collection_id: Option<CollectionId>,
    pub(crate) title: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) key: Option<Key>,
}

/// The file of a form.
#[derive(Debug)]
pub(crate) struct UploadedFile {
    /// Its name: data, never a path that is opened.
    pub(crate) name: String,
    pub(crate) declared: Option<MediaType>,
    pub(crate) content: Spool,
}

/// Where uploads wait, and how large they may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UploadLimits<'a> {
    pub(crate) max_bytes: u64,
    pub(crate) folder: &'a Path,
}

impl UploadLimits<'_> {
    /// The largest form that can hold the largest file.
    pub(crate) const fn max_form_bytes(&self) -> u64 {
        self.max_bytes.saturating_add(FORM_OVERHEAD_BYTES)
    }
}

impl UploadForm {
    /// Reads a form; its file waits in a [`Spool`].
    ///
    /// # Errors
    /// 415 for what is not a form, 413 for a file or a field that is too large, 400 for a form that is not valid.
    pub(crate) async fn read(
        parts: &Parts,
        body: &mut Body,
        limits: UploadLimits<'_>,
    ) -> ApiResult<Self> {
        let declared = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let boundary = multer::parse_boundary(declared.unwrap_or_default()).map_err(|_| {
            ApiError::http(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send the file as a form: `multipart/form-data` with a boundary.",
            )
        })?;
        let sizes = SizeLimit::new()
            .whole_stream(limits.max_form_bytes())
            .for_field("file", limits.max_bytes)
            .per_field(MAX_FIELD_BYTES);
        let constraints = Constraints::new().size_limit(sizes);
        let fields = Multipart::with_constraints(
            http_body_util::BodyDataStream::new(body),
            boundary,
            constraints,
        );
        let form = Self { key: Key::of(parts, &[])?, ..Self::default() };
        form.fill(fields, limits).await
    }

    async fn fill(
        mut self,
        mut fields: Multipart<'_>,
        limits: UploadLimits<'_>,
    ) -> ApiResult<Self> {
        let mut seen = Vec::new();
        while let Some(field) =
            fields.next_field().await.map_err(|error| refused(&error, limits))?
        {
            let name = known_name(&field)?;
            if seen.contains(&name) {
                return Err(ApiError::field(name, "it is there more than once"));
            }
            seen.push(name);
            if name == "file" {
                self.take_file(field, limits).await?;
            } else {
                let text = field.bytes().await.map_err(|error| refused(&error, limits))?;
                self.take_text(name, &text)?;
            }
        }
        Ok(self)
    }

    async fn take_file(&mut self, mut field: Field<'_>, limits: UploadLimits<'_>) -> ApiResult<()> {
        let name = file_name(field.file_name())?;
        let declared = field.content_type().and_then(|media| MediaType::parse(media.as_ref()));
        self.hash(&["file", &name]);
        let mut content = Spool::default();
        // As one part: where the network cuts it is another place when it is sent again.
        let mut hash = Sha256::new();
        while let Some(piece) = field.chunk().await.map_err(|error| refused(&error, limits))? {
            hash.update(&piece);
            content.push(&piece, limits.folder).await?;
        }
        if let Some(key) = &mut self.key {
            key.add(&hash.finalize());
        }
        self.file = Some(UploadedFile { name, declared, content });
        Ok(())
    }

    fn take_text(&mut self, name: &'static str, bytes: &[u8]) -> ApiResult<()> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| ApiError::field(name, "expected text in UTF-8"))?;
        self.hash(&[name, text]);
        match name {
            "collection_id" if text.is_empty() => {}
            "collection_id" => self.collection_id = Some(text.trim().parse()?),
            "title" => self.title = Some(text.to_owned()).filter(|title| !title.trim().is_empty()),
            _ if text.is_empty() => {}
            _ => {
                self.metadata = serde_json::from_str(text)
                    .map_err(|_| ApiError::field(name, "expected a JSON object"))?;
            }
        }
        Ok(())
    }

    fn hash(&mut self, parts: &[&str]) {
        if let Some(key) = &mut self.key {
            parts.iter().for_each(|part| key.add(part.as_bytes()));
        }
    }
}

fn known_name(field: &Field<'_>) -> ApiResult<&'static str> {
    let known = ["file", "collection_id", "title", "metadata"];
    let name = field.name().unwrap_or_default();
    known.into_iter().find(|known| *known == name).ok_or_else(|| {
        let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
        ApiError::field(name, "there is no such field")
    })
}

fn file_name(name: Option<&str>) -> ApiResult<String> {
    let name = name.unwrap_or_default();
    let problem = if name.trim().is_empty() {
        "it needs a file name"
    } else if name.len() > MAX_FILE_NAME_BYTES {
        "its file name is longer than 1024 bytes"
    } else if name.chars().any(char::is_control) {
        "its file name has control characters"
    } else {
        return Ok(name.to_owned());
    };
    Err(ApiError::field("file", problem))
}

#[allow(clippy::wildcard_enum_match_arm, reason = "everything else is a form that cannot be read")]
fn refused(error: &multer::Error, limits: UploadLimits<'_>) -> ApiError {
    match error {
        multer::Error::FieldSizeExceeded { field_name, .. }
            if field_name.as_deref() != Some("file") =>
        {
            ApiError::http(StatusCode::PAYLOAD_TOO_LARGE, "A field of the form is too large.")
        }
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            too_large(limits.max_bytes)
        }
        _ => Error::invalid("The form is damaged or ended too early. Send it again.").into(),
    }
}

/// The error for an upload over the limit.
pub(crate) fn too_large(max_bytes: u64) -> ApiError {
    let message = format!(
        "The file is larger than {} MiB. Split it, or raise `engine.limits.max_upload_bytes`.",
        max_bytes >> 20
    );
    Error::new(ErrorKind::TooLarge, message).into()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use chatbot_core::traits::Idempotency;
    use futures_util::stream;

    use super::*;

    const FORM: &str = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n\
        The pump is oiled every 400 hours, and its filter is changed every 800.\r\n--b--\r\n";

    /// What was asked by a form that comes in pieces of this many bytes.
    async fn asked(form: &str, piece: usize) -> [u8; 32] {
        let request = Request::post("/documents")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
            .header("idempotency-key", "k");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let pieces: Vec<_> = form.as_bytes().chunks(piece).map(<[u8]>::to_vec).collect();
        let pieces = pieces.into_iter().map(Ok::<_, std::io::Error>);
        let mut body = Body::from_stream(stream::iter(pieces));
        let folder = tempfile::tempdir().unwrap();
        let limits = UploadLimits { max_bytes: 1000, folder: folder.path() };
        let form = UploadForm::read(&parts, &mut body, limits).await.unwrap();
        Idempotency::from(form.key.unwrap()).body
    }

    #[tokio::test]
    async fn a_form_that_is_sent_again_is_the_same_however_the_network_cuts_it() {
        let whole = asked(FORM, FORM.len()).await;
        for piece in [7, 64, 100] {
            assert_eq!(asked(FORM, piece).await, whole, "in pieces of {piece} bytes");
        }
        assert_ne!(asked(&FORM.replace("400", "500"), 64).await, whole);
    }
}
