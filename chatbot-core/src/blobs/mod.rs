//! Blob stores: where originals are kept.

mod folder;

pub use folder::FolderBlobs;
