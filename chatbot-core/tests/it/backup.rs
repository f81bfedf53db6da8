//! Backups of an engine that runs, and what comes back from them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chatbot_core::types::{
    BackupReport, BlobHash, DocumentStatus, ListDocuments, MessageState, PageRequest,
    RestoreReport, SearchRequest, Strategy,
};
use chatbot_core::{
    Chatbot, Context, ErrorKind, NewDocument, Reason, Restore, Result, TurnRequest, backup, restore,
};
use futures_util::StreamExt as _;
use tempfile::TempDir;

const PUMP: &str = "The cooling pump must be oiled every 400 hours.";

/// A folder with room for data and backups.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn open(&self, data: &str) -> Chatbot {
        let builder = Chatbot::builder().data_dir(self.path(data)).embedder("none");
        builder.build().await.unwrap()
    }

    async fn backup(&self, data: &str, target: &str) -> Result<BackupReport> {
        backup(&Context::local(), self.path(data), self.path(target), &|_| ()).await
    }

    async fn restore(&self, from: &str, data: &str) -> Result<RestoreReport> {
        self.restore_with(from, data, false).await
    }

    async fn restore_with(&self, from: &str, data: &str, set_aside: bool) -> Result<RestoreReport> {
        let plan = Restore { backup: self.path(from), data_dir: self.path(data), set_aside };
        restore(&Context::local(), plan, &|_| ()).await
    }
}

async fn add(chatbot: &Chatbot, name: &str, text: &str) -> chatbot_core::types::DocumentId {
    let new = NewDocument { source: format!("{name}.txt"), ..NewDocument::default() };
    chatbot.add_text(&Context::local(), new, text).await.unwrap().id
}

async fn settled(chatbot: &Chatbot, id: chatbot_core::types::DocumentId) {
    let states = chatbot.watch_document(&Context::local(), id).await.unwrap();
    let last = states.collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last.status, DocumentStatus::Ready);
}

async fn found(chatbot: &Chatbot, query: &str) -> Vec<String> {
    let request = SearchRequest::new(query);
    let reply = chatbot.search(&Context::local(), request).await.unwrap();
    reply.hits.into_iter().map(|hit| hit.text).collect()
}

