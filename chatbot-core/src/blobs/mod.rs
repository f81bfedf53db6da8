//! Blob stores: where originals are kept.
