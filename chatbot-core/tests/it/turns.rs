//! The contract of a turn: whoever follows it, whenever, and however it ends.

use std::time::Duration;

use chatbot_core::testing::{ScriptedModel, turn_violations};
use chatbot_core::traits::Idempotency;
use chatbot_core::types::{
    Event, EventKind, MessageState, PrincipalId, SequencedEvent, SessionEvent, SessionPatch,
};
use chatbot_core::{Chatbot, Context, ErrorKind, TurnRequest};
use futures_util::StreamExt as _;

use crate::support::{add, all};

const TEXT: &str = "Copper conducts heat well. Glass does not. Silver conducts best of all metals.";
const QUESTION: &str = "Which metals conduct heat well?";

fn kinds(events: &[SequencedEvent]) -> Vec<EventKind> {
    events.iter().map(|event| event.event.kind()).collect()
}

async fn slow(pause: Duration) -> (Chatbot, ScriptedModel) {
    let text = "Copper conducts heat well [1]. Wood floats [7]. That is all.";
    let model = ScriptedModel::slow(text, pause);
    let chatbot = Chatbot::builder().custom_model(model.clone()).build().await.unwrap();
    add(&chatbot, "metals", TEXT).await;
    (chatbot, model)
}

#[tokio::test]
async fn events_keep_their_contract() {
    let (chatbot, _) = slow(Duration::ZERO).await;
    let events = all(chatbot.stream(QUESTION).await.unwrap()).await;
    assert_eq!(turn_violations(&events), Vec::<String>::new());
    let Some(Event::Done { message }) = events.last().map(|e| &e.event) else { panic!() };
    assert!(!message.content.contains("[7]"), "a marker that names no source was let through");
    assert_eq!(message.citations.len(), 1);
    assert!(message.citations[0].quote.starts_with("Copper conducts heat well"));
    let stored = chatbot.message(&Context::local(), message.id).await.unwrap();
    assert_eq!(stored.content, message.content);
    assert_eq!(stored.citations, message.citations);
    assert!(message.usage.estimated && message.usage.output_tokens > 0);
}

#[tokio::test]
async fn the_extractive_answer_keeps_the_contract_too() {
    let chatbot = Chatbot::builder().build().await.unwrap();
    add(&chatbot, "metals", TEXT).await;
    let events = all(chatbot.stream(QUESTION).await.unwrap()).await;
    assert_eq!(turn_violations(&events), Vec::<String>::new());
    assert!(kinds(&events).contains(&EventKind::Citation));
}

#[tokio::test]
async fn stopping_keeps_the_text_so_far_and_stops_the_model() {
    let (chatbot, model) = slow(Duration::from_millis(60)).await;
    let ctx = Context::local();
    let turn = chatbot.chat(&ctx, TurnRequest::new(QUESTION)).await.unwrap();
    let id = turn.message_id;
    let mut events = turn.detach();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        if event.event.kind() == EventKind::Text && !kinds(&seen).contains(&EventKind::Text) {
            chatbot.stop(&ctx, id).await.unwrap();
        }
        seen.push(event);
    }
    assert_eq!(turn_violations(&seen), Vec::<String>::new());
    let Some(Event::Failed { error, message }) = seen.last().map(|e| &e.event) else { panic!() };
    assert_eq!((error.code, message.state), (ErrorKind::Cancelled, MessageState::Cancelled));
    assert!(message.content.starts_with("Copper"));
    assert_eq!(model.n_dropped(), 1);
    chatbot.stop(&ctx, id).await.unwrap();
}

#[tokio::test]
async fn a_lost_reader_loses_nothing() {
    let (chatbot, _) = slow(Duration::from_millis(20)).await;
    let ctx = Context::local();
    let turn = chatbot.chat(&ctx, TurnRequest::new(QUESTION)).await.unwrap();
    let id = turn.message_id;
    let mut events = turn.detach();
    let mut seen = vec![events.next().await.unwrap(), events.next().await.unwrap()];
    drop(events);
    tokio::time::sleep(Duration::from_millis(60)).await;
    seen.extend(all(chatbot.follow(&ctx, id, 2).await.unwrap()).await);
    assert_eq!(turn_violations(&seen), Vec::<String>::new());
    assert_eq!(kinds(&seen).last(), Some(&EventKind::Done));

    let late = all(chatbot.follow(&ctx, id, 0).await.unwrap()).await;
    assert_eq!(turn_violations(&late), Vec::<String>::new());
    let resumed = all(chatbot.follow(&ctx, id, 5).await.unwrap()).await;
    assert_eq!(kinds(&resumed), [EventKind::Done]);
    assert!(resumed[0].seq > 5);
}

#[tokio::test]
async fn dropping_the_handle_cancels_the_turn() {
    let (chatbot, model) = slow(Duration::from_millis(30)).await;
    let ctx = Context::local();
    let mut turn = chatbot.chat(&ctx, TurnRequest::new(QUESTION)).await.unwrap();
    let id = turn.message_id;
    while turn.next().await.is_some_and(|event| event.event.kind() != EventKind::Text) {}
    drop(turn);
    let events = all(chatbot.follow(&ctx, id, 0).await.unwrap()).await;
    assert_eq!(kinds(&events).last(), Some(&EventKind::Failed));
    assert_eq!(model.n_dropped(), 1);
}

