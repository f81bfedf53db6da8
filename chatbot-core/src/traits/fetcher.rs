//! How a document that lies somewhere else is fetched.

use std::fmt;

use async_trait::async_trait;

use super::ByteStream;
use crate::context::Context;
use crate::error::Result;
use crate::types::MediaType;

/// A document that was fetched.
pub struct Fetched {
    /// Where it lies, written in the one usual way.
    pub address: String,
    /// What its origin declared it as: a hint, never trusted.
    pub declared: Option<MediaType>,
    /// Its bytes; all of them are here already.
    pub content: ByteStream,
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("address", &self.address)
            .field("declared", &self.declared)
            .finish_non_exhaustive()
    }
}

/// Fetches documents by their addresses, for people who must not reach everything that this process can.
#[async_trait]
pub trait Fetcher: Send + Sync + fmt::Debug {
    /// Fetches all that lies at `address`, at most `max_bytes`.
    ///
    /// # Errors
    /// `invalid_input` for what is no address, or one that may not be reached; `too_large`; `unsupported` for what is no
    /// document; `bad_response` where the origin does not give it; `timeout`, `cancelled`, `storage`.
    ///
    /// # Cancellation
    /// Nothing is left behind.
    async fn fetch(&self, ctx: &Context, address: &str, max_bytes: u64) -> Result<Fetched>;
}
