//! What a reader learns where an answer comes from less than everything.

use std::path::Path;

use chatbot_core::config::EngineConfig;
#[cfg(feature = "providers")]
use chatbot_core::testing::scripted_server::ScriptedServer;
use chatbot_core::testing::{ScriptedEmbedder, ScriptedModel, Step, turn_violations};
use chatbot_core::types::{Event, SearchRequest};
use chatbot_core::{Chatbot, Context, ErrorKind};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::support::{add, all};

const QUESTION: &str = "What conducts heat well?";

async fn open(dir: &Path) -> Chatbot {
    let config = EngineConfig {
        data_dir: Some(dir.into()),
        embedder: "none".to_owned(),
        ..EngineConfig::default()
    };
    Chatbot::builder().config(config).build().await.unwrap()
}

/// The codes of the warnings of a search, of a turn's events, and of its stored message.
async fn warned(chatbot: &Chatbot) -> [Vec<String>; 3] {
    let reply = chatbot.search(&Context::local(), SearchRequest::new(QUESTION)).await.unwrap();
    let events = all(chatbot.stream(QUESTION).await.unwrap()).await;
    assert_eq!(turn_violations(&events), Vec::<String>::new());
    let Some(Event::Done { message }) = events.last().map(|last| &last.event) else {
        panic!("{events:?}")
    };
    let stored = chatbot.message(&Context::local(), message.id).await.unwrap();
    let sent = events.iter().filter_map(|event| match &event.event {
        Event::Warning(warning) => Some(warning.code.clone()),
        _ => None,
    });
    let codes = |warnings: &[chatbot_core::types::Warning]| {
        warnings.iter().map(|warning| warning.code.clone()).collect::<Vec<_>>()
    };
    [codes(&reply.warnings), sent.collect(), codes(&stored.warnings)]
}

#[tokio::test]
async fn an_index_that_cannot_follow_the_store_is_told_with_every_answer() {
    let folder = tempfile::tempdir().unwrap();
    let chatbot = open(folder.path()).await;
    add(&chatbot, "metals", "Copper conducts heat well. Glass does not.").await;
    assert!(warned(&chatbot).await.iter().all(Vec::is_empty));
    chatbot.close().await.unwrap();
    drop(chatbot);

    // The feed that indexes follow is out of reach; everything else is there.
    let options = SqliteConnectOptions::new().filename(folder.path().join("store.db"));
    let mut store = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("ALTER TABLE changes RENAME TO mislaid").execute(&mut store).await.unwrap();
    store.close().await.unwrap();

    let chatbot = open(folder.path()).await;
    let failing = vec!["index_failing".to_owned()];
    assert!(warned(&chatbot).await.iter().all(|codes| *codes == failing));
    chatbot.close().await.unwrap();
}

#[cfg(feature = "providers")]
#[tokio::test]
async fn another_model_that_answers_is_told_with_the_answer_and_kept_with_it() {
    let server = ScriptedServer::replying("503 Busy", &[], "").await.unwrap();
    let mut config = EngineConfig {
        model: format!("openai+{}/v1#busy", server.url()),
        embedder: "none".to_owned(),
        ..EngineConfig::default()
    };
    config.resilience.max_retries = 0;
    let alone = Chatbot::builder().config(config.clone()).build().await.unwrap();
    add(&alone, "metals", "Copper conducts heat well. Glass does not.").await;
    let events = all(alone.stream(QUESTION).await.unwrap()).await;
    assert_eq!(turn_violations(&events), Vec::<String>::new());
    assert!(matches!(events.last().map(|last| &last.event), Some(Event::Failed { .. })));

    config.resilience.fallback = vec!["extractive".to_owned()];
    let chatbot = Chatbot::builder().config(config).build().await.unwrap();
    add(&chatbot, "metals", "Copper conducts heat well. Glass does not.").await;
    let events = all(chatbot.stream(QUESTION).await.unwrap()).await;
    assert_eq!(turn_violations(&events), Vec::<String>::new());
    let Some(Event::Done { message }) = events.last().map(|last| &last.event) else {
        panic!("{events:?}")
    };
    assert!(message.content.starts_with("Copper conducts heat well"), "{}", message.content);
    let stored = chatbot.message(&Context::local(), message.id).await.unwrap();
    let codes: Vec<_> = stored.warnings.iter().map(|warning| warning.code.as_str()).collect();
    assert_eq!(codes, ["model_fallback"]);
    assert_eq!((stored.model.as_deref(), stored.abstained), (Some("extractive"), false));
    assert!(events.iter().any(|event| matches!(&event.event, Event::Warning(_))));
    assert_eq!(server.received().len(), 2);

    // Where the documents do not say, quoting them is no answer.
    let answer = chatbot
        .ask("Which composer from Salzburg wrote an opera about glass in 1791?")
        .await
        .unwrap();
    assert!(answer.abstained && answer.citations.is_empty(), "{}", answer.content);
    assert_eq!(answer.model.as_deref(), Some("extractive"));
}

