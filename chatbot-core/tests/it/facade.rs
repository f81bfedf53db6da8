//! The whole path through the facade: what goes in is found, quoted, replaced and forgotten.

use chatbot_core::traits::{TurnTarget, once};
use chatbot_core::types::{
    CollectionPatch, DocumentPatch, DocumentStatus, Filter, ListDocuments, MediaType, MessageState,
    NewCollection, PageRequest, SearchRequest, SessionPatch, Strategy,
};
use chatbot_core::{Chatbot, Context, ErrorKind, NewDocument, Reason, TurnRequest};
use serde_json::json;

use crate::support::{add, settled};

const PUMP: &str =
    "The cooling pump must be oiled every 400 hours. The filter is changed in spring.";

#[tokio::test]
async fn a_folder_is_asked_in_ten_lines() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("manual.txt"), PUMP).unwrap();
    std::fs::write(folder.path().join("empty.txt"), "").unwrap();

    let chatbot = Chatbot::builder().build().await.unwrap();
    let report = chatbot.ingest(folder.path()).await.unwrap();
    assert_eq!(report.documents.len(), 1);
    assert_eq!(report.failed[0].1.reason, Some(Reason::Empty));

    let answer = chatbot.ask("How often must the cooling pump be oiled?").await.unwrap();
    assert_eq!(answer.state, MessageState::Complete);
    assert!(answer.content.starts_with("The cooling pump must be oiled every 400 hours."));
    assert_eq!(answer.citations[0].quote, "The cooling pump must be oiled every 400 hours.");
    assert!(answer.citations[0].verified);
    assert_eq!(answer.sources[0].title, "manual.txt");
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn what_is_not_in_the_documents_is_not_answered() {
    let chatbot = Chatbot::builder().build().await.unwrap();
    let nothing = chatbot.ask("Who was the first emperor of Rome?").await.unwrap();
    assert!(nothing.abstained && nothing.citations.is_empty());
    add(&chatbot, "manual", PUMP).await;
    let foreign = chatbot.ask("Who was the first emperor of Rome?").await.unwrap();
    assert!(foreign.abstained, "{}", foreign.content);
}

#[tokio::test]
async fn a_new_version_replaces_the_old_one_and_a_deleted_document_never_answers() {
    let (chatbot, ctx) = (Chatbot::builder().build().await.unwrap(), Context::local());
    let document = add(&chatbot, "manual", PUMP).await;
    assert_eq!((document.status, document.version), (DocumentStatus::Ready, 1));
    let new = NewDocument { source: "manual.txt".to_owned(), ..NewDocument::default() };
    let text = once("The cooling pump must be oiled every 900 hours.");
    chatbot.replace_document(&ctx, document.id, new, text).await.unwrap();
    let document = settled(&chatbot, document.id).await;
    assert_eq!((document.status, document.version), (DocumentStatus::Ready, 2));
    let old = chatbot.text(&ctx, document.id, Some(1), None).await.unwrap();
    assert_eq!(old, PUMP, "messages quote it");
    let hits = chatbot.search(&ctx, SearchRequest::new("pump hours")).await.unwrap().hits;
    assert_eq!(hits.len(), 1);
    assert!(hits[0].text.contains("900"));

    let answer = chatbot.ask("How often must the cooling pump be oiled?").await.unwrap();
    chatbot.delete_document(&ctx, document.id).await.unwrap();
    let hits = chatbot.search(&ctx, SearchRequest::new("pump hours")).await.unwrap().hits;
    assert!(hits.is_empty());
    let kind = chatbot.document(&ctx, document.id).await.map_err(|e| e.kind()).map(drop);
    assert_eq!(kind, Err(ErrorKind::NotFound));
    let kept = chatbot.message(&ctx, answer.id).await.unwrap();
    assert!(kept.sources.iter().all(|source| source.deleted && source.text.is_empty()));
    assert!(kept.citations.iter().all(|citation| citation.quote.is_empty()));
}

#[tokio::test]
async fn the_same_document_again_is_the_one_that_exists() {
    let chatbot = Chatbot::builder().build().await.unwrap();
    let first = add(&chatbot, "manual", PUMP).await;
    let again = add(&chatbot, "manual", PUMP).await;
    let other_title = add(&chatbot, "handbook", PUMP).await;
    assert_eq!(first.id, again.id);
    assert_ne!(first.id, other_title.id);
}

