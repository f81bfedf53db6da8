//! Documents inside documents, from the upload to the answer and to the end.

use std::io::{Cursor, Write as _};

use chatbot_core::traits::once;
use chatbot_core::types::{
    Document, DocumentId, DocumentStatus, ListDocuments, PageRequest, SearchRequest,
};
use chatbot_core::{Chatbot, Context, IngestOptions, NewDocument, Reason, WaitFor};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::settled;

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A message with a text and with this attached.
fn message(text: &str, attached: &str) -> String {
    format!(
        "From: a@b.c\nTo: d@e.f\nSubject: {text}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n\
         --x\nContent-Type: text/plain\n\n{text}\n--x\nContent-Type: text/plain; name=more.txt\n\n{attached}\n--x--\n"
    )
}

async fn open() -> Chatbot {
    Chatbot::builder().embedder("none").build().await.unwrap()
}

async fn add(chatbot: &Chatbot, source: &str, bytes: Vec<u8>) -> Document {
    let new = NewDocument { source: source.to_owned(), ..NewDocument::default() };
    let document = chatbot.add_document(&Context::local(), new, once(bytes)).await.unwrap();
    settled(chatbot, document.id).await
}

/// What lies directly inside a document, once nothing more happens to it, the oldest first.
async fn inside(chatbot: &Chatbot, id: DocumentId) -> Vec<Document> {
    let list = ListDocuments { parent_id: Some(id), ..ListDocuments::default() };
    let page = PageRequest::default();
    let mut parts = chatbot.documents(&Context::local(), &list, &page).await.unwrap().items;
    parts.reverse();
    for part in &mut parts {
        *part = settled(chatbot, part.id).await;
    }
    parts
}

fn sources(parts: &[Document]) -> Vec<&str> {
    parts.iter().map(|part| part.source.as_str()).collect()
}

async fn found(chatbot: &Chatbot, query: &str) -> Vec<String> {
    let hits = chatbot.search(&Context::local(), SearchRequest::new(query)).await.unwrap().hits;
    hits.into_iter().map(|hit| hit.title).collect()
}