#[tokio::test]
async fn nothing_is_quoted_after_a_model_has_begun_to_speak() {
    let steps = vec![
        Step::Text("Copper is a metal that conducts heat. ".to_owned()),
        Step::Fail(ErrorKind::Unavailable),
    ];
    let mut config = EngineConfig { embedder: "none".to_owned(), ..EngineConfig::default() };
    config.model = "scripted".to_owned();
    config.resilience.fallback = vec!["extractive".to_owned()];
    let model = ScriptedModel::new(steps);
    let chatbot = Chatbot::builder().config(config).custom_model(model).build().await.unwrap();
    add(&chatbot, "metals", "Copper conducts heat well. Glass does not.").await;
    let events = all(chatbot.stream(QUESTION).await.unwrap()).await;
    assert_eq!(turn_violations(&events), Vec::<String>::new());
    let Some(Event::Failed { message, error }) = events.last().map(|last| &last.event) else {
        panic!("{events:?}")
    };
    assert_eq!(error.code, ErrorKind::Unavailable);
    assert!(message.content.starts_with("Copper is a metal"), "{}", message.content);
    assert_eq!(message.model.as_deref(), Some("scripted"));
    assert!(message.warnings.is_empty());
}

#[tokio::test]
async fn an_embedder_that_is_down_is_told_with_every_answer() {
    let embedder = ScriptedEmbedder::default();
    let builder = Chatbot::builder().custom_embedder(embedder.clone());
    let chatbot = builder.build().await.unwrap();
    add(&chatbot, "metals", "Copper conducts heat well. Glass does not.").await;
    assert!(warned(&chatbot).await.iter().all(Vec::is_empty));
    embedder.fail_with(Some(ErrorKind::Unavailable));
    // Another question: the vector of the first is remembered.
    let answer = chatbot.ask("Which of them conducts heat?").await.unwrap();
    let codes: Vec<_> = answer.warnings.iter().map(|warning| warning.code.as_str()).collect();
    assert_eq!(codes, ["dense_unavailable"]);
    assert!(answer.content.contains("Copper"), "{}", answer.content);
}

#[tokio::test]
async fn settings_of_the_layers_have_ranges() {
    let mut config = EngineConfig::default();
    config.resilience.first_byte_s = 0;
    let error = config.validate().unwrap_err();
    assert!(error.message().contains("`resilience.first_byte_s`"), "{error}");
    config = EngineConfig { model: "mistral:x".to_owned(), ..EngineConfig::default() };
    let error = Chatbot::builder().config(config).build().await.unwrap_err();
    assert_eq!(error.kind(), chatbot_core::ErrorKind::ConfigInvalid);
}

#[cfg(feature = "providers")]
#[tokio::test]
async fn an_address_with_a_key_of_its_own_gets_no_other() {
    use chatbot_core::TurnRequest;
    use chatbot_core::types::{MessageState, Secret};

    let own = ScriptedServer::replying("503 Busy", &[], "").await.unwrap();
    let other = ScriptedServer::replying("503 Busy", &[], "").await.unwrap();
    let name = |server: &ScriptedServer| format!("openai+{}/v1#m", server.url());
    let mut config = EngineConfig {
        model: name(&own),
        models: vec![name(&other)],
        embedder: "none".to_owned(),
        ..EngineConfig::default()
    };
    config.resilience.max_retries = 0;
    config.keys.insert("openai".to_owned(), Secret::new("sk-openai"));
    config.keys.insert(format!("{}/v1/", own.url()), Secret::new("sk-own"));
    let chatbot = Chatbot::builder().config(config).build().await.unwrap();
    add(&chatbot, "metals", "Copper conducts heat well. Glass does not.").await;
    for (server, key) in [(&own, "Bearer sk-own"), (&other, "Bearer sk-openai")] {
        let request = TurnRequest { model: Some(name(server)), ..TurnRequest::new(QUESTION) };
        assert_eq!(chatbot.ask(request).await.unwrap().state, MessageState::Failed);
        let received = server.received();
        assert_eq!(received.last().and_then(|request| request.header("authorization")), Some(key));
    }
    chatbot.close().await.unwrap();
}
