//! Deleting while somebody is being answered.

use std::time::Duration;

use chatbot_core::blobs::FolderBlobs;
use chatbot_core::testing::ScriptedModel;
use chatbot_core::traits::{BlobStore as _, once};
use chatbot_core::types::{Event, EventKind, ListSessions, MessageState, PageRequest};
use chatbot_core::{Chatbot, Context, ErrorKind, TurnRequest};
use futures_util::StreamExt as _;

use crate::support::add;

const TEXT: &str = "Copper conducts heat well. Glass does not. Silver conducts best of all metals.";
const QUESTION: &str = "Which metals conduct heat well?";

async fn answering() -> (Chatbot, chatbot_core::types::DocumentId) {
    let long = "Copper conducts heat well [1]. ".repeat(400);
    let model = ScriptedModel::slow(&long, Duration::from_millis(5));
    let chatbot = Chatbot::builder().embedder("none").custom_model(model).build().await.unwrap();
    let document = add(&chatbot, "metals", TEXT).await;
    (chatbot, document.id)
}

/// Deletes the document once the answer has begun, and gives the message as it ended and as it is stored.
async fn ended(purge: bool) -> [chatbot_core::types::Message; 2] {
    let (ctx, (chatbot, id)) = (Context::local(), answering().await);
    let mut events = chatbot.chat(&ctx, TurnRequest::new(QUESTION)).await.unwrap().detach();
    let mut deleted = false;
    loop {
        let event = events.next().await.unwrap().event;
        if !deleted && event.kind() == EventKind::Citation {
            let done = match purge {
                true => chatbot.purge_document(&ctx, id).await,
                false => chatbot.delete_document(&ctx, id).await,
            };
            done.unwrap();
            deleted = true;
        }
        if let Event::Failed { error, message } = event {
            assert_eq!(
                error.code,
                ErrorKind::Cancelled,
                "an answer never goes on from what is gone"
            );
            assert!(error.message.contains("was deleted"), "whoever reads it knows why: {error:?}");
            let stored = chatbot.message(&ctx, message.id).await.unwrap();
            let list = ListSessions { q: Some("copper conducts".to_owned()) };
            let found = chatbot.sessions(&ctx, &list, &PageRequest::default()).await.unwrap();
            assert!(found.items.is_empty(), "it is not found by its words any more");
            chatbot.close().await.unwrap();
            return [*message, stored];
        }
    }
}

#[tokio::test]
async fn an_answer_that_rests_on_a_deleted_document_ends() {
    for message in ended(false).await {
        assert_eq!(message.state, MessageState::Cancelled);
        assert!(message.content.starts_with("Copper"), "what was said was said");
        assert!(message.sources.iter().all(|source| source.deleted && source.text.is_empty()));
        assert!(message.citations.iter().all(|citation| citation.quote.is_empty()));
    }
}

#[tokio::test]
async fn an_answer_that_rests_on_a_purged_document_is_empty() {
    for message in ended(true).await {
        assert_eq!(message.state, MessageState::Cancelled);
        assert!(message.content.is_empty() && message.sources.is_empty());
        assert_eq!(message.warnings[0].code, "purged");
    }
}

#[tokio::test]
async fn an_original_that_its_upload_left_without_a_row_goes() {
    let (ctx, folder) = (Context::local(), tempfile::tempdir().unwrap());
    let blobs = FolderBlobs::beside(folder.path().join("blobs"));
    let chatbot =
        Chatbot::builder().data_dir(folder.path()).embedder("none").build().await.unwrap();
    add(&chatbot, "metals", TEXT).await;
    let kept = blobs.list(&ctx, None, 9).await.unwrap();
    assert_eq!(kept.len(), 1);
    let loose = blobs.put(&ctx, once("the process died here"), 99).await.unwrap();
    chatbot.clear_up().await.unwrap();
    assert_eq!(blobs.list(&ctx, None, 9).await.unwrap(), kept);
    assert_eq!(blobs.get(&ctx, loose.hash).await.unwrap_err().kind(), ErrorKind::NotFound);
    chatbot.close().await.unwrap();
}
