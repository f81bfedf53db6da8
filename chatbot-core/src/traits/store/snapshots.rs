//! Copies of everything, for backups.

use std::path::Path;

use async_trait::async_trait;

use crate::context::Context;
use crate::error::Result;
use crate::traits::Blob;
use crate::types::{Lineage, StoreCounts};

/// What a copy of a store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreCopy {
    /// The life of the store that was copied.
    pub lineage: Lineage,
    /// How the store is laid out, as a number that grows with releases.
    pub schema_version: u32,
    /// What was counted in the copy.
    pub counts: StoreCounts,
    /// The originals that documents in the copy refer to, each once, in the order of their hashes.
    pub originals: Vec<Blob>,
}

/// Copies of everything as it was at one moment, made while others read and write.
#[async_trait]
pub trait Snapshots: Send + Sync + std::fmt::Debug {
    /// Writes a copy to the file `to`, which must not exist, makes it durable and checks it. Nobody who writes waits for
    /// it. What is acknowledged before the call is in it, and of each later change all or nothing.
    ///
    /// # Errors
    /// `storage`: `disk_full`, `read_only`; `newer_schema` where a later release wrote the store; `corrupt` where the copy
    /// is not whole, and so neither is the store.
    ///
    /// # Cancellation
    /// The copying stops; what was written of the file stays behind.
    async fn copy_to(&self, ctx: &Context, to: &Path) -> Result<StoreCopy>;
}