#[tokio::test]
async fn collections_and_filters_narrow_a_search() {
    let (chatbot, ctx) = (Chatbot::builder().build().await.unwrap(), Context::local());
    let new = NewCollection {
        name: "Plant".to_owned(),
        description: String::new(),
        visibility: chatbot_core::types::Visibility::Private,
    };
    let plant = chatbot.create_collection(&ctx, new, None).await.unwrap();
    for (year, collection_id) in [(2023, None), (2024, Some(plant.id))] {
        let metadata = serde_json::json!({"year": year}).as_object().unwrap().clone();
        let title = Some(format!("Report {year}"));
        let new = NewDocument { collection_id, title, metadata, ..NewDocument::default() };
        let document = chatbot.add_text(&ctx, new, "The turbine was inspected.").await.unwrap();
        settled(&chatbot, document.id).await;
    }
    let titles = async |request: SearchRequest| {
        let hits = chatbot.search(&ctx, request).await.unwrap().hits;
        let mut titles: Vec<_> = hits.into_iter().map(|hit| hit.title).collect();
        titles.sort();
        titles
    };
    let search = SearchRequest::new("turbine");
    assert_eq!(titles(search.clone()).await, ["Report 2023", "Report 2024"]);
    let here = SearchRequest { collection_ids: Some(vec![plant.id]), ..search.clone() };
    assert_eq!(titles(here).await, ["Report 2024"]);
    let filter = serde_json::json!({"op": "lt", "key": "year", "value": 2024});
    let early = SearchRequest { filter: Some(Filter::parse(&filter).unwrap()), ..search.clone() };
    assert_eq!(titles(early).await, ["Report 2023"]);
    let unknown = SearchRequest {
        collection_ids: Some(vec![chatbot_core::types::CollectionId::new()]),
        ..search
    };
    let kind = chatbot.search(&ctx, unknown).await.map(drop).map_err(|e| e.kind());
    assert_eq!(kind, Err(ErrorKind::NotFound));

    chatbot.delete_collection(&ctx, plant.id).await.unwrap();
    assert_eq!(titles(SearchRequest::new("turbine")).await, ["Report 2023"]);
}

