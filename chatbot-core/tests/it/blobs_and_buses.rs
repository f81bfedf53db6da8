//! Blob stores and buses, by the suites that each must pass.

#![cfg(feature = "testing")]

use chatbot_core::blobs::FolderBlobs;
use chatbot_core::buses::MemoryBus;
use chatbot_core::testing::conformance;

#[tokio::test]
async fn a_folder_keeps_originals() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = FolderBlobs::open(dir.path().join("blobs")).await.unwrap();
    conformance::blob_store::blob_store(&blobs).await;
}

#[tokio::test]
async fn memory_carries_signals() {
    conformance::bus::bus(&MemoryBus::new()).await;
}