/// Waits until the index was built again.
async fn eventually_found(chatbot: &Chatbot, query: &str) -> Vec<String> {
    for _ in 0..500 {
        let found = found(chatbot, query).await;
        if !found.is_empty() {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("nothing is found for {query}");
}

/// Asks until the index was built again: before, there may be nothing to answer from.
async fn answers_at_last(chatbot: &Chatbot) {
    for _ in 0..500 {
        let question = TurnRequest::new("How often must the pump be oiled?");
        if chatbot.ask(question).await.unwrap().content.contains("400 hours") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it never answers");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn everything_comes_back_and_begins_a_new_life() {
    let bench = Bench::new();
    let chatbot = bench.open("data").await;
    let pump = add(&chatbot, "pump", PUMP).await;
    settled(&chatbot, pump).await;
    let asked = chatbot.ask(TurnRequest::new("How often must the pump be oiled?")).await.unwrap();
    let made = chatbot.backup(&Context::local(), bench.path("backup")).await.unwrap();
    assert_eq!((made.counts.documents, made.counts.messages, made.originals), (1, 2, 1));
    let later = add(&chatbot, "later", "This came after the backup.").await;
    chatbot.close().await.unwrap();

    assert_eq!(
        names(&bench.path("backup")),
        ["manifest.json", "manifest.json.sha256", "originals", "store.db"]
    );
    let restored = bench.restore("backup", "new").await.unwrap();
    assert_eq!((restored.counts, restored.originals), (made.counts, 1));
    assert_ne!(restored.lineage, made.lineage);
    let second = bench.backup("new", "backup of the new life").await.unwrap();
    assert_eq!(second.lineage, restored.lineage);
    // An index of the earlier life that somebody copied along has to notice.
    let index = bench.path("data").join("index");
    std::fs::rename(&index, bench.path("new").join("index")).unwrap();
    let again = bench.open("new").await;
    assert!(found(&again, "what came after the backup").await.iter().all(|text| text == PUMP));
    answers_at_last(&again).await;
    let ctx = Context::local();
    assert_eq!(again.original(&ctx, pump).await.unwrap().bytes, PUMP);
    assert_eq!(again.message(&ctx, asked.id).await.unwrap().content, asked.content);
    assert_eq!(again.document(&ctx, later).await.unwrap_err().kind(), ErrorKind::NotFound);
    again.close().await.unwrap();
}

#[tokio::test]
async fn turns_and_jobs_of_the_process_that_was_copied_are_ended_and_taken_over() {
    use chatbot_core::testing::{ScriptedModel, Step};
    let bench = Bench::new();
    let model = ScriptedModel::new(vec![Step::Text("So far. ".to_owned()), Step::Hang]);
    let builder = Chatbot::builder().data_dir(bench.path("data")).embedder("none");
    let chatbot = builder.custom_model(model).build().await.unwrap();
    let ctx = Context::local();
    let request = TurnRequest { strategy: Strategy::None, ..TurnRequest::new("Well?") };
    let turn = chatbot.chat(&ctx, request).await.unwrap();
    let id = turn.message_id;
    let queued = add(&chatbot, "queued", PUMP).await;
    bench.backup("data", "backup").await.unwrap();
    drop(turn);
    chatbot.close().await.unwrap();
    bench.restore("backup", "new").await.unwrap();
    let again = bench.open("new").await;
    settled(&again, queued).await;
    let message = again.message(&ctx, id).await.unwrap();
    assert_eq!(message.state, MessageState::Failed);
    assert_eq!(message.error.unwrap().reason, Some(Reason::LeaseLost));
    again.close().await.unwrap();
}

#[tokio::test]
async fn a_backup_under_uploads_and_deletes_is_of_one_moment() {
    let bench = Bench::new();
    let chatbot = bench.open("data").await;
    for number in 0..40 {
        add(&chatbot, &number.to_string(), &format!("{PUMP} It is number {number}.")).await;
    }
    let done = Arc::new(AtomicBool::new(false));
    let churn = tokio::spawn({
        let (chatbot, done) = (chatbot.clone(), done.clone());
        async move {
            let ctx = Context::local();
            let mut number = 40;
            while !done.load(Ordering::Relaxed) {
                let text = format!("{PUMP} It is number {number}.");
                let id = add(&chatbot, &number.to_string(), &text).await;
                number += 1;
                if number % 3 == 0 {
                    chatbot.delete_document(&ctx, id).await.unwrap();
                }
                let all = ListDocuments::default();
                let oldest = chatbot.documents(&ctx, &all, &PageRequest::default()).await.unwrap();
                if let Some(last) = oldest.items.last() {
                    chatbot.delete_document(&ctx, last.id).await.unwrap();
                }
            }
        }
    });
    for round in 0..3 {
        bench.backup("data", &format!("backup {round}")).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    churn.await.unwrap();
    chatbot.close().await.unwrap();
    for round in 0..3 {
        each_document_is_whole(&bench, round).await;
    }
}

async fn each_document_is_whole(bench: &Bench, round: u32) {
    let data = format!("restored {round}");
    let report = bench.restore(&format!("backup {round}"), &data).await.unwrap();
    let again = bench.open(&data).await;
    let ctx = Context::local();
    let mut page = PageRequest::new(200, None).unwrap();
    let mut n_documents = 0;
    loop {
        let found = again.documents(&ctx, &ListDocuments::default(), &page).await.unwrap();
        for document in &found.items {
            let bytes = again.original(&ctx, document.id).await.unwrap().bytes;
            assert_eq!(bytes.len() as u64, document.size_bytes);
            settled(&again, document.id).await;
            let text = again.text(&ctx, document.id, None, None).await.unwrap();
            assert_eq!(text.as_bytes(), bytes);
            n_documents += 1;
        }
        match found.next_cursor {
            Some(cursor) => page = PageRequest::new(200, Some(cursor)).unwrap(),
            None => break,
        }
    }
    assert_eq!(n_documents, report.counts.documents);
    again.close().await.unwrap();
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_touches_nothing() {
    let bench = Bench::new();
    let chatbot = bench.open("data").await;
    add(&chatbot, "pump", PUMP).await;
    chatbot.close().await.unwrap();
    bench.backup("data", "backup").await.unwrap();
    let store = bench.path("backup").join("store.db");
    let mut bytes = std::fs::read(&store).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&store, bytes).unwrap();
    for (data, set_aside) in [("new", false), ("data", true)] {
        let error = bench.restore_with("backup", data, set_aside).await.unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Storage, Some(Reason::Corrupt)));
        assert!(error.message().contains("store.db"), "{error}");
    }
    assert!(!bench.path("new").exists());
    bench.open("data").await.close().await.unwrap();
    let error = bench.restore("data", "new").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "it is no backup");
}

#[tokio::test]
async fn a_backup_of_a_later_release_is_refused() {
    let bench = Bench::new();
    bench.open("data").await.close().await.unwrap();
    let made = bench.backup("data", "backup").await.unwrap();
    let manifest = bench.path("backup").join("manifest.json");
    let ours = format!("\"schema_version\": {}", made.schema_version);
    let later = std::fs::read_to_string(&manifest).unwrap();
    let later = later.replace(&ours, "\"schema_version\": 1000");
    let hash = format!("{}  manifest.json\n", BlobHash::of(later.as_bytes()));
    std::fs::write(bench.path("backup").join("manifest.json.sha256"), hash).unwrap();
    std::fs::write(&manifest, later).unwrap();
    let error = bench.restore("backup", "new").await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::NewerSchema));
    assert!(error.message().contains("newer release"), "{error}");
    assert!(!bench.path("new").exists());
}

