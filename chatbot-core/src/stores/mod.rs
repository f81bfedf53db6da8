//! Stores: the truth.
//!
//! One folder per database. What they must do is written once, in
//! [`Store`](crate::traits::Store) and its conformance suite.

#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteFile, SqliteStore};
