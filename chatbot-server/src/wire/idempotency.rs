//! `Idempotency-Key`: what makes a create happen once.

use axum::http::HeaderName;
use axum::http::request::Parts;
use chatbot_core::traits::Idempotency;
use sha2::{Digest as _, Sha256};

use crate::error::{ApiError, ApiResult};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key: room for a few UUIDs.
const MAX_KEY_BYTES: usize = 255;

/// A key, and a hash of what was asked with it so far: the method, the path, and what of the body was read.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    key: String,
    asked: Sha256,
}

impl Key {
    /// The key of a request with this body.
    ///
    /// # Errors
    /// `invalid_input` for a key that is empty, too long, or not visible ASCII.
    pub(crate) fn of(parts: &Parts, body: &[u8]) -> ApiResult<Option<Self>> {
        let Some(key) = parts.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(None);
        };
        let key = key.to_str().ok().filter(|key| {
            let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
            !key.is_empty() && key.len() <= MAX_KEY_BYTES && visible
        });
        let Some(key) = key else {
            return Err(ApiError::field("Idempotency-Key", "expected 1 to 255 visible characters"));
        };
        let mut hashed = Self { key: key.to_owned(), asked: Sha256::new() };
        hashed.add(parts.method.as_str().as_bytes());
        hashed.add(parts.uri.path().as_bytes());
        hashed.add(body);
        Ok(Some(hashed))
    }

    /// Takes in another part of what was asked; parts do not run into each other.
    pub(crate) fn add(&mut self, part: &[u8]) {
        self.asked.update(part.len().to_le_bytes());
        self.asked.update(part);
    }
}

impl From<Key> for Idempotency {
    fn from(key: Key) -> Self {
        Self { key: key.key, body: key.asked.finalize().into() }
    }
}