#[tokio::test]
async fn every_operator_of_a_filter_narrows_a_search() {
    let (chatbot, ctx) =
        (Chatbot::builder().embedder("none").build().await.unwrap(), Context::local());
    for (title, metadata) in [
        ("bare", json!({})),
        ("old", json!({"year": 1999, "tags": ["red"], "by": {"name": "Ada"}})),
        ("new", json!({"year": 2024.0, "tags": ["red", "blue"], "by": {"name": "Bo"}})),
    ] {
        let metadata = metadata.as_object().unwrap().clone();
        let new = NewDocument { title: Some(title.to_owned()), metadata, ..NewDocument::default() };
        let document = chatbot.add_text(&ctx, new, "The turbine was inspected.").await.unwrap();
        settled(&chatbot, document.id).await;
    }
    let is_new = json!({"op": "eq", "key": "year", "value": 2024});
    let is_red = json!({"op": "eq", "key": "tags", "value": "red"});
    for (filter, expected) in [
        (is_new.clone(), &["new"][..]),
        (json!({"op": "ne", "key": "year", "value": 2024}), &["bare", "old"]),
        (json!({"op": "gt", "key": "year", "value": 1999}), &["new"]),
        (json!({"op": "gte", "key": "year", "value": 1999}), &["new", "old"]),
        (json!({"op": "lt", "key": "year", "value": 2024}), &["old"]),
        (json!({"op": "lte", "key": "year", "value": 2024}), &["new", "old"]),
        (json!({"op": "in", "key": "by.name", "value": ["Ada", "Cy"]}), &["old"]),
        (json!({"op": "nin", "key": "by.name", "value": ["Ada", "Cy"]}), &["bare", "new"]),
        (json!({"op": "exists", "key": "year"}), &["new", "old"]),
        (json!({"op": "exists", "key": "year", "value": false}), &["bare"]),
        (json!({"op": "and", "filters": [is_new, is_red]}), &["new"]),
        (
            json!({"op": "or", "filters": [is_new, {"op": "lt", "key": "by.name", "value": "B"}]}),
            &["new", "old"],
        ),
        (json!({"op": "not", "filters": [is_red]}), &["bare"]),
        (json!({"op": "and", "filters": [is_red, {"op": "not", "filters": [is_red]}]}), &[]),
    ] {
        let parsed = Some(Filter::parse(&filter).unwrap());
        let search = SearchRequest { filter: parsed, ..SearchRequest::new("turbine") };
        let hits = chatbot.search(&ctx, search).await.unwrap().hits;
        let mut titles: Vec<_> = hits.iter().map(|hit| hit.title.as_str()).collect();
        titles.sort_unstable();
        assert_eq!(titles, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_closed_engine_has_let_go_of_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Chatbot::builder().data_dir(folder.path()).build();
    let (closed, ctx) = (open().await.unwrap(), Context::local());
    add(&closed, "manual", PUMP).await;
    closed.close().await.unwrap();
    assert!(!folder.path().join("store.db-wal").exists(), "the log is in the database");
    // The first one is still there: nothing relies on its being dropped.
    let next = open().await.unwrap();
    add(&next, "letter", "The turbine is cleaned every week.").await;
    let hits = next.search(&ctx, SearchRequest::new("pump turbine")).await.unwrap().hits;
    assert_eq!(hits.len(), 2);
    let late = closed.documents(&ctx, &ListDocuments::default(), &PageRequest::default()).await;
    assert_eq!(late.map(drop).map_err(|error| error.kind()), Err(ErrorKind::Unavailable));
    closed.close().await.unwrap();
    next.close().await.unwrap();
}

#[tokio::test]
async fn everything_is_there_after_a_restart_even_without_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Chatbot::builder().data_dir(folder.path()).build();
    let chatbot = open().await.unwrap();
    add(&chatbot, "manual", PUMP).await;
    let answer = chatbot.ask("How often must the cooling pump be oiled?").await.unwrap();
    chatbot.close().await.unwrap();
    drop(chatbot);
    std::fs::remove_dir_all(folder.path().join("index")).unwrap();

    let (chatbot, ctx) = (open().await.unwrap(), Context::local());
    assert_eq!(chatbot.message(&ctx, answer.id).await.unwrap().content, answer.content);
    for _ in 0..200 {
        if !chatbot.search(&ctx, SearchRequest::new("pump")).await.unwrap().hits.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the index was not rebuilt");
}

#[tokio::test]
async fn sessions_are_continued_branched_and_searched() {
    let (chatbot, ctx) = (Chatbot::builder().build().await.unwrap(), Context::local());
    add(&chatbot, "manual", PUMP).await;
    let first = chatbot.ask("How often must the cooling pump be oiled?").await.unwrap();
    let again = TurnRequest::new("When is the filter changed?").in_session(first.session_id);
    let second = chatbot.ask(again).await.unwrap();
    let page = PageRequest::default();
    let branch = chatbot.messages(&ctx, first.session_id, None, &page).await.unwrap().items;
    assert_eq!(branch.len(), 4);
    assert_eq!(branch[2].parent_id, Some(first.id));

    let target = TurnTarget::Regenerate { session: first.session_id, message: second.id };
    let regenerated = chatbot.ask(TurnRequest { target, ..TurnRequest::new("") }).await.unwrap();
    assert_eq!(regenerated.parent_id, second.parent_id);
    let target = TurnTarget::Edit { session: first.session_id, message: branch[2].id };
    let edit = TurnRequest { target, ..TurnRequest::new("When is the pump oiled?") };
    let edited = chatbot.ask(edit).await.unwrap();
    let branch = chatbot.messages(&ctx, first.session_id, None, &page).await.unwrap().items;
    assert_eq!(branch.last().map(|message| message.id), Some(edited.id));
    assert_eq!(branch[2].sibling_ids.len(), 2);
    let old = chatbot.messages(&ctx, first.session_id, Some(regenerated.id), &page).await.unwrap();
    assert_eq!(old.items[3].sibling_ids, [second.id, regenerated.id]);

    let list = |q: &str| chatbot_core::types::ListSessions { q: Some(q.to_owned()) };
    let found = chatbot.sessions(&ctx, &list("FILTER"), &page).await.unwrap().items;
    assert!(found[0].snippet.as_ref().is_some_and(|s| s.text.to_lowercase().contains("filter")));
    assert!(chatbot.sessions(&ctx, &list("100%"), &page).await.unwrap().items.is_empty());
    chatbot.delete_session(&ctx, first.session_id).await.unwrap();
    assert!(chatbot.sessions(&ctx, &list("filter"), &page).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn somebody_else_sees_nothing_of_it() {
    let chatbot = Chatbot::builder().build().await.unwrap();
    let document = add(&chatbot, "manual", PUMP).await;
    let answer = chatbot.ask("How often must the cooling pump be oiled?").await.unwrap();
    let other = Context::new(chatbot_core::types::PrincipalId::new("other"));
    let search = SearchRequest::new("pump");
    assert!(chatbot.search(&other, search.clone()).await.unwrap().hits.is_empty());
    let forced = SearchRequest { collection_ids: Some(vec![document.collection_id]), ..search };
    let not_found = Err(ErrorKind::NotFound);
    let kind = |e: chatbot_core::Error| e.kind();
    assert_eq!(chatbot.search(&other, forced).await.map(drop).map_err(kind), not_found);
    assert_eq!(chatbot.document(&other, document.id).await.map(drop).map_err(kind), not_found);
    assert_eq!(chatbot.delete_document(&other, document.id).await.map_err(kind), not_found);
    assert_eq!(chatbot.message(&other, answer.id).await.map(drop).map_err(kind), not_found);
    assert_eq!(chatbot.follow(&other, answer.id, 0).await.map(drop).map_err(kind), not_found);
    assert_eq!(chatbot.stop(&other, answer.id).await.map_err(kind), not_found);
    let reply = TurnRequest::new("And the filter?").in_session(answer.session_id);
    assert_eq!(chatbot.chat(&other, reply).await.map(drop).map_err(kind), not_found);
    let (list, page) = (ListDocuments::default(), PageRequest::default());
    assert!(chatbot.documents(&other, &list, &page).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_stored() {
    let (chatbot, ctx) = (Chatbot::builder().build().await.unwrap(), Context::local());
    let ask = |request: TurnRequest| chatbot.chat(&ctx, request);
    let cases = [
        (TurnRequest::new(" \n"), ErrorKind::InvalidInput),
        (TurnRequest::new("x".repeat(1 << 20)), ErrorKind::TooLarge),
        (TurnRequest { top_k: 0, ..TurnRequest::new("x") }, ErrorKind::InvalidInput),
        (
            TurnRequest { temperature: Some(f32::NAN), ..TurnRequest::new("x") },
            ErrorKind::InvalidInput,
        ),
        (
            TurnRequest { model: Some("nobody".into()), ..TurnRequest::new("x") },
            ErrorKind::NotFound,
        ),
    ];
    for (request, kind) in cases {
        assert_eq!(
            ask(request.clone()).await.map(drop).map_err(|e| e.kind()),
            Err(kind),
            "{request:?}"
        );
    }
    let (list, page) = (chatbot_core::types::ListSessions::default(), PageRequest::default());
    assert!(chatbot.sessions(&ctx, &list, &page).await.unwrap().items.is_empty());
    let patch = SessionPatch { title: Some("x".repeat(201)), ..SessionPatch::default() };
    let kind = chatbot.create_session(&ctx, patch, None).await.map(drop).map_err(|e| e.kind());
    assert_eq!(kind, Err(ErrorKind::InvalidInput));
}

#[tokio::test]
async fn what_needs_an_embedder_says_what_to_do_where_there_is_none() {
    let chatbot = Chatbot::builder().embedder("none").build().await.unwrap();
    let (ctx, page) = (Context::local(), PageRequest::default());
    add(&chatbot, "manual", PUMP).await;
    let session = chatbot.create_session(&ctx, SessionPatch::default(), None).await.unwrap();
    for strategy in [Strategy::Dense, Strategy::Hybrid] {
        let search = SearchRequest { strategy, ..SearchRequest::new("pump") };
        let first = TurnRequest { strategy, ..TurnRequest::new("When is the pump oiled?") };
        let refused = [
            chatbot.search(&ctx, search).await.map(drop),
            chatbot.chat(&ctx, first.clone()).await.map(drop),
            chatbot.chat(&ctx, first.in_session(session.id)).await.map(drop),
        ];
        for refused in refused {
            let error = refused.expect_err("there is no embedder");
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.message().contains("embedder"), "{error}");
            assert!(error.message().contains("`auto`"), "it names what works: {error}");
        }
    }
    let list = chatbot_core::types::ListSessions::default();
    let sessions = chatbot.sessions(&ctx, &list, &page).await.unwrap().items;
    assert_eq!(sessions.iter().map(|one| one.message_count).collect::<Vec<_>>(), [0]);
    let answer = chatbot.ask("How often must the cooling pump be oiled?").await.unwrap();
    assert!(!answer.abstained, "`auto` answers: {}", answer.content);
}

#[tokio::test]
async fn the_character_nul_is_refused_in_what_people_write_and_left_out_of_documents() {
    let (chatbot, ctx) = (Chatbot::builder().build().await.unwrap(), Context::local());
    let text = "The cooling\0 pump is oiled every 400 hours.";
    let document = add(&chatbot, "manual", text).await;
    assert_eq!(document.status, DocumentStatus::Ready);
    let kept = chatbot.text(&ctx, document.id, None, None).await.unwrap();
    assert_eq!(kept, text.replace('\0', ""));
    let answer = chatbot.ask("How often is the cooling pump oiled?").await.unwrap();
    assert!(answer.citations.iter().any(|citation| citation.verified), "{answer:?}");

    let nul = || "The\0 pump".to_owned();
    let collection = |name, description| NewCollection {
        name,
        description,
        visibility: chatbot_core::types::Visibility::Private,
    };
    let session = |patch| TurnRequest {
        target: TurnTarget::NewSession(patch),
        ..TurnRequest::new("When is it oiled?")
    };
    let titled = SessionPatch { title: Some(nul()), ..SessionPatch::default() };
    let filed = SessionPatch { folder: Some(nul()), ..SessionPatch::default() };
    let renamed = CollectionPatch { name: Some(nul()), ..CollectionPatch::default() };
    let described = CollectionPatch { description: Some(nul()), ..CollectionPatch::default() };
    let (at, id) = (document.collection_id, document.id);
    let new = NewDocument { title: Some(nul()), ..NewDocument::default() };
    let retitled = DocumentPatch { title: Some(nul()), ..DocumentPatch::default() };
    let refused = [
        chatbot.chat(&ctx, TurnRequest::new(nul())).await.map(drop),
        chatbot.chat(&ctx, session(titled.clone())).await.map(drop),
        chatbot.search(&ctx, SearchRequest::new(nul())).await.map(drop),
        chatbot.create_session(&ctx, titled.clone(), None).await.map(drop),
        chatbot.create_session(&ctx, filed, None).await.map(drop),
        chatbot.update_session(&ctx, answer.session_id, titled).await.map(drop),
        chatbot.create_collection(&ctx, collection(nul(), String::new()), None).await.map(drop),
        chatbot.create_collection(&ctx, collection("a".into(), nul()), None).await.map(drop),
        chatbot.update_collection(&ctx, at, renamed).await.map(drop),
        chatbot.update_collection(&ctx, at, described).await.map(drop),
        chatbot.add_text(&ctx, new, "text").await.map(drop),
        chatbot.update_document(&ctx, id, retitled).await.map(drop),
    ];
    for (n, refused) in refused.into_iter().enumerate() {
        let error = refused.expect_err(&format!("case {n} was taken"));
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "case {n}: {error}");
        let message = error.message();
        assert!(message.contains("U+0000") && message.contains("Remove"), "case {n}: {error}");
    }
    let sessions = chatbot_core::types::ListSessions::default();
    let sessions = chatbot.sessions(&ctx, &sessions, &PageRequest::default()).await.unwrap();
    assert_eq!(sessions.items.len(), 1, "nothing was stored");
}

#[tokio::test]
async fn an_unreadable_document_says_why() {
    let (chatbot, ctx) = (Chatbot::builder().build().await.unwrap(), Context::local());
    let new = NewDocument {
        source: "picture.png".to_owned(),
        declared: MediaType::parse("image/png"),
        ..NewDocument::default()
    };
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0".to_vec();
    let document = chatbot.add_document(&ctx, new, once(png)).await.unwrap();
    let document = settled(&chatbot, document.id).await;
    assert_eq!(document.status, DocumentStatus::Failed);
    let failure = document.error.unwrap();
    assert_eq!(failure.code, ErrorKind::ParseFailed);
    assert_eq!(failure.reason, Some(Reason::NoTextLayer));
    assert!(failure.message.contains("tesseract"), "{}", failure.message);
}