#[tokio::test]
async fn each_file_of_an_archive_answers_for_itself() {
    let chatbot = open().await;
    let zip = archive(&[
        ("pumps/oil.txt", b"The cooling pump is oiled every 400 hours."),
        ("broken.pdf", b"%PDF-1.7 and nothing else"),
        ("letter.eml", message("The press arrived", "Its warranty ends in May.").as_bytes()),
        ("logo.png", b"\x89PNG\r\n\x1a\n1234"),
    ]);
    let outer = add(&chatbot, "outer.zip", zip.clone()).await;
    assert_eq!((outer.status, outer.part_count, outer.chunk_count), (DocumentStatus::Ready, 3, 0));
    assert!(outer.warnings[0].message.contains("logo.png"), "{:?}", outer.warnings);
    let parts = inside(&chatbot, outer.id).await;
    let expected = ["outer.zip/pumps/oil.txt", "outer.zip/broken.pdf", "outer.zip/letter.eml"];
    assert_eq!(sources(&parts), expected);
    assert!(parts.iter().all(|part| part.parent_id == Some(outer.id)));
    assert_eq!(parts[0].status, DocumentStatus::Ready);
    assert_eq!(parts[1].status, DocumentStatus::Failed);
    assert!(parts[1].error.as_ref().unwrap().reason.is_some(), "it says why on itself");
    assert_eq!(parts[2].title, "The press arrived");
    let attached = inside(&chatbot, parts[2].id).await;
    assert_eq!(sources(&attached), ["outer.zip/letter.eml/more.txt"]);
    assert_eq!(found(&chatbot, "cooling pump oiled").await, ["oil.txt"]);
    assert_eq!(found(&chatbot, "warranty").await, ["more.txt"]);
    let ctx = Context::local();
    let original = chatbot.original(&ctx, parts[0].id).await.unwrap();
    assert_eq!(original.bytes, "The cooling pump is oiled every 400 hours.");
    assert_eq!(chatbot.original(&ctx, outer.id).await.unwrap().bytes, zip);
    let again = add(&chatbot, "outer.zip", zip).await;
    assert_eq!(again.id, outer.id, "the same archive is the one that is there");
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn what_is_inside_is_replaced_and_deleted_with_what_is_around_it() {
    let (chatbot, ctx) = (open().await, Context::local());
    let first = archive(&[("same.txt", b"Copper conducts."), ("gone.txt", b"Glass insulates.")]);
    let outer = add(&chatbot, "metals.zip", first).await;
    let before = inside(&chatbot, outer.id).await;
    let second =
        archive(&[("same.txt", b"Copper conducts."), ("new.txt", b"Silver conducts best.")]);
    let new = NewDocument { source: "metals.zip".to_owned(), ..NewDocument::default() };
    chatbot.replace_document(&ctx, outer.id, new, once(second)).await.unwrap();
    let outer = settled(&chatbot, outer.id).await;
    assert_eq!((outer.version, outer.part_count), (2, 2));
    let after = inside(&chatbot, outer.id).await;
    assert_eq!(sources(&after), ["metals.zip/same.txt", "metals.zip/new.txt"]);
    assert_eq!(after[0], before[0], "nothing was done to it");
    assert!(found(&chatbot, "glass").await.is_empty());
    chatbot.restore_version(&ctx, outer.id, 1).await.unwrap();
    let back = inside(&chatbot, outer.id).await;
    assert_eq!(sources(&back), ["metals.zip/same.txt", "metals.zip/gone.txt"]);
    assert_eq!(found(&chatbot, "glass insulates").await, ["gone.txt"]);
    chatbot.delete_document(&ctx, back[1].id).await.unwrap();
    assert_eq!(chatbot.document(&ctx, outer.id).await.unwrap().part_count, 1);
    chatbot.delete_document(&ctx, outer.id).await.unwrap();
    let page = PageRequest::default();
    let left = chatbot.documents(&ctx, &ListDocuments::default(), &page).await.unwrap().items;
    assert!(left.is_empty(), "{left:?}");
    assert!(found(&chatbot, "copper").await.is_empty());
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn deleted_archives_leave_no_original_behind() {
    let folder = tempfile::tempdir().unwrap();
    let chatbot =
        Chatbot::builder().data_dir(folder.path()).embedder("none").build().await.unwrap();
    let zip = archive(&[
        ("a.txt", b"a secret"),
        ("b.txt", b"another"),
        ("c.eml", message("t", "x").as_bytes()),
    ]);
    let outer = add(&chatbot, "a.zip", zip).await;
    inside(&chatbot, outer.id).await;
    let n_originals = || walk(&folder.path().join("blobs"));
    assert_eq!(n_originals(), 5, "the archive, three files and what is attached");
    chatbot.delete_document(&Context::local(), outer.id).await.unwrap();
    chatbot.clear_up().await.unwrap();
    assert_eq!(n_originals(), 0);
    chatbot.close().await.unwrap();
}

/// Originals in the folder.
fn walk(folder: &std::path::Path) -> usize {
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let folders = folders.filter(|entry| entry.file_name().len() == 2);
    folders.map(|entry| std::fs::read_dir(entry.path()).unwrap().count()).sum()
}

#[tokio::test]
async fn an_archive_with_nothing_to_read_has_failed_and_says_why() {
    let chatbot = open().await;
    let pictures = archive(&[("a.png", b"\x89PNG\r\n\x1a\n1234")]);
    let document = add(&chatbot, "a.zip", pictures).await;
    assert_eq!(document.status, DocumentStatus::Failed);
    let failure = document.error.unwrap();
    assert_eq!(failure.reason, Some(Reason::UnsupportedFormat));
    assert!(failure.message.contains("none whose format can be read"), "{}", failure.message);
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn documents_lie_only_so_deep_in_documents() {
    let chatbot = open().await;
    let zip = |inner: &[u8]| archive(&[("a.eml", inner)]);
    let mut document = add(&chatbot, "deep.zip", zip(forwarded(6).as_bytes())).await;
    let mut depth = 0;
    loop {
        let parts = inside(&chatbot, document.id).await;
        let Some(part) = parts.into_iter().next() else { break };
        document = part;
        depth += 1;
        assert!(depth <= 4, "{document:?}");
    }
    assert_eq!(depth, 4);
    assert_eq!(document.status, DocumentStatus::Ready, "what it says itself can be read");
    assert_eq!(document.warnings[0].code, "parts_left_out", "{:?}", document.warnings);
    chatbot.close().await.unwrap();
}

/// Messages that were forwarded so often, each attached to the next.
fn forwarded(n: usize) -> String {
    let mut message = "From: a@b.c\nTo: d@e.f\nSubject: level 0\n\nThe core of it.\n".to_owned();
    for i in 1..=n {
        message = format!(
            "From: a@b.c\nTo: d@e.f\nSubject: level {i}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x{i}\n\n\
             --x{i}\nContent-Type: text/plain\n\nSee below.\n--x{i}\nContent-Type: message/rfc822\n\n{message}\n--x{i}--\n"
        );
    }
    message
}

#[tokio::test]
async fn ingesting_a_folder_waits_for_what_is_inside_its_files() {
    let (chatbot, folder) = (open().await, tempfile::tempdir().unwrap());
    let zip = archive(&[
        ("good.txt", b"Copper conducts."),
        ("bad.pdf", b"%PDF-1.7"),
        ("letter.eml", message("A letter", "Its attachment.").as_bytes()),
    ]);
    std::fs::write(folder.path().join("a.zip"), zip).unwrap();
    let options = IngestOptions { wait: WaitFor::Searchable, ..IngestOptions::default() };
    let report = chatbot.ingest_with(&Context::local(), folder.path(), options).await.unwrap();
    let mut titles: Vec<_> = report.documents.iter().map(|d| d.title.as_str()).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["A letter", "a.zip", "good.txt", "more.txt"]);
    assert_eq!(report.failed.len(), 1);
    assert!(report.failed[0].0.ends_with("a.zip/bad.pdf"));
    assert_eq!(found(&chatbot, "copper conducts").await, ["good.txt"]);
    chatbot.close().await.unwrap();
}
