//! A disk that is really full, below all parts of an engine at once: the store, the originals, and both indexes.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use chatbot_core::testing::ScriptedEmbedder;
use chatbot_core::types::{
    DocumentStatus, ListDocuments, MessageState, PageRequest, SearchRequest,
};
use chatbot_core::{Chatbot, Context, ErrorKind, NewDocument, Reason};

use crate::support::{add, settled};

const PUMP: &str = "The cooling pump must be oiled every 400 hours.";
/// What the disk holds.
const DISK_BYTES: usize = 24 << 20;

/// A small file system of its own; gone with this value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where whoever runs the tests may not mount one.
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={DISK_BYTES}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(dir.path())
            .output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all but so many bytes.
    fn fill(&self, n_left: usize) {
        let path = self.path().join("filler");
        let mut n_bytes = DISK_BYTES;
        // The last pages that fit are found by halving.
        std::fs::write(&path, vec![0; n_bytes]).ok();
        let has: usize = std::fs::metadata(&path).unwrap().len().try_into().unwrap();
        n_bytes = has.saturating_sub(n_left);
        std::fs::File::options().write(true).open(&path).unwrap().set_len(n_bytes as u64).unwrap();
    }

    fn free(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.path()).status().ok();
    }
}

#[tokio::test]
async fn an_engine_on_a_full_disk_answers_refuses_and_recovers() {
    let Some(disk) = SmallDisk::mount() else {
        println!("SKIPPED: a full disk is not tried, because no file system can be mounted here");
        return;
    };
    let data = disk.path().join("data");
    let build =
        || Chatbot::builder().data_dir(&data).custom_embedder(ScriptedEmbedder::default()).build();
    let (chatbot, ctx) = (build().await.unwrap(), Context::local());
    add(&chatbot, "manual", PUMP).await;
    for n_left in [0, 4 << 10, 64 << 10, 256 << 10] {
        disk.fill(n_left);
        let mut refused = None;
        for n in 0..200 {
            let text = format!(
                "Turbine {n_left} {n} is cleaned weekly. {}",
                "Weekly it is cleaned. ".repeat(2_000)
            );
            if let Err(error) = chatbot.add_text(&ctx, NewDocument::default(), &text).await {
                refused = Some(error);
                break;
            }
        }
        let error = refused.expect("there is no room for that many");
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Storage, Some(Reason::DiskFull)));
        let hits = chatbot.search(&ctx, SearchRequest::new("cooling pump")).await.unwrap().hits;
        assert_eq!(hits[0].text, PUMP, "searches go on");
        match chatbot.ask("How often must the cooling pump be oiled?").await {
            Ok(answer) => {
                assert!([MessageState::Complete, MessageState::Failed].contains(&answer.state))
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Storage),
        }
        disk.free();
    }
    // What was taken in meanwhile is finished now that there is room, and all of it is found.
    let all =
        chatbot.documents(&ctx, &ListDocuments::default(), &PageRequest::default()).await.unwrap();
    for document in all.items {
        let document = settled(&chatbot, document.id).await;
        assert_eq!(document.status, DocumentStatus::Ready, "{:?}", document.error);
        let title = document.title;
        assert_eq!(document.coverage.dense, 1.0, "{title}");
    }
    let late = add(&chatbot, "late", "The last lighthouse was built late.").await;
    assert_eq!(late.status, DocumentStatus::Ready);
    let hits = chatbot.search(&ctx, SearchRequest::new("lighthouse")).await.unwrap().hits;
    assert_eq!(hits[0].title, "late");
    let answer = chatbot.ask("How often must the cooling pump be oiled?").await.unwrap();
    assert!(answer.content.starts_with(PUMP));
    chatbot.close().await.unwrap();
    drop(chatbot);
    let chatbot = build().await.unwrap();
    let hits = chatbot.search(&ctx, SearchRequest::new("lighthouse")).await.unwrap().hits;
    assert_eq!(hits[0].title, "late");
    chatbot.close().await.unwrap();
}
