//! Where originals are kept.

use std::any::Any;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use crate::context::Context;
use crate::error::Result;
use crate::types::BlobHash;

/// Bytes that arrive piece by piece.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// A stream of one piece.
#[must_use]
pub fn once(bytes: impl Into<Bytes>) -> ByteStream {
    let bytes = bytes.into();
    futures_util::stream::once(async move { Ok(bytes) }).boxed()
}

/// A stored original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    /// SHA-256 of its bytes: its name.
    pub hash: BlobHash,
    /// Its size.
    pub size_bytes: u64,
}

/// Keeps originals readable until it is dropped.
#[derive(Debug)]
pub struct BlobHold {
    _held: Box<dyn Any + Send + Sync>,
}

impl BlobHold {
    /// A hold that ends when `held` is dropped.
    #[must_use]
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self { _held: Box::new(held) }
    }
}

/// Keeps originals by the hash of their content.
#[async_trait]
pub trait BlobStore: Send + Sync + std::fmt::Debug {
    /// Stores what arrives; durable once this returns. The same bytes are stored once.
    ///
    /// # Errors
    /// `too_large` beyond `max_bytes`, `storage` (`disk_full`, `read_only`), and the stream's own errors.
    ///
    /// # Cancellation
    /// Nothing is left behind.
    async fn put(&self, ctx: &Context, content: ByteStream, max_bytes: u64) -> Result<Blob>;

    /// All bytes of an original.
    ///
    /// # Errors
    /// `not_found`; `storage`, also when the bytes no longer have their hash.
    async fn get(&self, ctx: &Context, hash: BlobHash) -> Result<Bytes>;

    /// Removes an original; removing what is not there succeeds.
    ///
    /// # Errors
    /// `storage`.
    async fn delete(&self, ctx: &Context, hash: BlobHash) -> Result<()>;

    /// The originals that are kept, in the order of their hashes: at most `limit` of those after `after`.
    ///
    /// # Errors
    /// `storage`.
    async fn list(
        &self,
        ctx: &Context,
        after: Option<BlobHash>,
        limit: usize,
    ) -> Result<Vec<BlobHash>>;

    /// Keeps every original readable that is there now or comes later, until the returned value is dropped: what is
    /// deleted meanwhile, by whichever process, goes then. Nobody waits for a hold to end, and there may be several.
    ///
    /// # Errors
    /// `storage`.
    async fn hold(&self, ctx: &Context) -> Result<BlobHold>;
}
