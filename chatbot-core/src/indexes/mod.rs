//! Indexes: projections of the store that find chunks.

#[cfg(feature = "local-index")]
mod best;
#[cfg(feature = "local-index")]
mod dense;
#[cfg(feature = "local-index")]
mod local;
#[cfg(feature = "local-index")]
#[cfg(test)]
mod tests;

#[cfg(feature = "local-index")]
pub use dense::DenseIndex;
#[cfg(feature = "local-index")]
pub use local::LocalIndex;