#[tokio::test]
async fn a_turn_that_nobody_follows_is_cancelled_in_the_end() {
    let mut config = chatbot_core::config::EngineConfig::default();
    config.turns.abandon_after_s = 1;
    let model = ScriptedModel::slow(&"word ".repeat(200), Duration::from_millis(40));
    let chatbot = Chatbot::builder().config(config).custom_model(model).build().await.unwrap();
    add(&chatbot, "metals", TEXT).await;
    let ctx = Context::local();
    let turn = chatbot.chat(&ctx, TurnRequest::new(QUESTION)).await.unwrap();
    let id = turn.message_id;
    drop(turn.detach());
    for _ in 0..100 {
        let message = chatbot.message(&ctx, id).await.unwrap();
        if message.state == MessageState::Cancelled {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the turn went on for nobody");
}

#[tokio::test]
async fn the_same_key_asks_once() {
    let (chatbot, _) = slow(Duration::ZERO).await;
    let ctx = Context::local();
    let request = |body: u8| TurnRequest {
        idempotency: Some(Idempotency { key: "k".to_owned(), body: [body; 32] }),
        ..TurnRequest::new(QUESTION)
    };
    let (first, second) = tokio::join!(chatbot.ask(request(1)), chatbot.ask(request(1)));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.id, &first.content), (second.id, &second.content));
    let other = chatbot.chat(&ctx, request(2)).await.map(drop).map_err(|e| e.kind());
    assert_eq!(other, Err(ErrorKind::Conflict));
}

#[tokio::test]
async fn closing_waits_for_answers() {
    let (chatbot, _) = slow(Duration::from_millis(20)).await;
    let turn = chatbot.chat(&Context::local(), TurnRequest::new(QUESTION)).await.unwrap();
    let events = turn.detach();
    chatbot.close().await.unwrap();
    assert_eq!(kinds(&all(events).await).last(), Some(&EventKind::Done));
}

#[tokio::test]
async fn what_happens_in_a_session_is_its_owners_to_hear() {
    let chatbot = Chatbot::builder().build().await.unwrap();
    let ctx = Context::local();
    let session = chatbot.create_session(&ctx, SessionPatch::default(), None).await.unwrap();
    let other = Context::new(PrincipalId::new("other"));
    let refused = chatbot.watch_session(&other, session.id).await.err();
    assert_eq!(refused.map(|error| error.kind()), Some(ErrorKind::NotFound));
    let mut events = chatbot.watch_session(&ctx, session.id).await.unwrap();
    let first = SessionEvent::Session { session: session.clone() };
    assert_eq!(events.next().await, Some(first));
    chatbot.delete_session(&ctx, session.id).await.unwrap();
    let rest: Vec<_> = events.collect().await;
    assert_eq!(rest, [SessionEvent::Deleted]);
}

#[cfg(feature = "providers")]
#[tokio::test]
async fn a_remembered_answer_is_for_the_same_asker_the_same_sources_and_the_first_time() {
    use chatbot_core::config::EngineConfig;
    use chatbot_core::testing::scripted_server::{ScriptedServer, event_stream};
    use chatbot_core::traits::TurnTarget;
    use chatbot_core::types::Strategy;

    let delta = r#"{"choices":[{"index":0,"delta":{"content":"TEXT"},"finish_reason":null}]}"#;
    let stop = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#;
    let answer = |text: &str| event_stream(&[&delta.replace("TEXT", text), stop, usage, "[DONE]"]);
    let answers = vec![answer("Copper [1]."), answer("Silver [1].")];
    let server = ScriptedServer::start(answers).await.unwrap();
    let mut config = EngineConfig {
        model: format!("openai+{}/v1#m", server.url()),
        embedder: "none".to_owned(),
        ..EngineConfig::default()
    };
    config.turns.titles = false;
    config.resilience.cache_s = 60;
    let chatbot = Chatbot::builder().config(config).build().await.unwrap();
    let metals = add(&chatbot, "metals", TEXT).await;

    let first = chatbot.ask(QUESTION).await.unwrap();
    let second = chatbot.ask(QUESTION).await.unwrap();
    assert_eq!(server.received().len(), 1);
    assert_eq!((second.content, second.citations), (first.content, first.citations));
    assert_eq!((first.usage.output_tokens, second.usage.output_tokens), (3, 0));
    assert_eq!(second.usage.cost_usd, Some(0.0));

    // Asked to answer again, the model does, and that is remembered from then on.
    let target = TurnTarget::Regenerate { session: second.session_id, message: second.id };
    let again = chatbot.ask(TurnRequest { target, ..TurnRequest::new("") }).await.unwrap();
    assert_eq!((server.received().len(), again.content.as_str()), (2, "Silver [1]."));
    assert_eq!(chatbot.ask(QUESTION).await.unwrap().content, "Silver [1].");
    assert_eq!(server.received().len(), 2);
    // Somebody else is not told what the first was.
    let ada = Context::new(PrincipalId::new("ada"));
    let plain = TurnRequest { strategy: Strategy::None, ..TurnRequest::new(QUESTION) };
    for ctx in [&Context::local(), &ada] {
        chatbot.chat(ctx, plain.clone()).await.unwrap().message().await.unwrap();
    }
    assert_eq!(server.received().len(), 4);
    // What rests on a document that is gone is not said again.
    chatbot.delete_document(&Context::local(), metals.id).await.unwrap();
    add(&chatbot, "metals", &TEXT.replace("Copper", "Iron")).await;
    chatbot.ask(QUESTION).await.unwrap();
    assert_eq!(server.received().len(), 5);
    chatbot.close().await.unwrap();
}