#[tokio::test]
async fn what_is_there_is_kept_or_set_aside() {
    let bench = Bench::new();
    let chatbot = bench.open("data").await;
    let old = add(&chatbot, "pump", PUMP).await;
    settled(&chatbot, old).await;
    chatbot.close().await.unwrap();
    bench.backup("data", "backup").await.unwrap();
    let chatbot = bench.open("data").await;
    let new = add(&chatbot, "later", "This came after the backup.").await;
    chatbot.close().await.unwrap();

    let refused = bench.restore("backup", "data").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    let report = bench.restore_with("backup", "data", true).await.unwrap();
    let aside = report.set_aside.unwrap();
    assert!(aside.starts_with(bench.path("data")) && aside.join("store.db").exists());
    let ctx = Context::local();
    let chatbot = bench.open("data").await;
    assert_eq!(chatbot.original(&ctx, old).await.unwrap().bytes, PUMP);
    assert_eq!(chatbot.document(&ctx, new).await.unwrap_err().kind(), ErrorKind::NotFound);
    chatbot.close().await.unwrap();
    let before = Chatbot::builder().data_dir(aside).embedder("none").build().await.unwrap();
    assert!(before.document(&ctx, new).await.is_ok());
    before.close().await.unwrap();
}

#[tokio::test]
async fn a_restore_that_was_cut_short_says_so_until_it_is_done_again() {
    let bench = Bench::new();
    let chatbot = bench.open("data").await;
    let pump = add(&chatbot, "pump", PUMP).await;
    settled(&chatbot, pump).await;
    chatbot.close().await.unwrap();
    bench.backup("data", "backup").await.unwrap();
    // Stopped at the first file that is copied: what was there is set aside already.
    let ctx = Context::local();
    let stop = |_| ctx.cancel();
    let plan =
        Restore { backup: bench.path("backup"), data_dir: bench.path("data"), set_aside: true };
    let stopped = restore(&ctx, plan, &stop).await.unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Cancelled);
    let open = Chatbot::builder().data_dir(bench.path("data")).build().await;
    let refused = open.unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::RestoreUnfinished));
    assert!(refused.message().contains("replaced-"), "{refused}");
    let refused = bench.backup("data", "another").await.unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::RestoreUnfinished));
    bench.restore("backup", "data").await.unwrap();
    let again = bench.open("data").await;
    assert_eq!(eventually_found(&again, "oil the pump").await, [PUMP]);
    again.close().await.unwrap();
}

#[tokio::test]
async fn no_backup_is_made_where_it_would_be_lost_or_of_nothing() {
    let bench = Bench::new();
    let error = bench.backup("data", "backup").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!bench.path("data").exists(), "looking makes no data directory");
    bench.open("data").await.close().await.unwrap();
    for (target, kind) in [
        ("data/backup", ErrorKind::InvalidInput),
        ("data", ErrorKind::InvalidInput),
        ("no/such/folder", ErrorKind::NotFound),
    ] {
        let error = bench.backup("data", target).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{target}: {error}");
    }
    bench.backup("data", "backup").await.unwrap();
    let error = bench.backup("data", "backup").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(names(bench.folder.path()), ["backup", "data"], "nothing else is left behind");
}

#[tokio::test]
async fn a_lost_original_fails_the_backup_and_leaves_nothing() {
    let bench = Bench::new();
    let chatbot = bench.open("data").await;
    add(&chatbot, "pump", PUMP).await;
    chatbot.close().await.unwrap();
    let blobs = bench.path("data").join("blobs");
    for folder in names(&blobs).iter().filter(|name| name.len() == 2) {
        std::fs::remove_dir_all(blobs.join(folder)).unwrap();
    }
    let error = bench.backup("data", "backup").await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::Corrupt));
    assert_eq!(names(bench.folder.path()), ["data"]);
}
