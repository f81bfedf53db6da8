//! What a turn makes of the conversation before it: the search, the summary, the title, and the words that models are
//! told.

use chatbot_core::config::{EngineConfig, PromptProfile, Rewriting};
use chatbot_core::testing::{ScriptedModel, Step};
use chatbot_core::traits::{ChatRequest, ModelInfo};
use chatbot_core::types::{
    Event, FinishReason, Message, MessageState, SequencedEvent, SessionEvent, SessionPatch,
    Strategy,
};
use chatbot_core::{Chatbot, Context, ErrorKind, TurnRequest};
use futures_util::StreamExt as _;

use crate::support::{add, all};

const TEXT: &str = "The bridges over the Danube in Budapest were designed by William Clark.";
const FIRST: &str = "How many bridges cross the Danube in Budapest?";
const SECOND: &str = "Who designed them?";

fn says(text: &str) -> Vec<Step> {
    vec![Step::Text(text.to_owned()), Step::Finish(FinishReason::Stop)]
}

/// What a request asks for, by the words of the profile.
fn wants(request: &ChatRequest, begins: &str) -> bool {
    request.system.as_deref().is_some_and(|system| system.starts_with(begins))
}

const REWRITE: &str = "Put the last question in full";
const TITLE: &str = "Give the conversation a title";
const SUMMARY: &str = "Sum up the conversation";

/// A model that rewrites, names and answers as it is told.
fn model(rewrite: Vec<Step>, title: Vec<Step>) -> ScriptedModel {
    ScriptedModel::with(move |request| match request {
        _ if wants(request, REWRITE) => rewrite.clone(),
        _ if wants(request, TITLE) => title.clone(),
        _ if wants(request, SUMMARY) => says("They spoke of bridges."),
        _ => says("William Clark [1]."),
    })
}

async fn chatbot(model: ScriptedModel, rewrite: Rewriting) -> Chatbot {
    let mut config = EngineConfig::default();
    config.turns.rewrite = rewrite;
    let chatbot = Chatbot::builder().config(config).custom_model(model).build().await.unwrap();
    add(&chatbot, "Bridges", TEXT).await;
    chatbot
}

/// The first request that asks for this, as the model reads it.
fn told(model: &ScriptedModel, begins: &str) -> Option<String> {
    let requests = model.requests();
    let request = requests.iter().find(|request| wants(request, begins))?;
    let said = request.messages.iter().map(|message| message.content.as_str());
    Some(request.system.as_deref().into_iter().chain(said).collect::<Vec<_>>().join("\n\n"))
}

/// The events of the second question of a session.
async fn follow_up(chatbot: &Chatbot) -> Vec<SequencedEvent> {
    let first = chatbot.ask(FIRST).await.unwrap();
    let second = TurnRequest::new(SECOND).in_session(first.session_id);
    all(chatbot.stream(second).await.unwrap()).await
}

fn rewritten(events: &[SequencedEvent]) -> Vec<String> {
    let queries = events.iter().filter_map(|event| match &event.event {
        Event::Rewritten { queries } => Some(queries.clone()),
        _ => None,
    });
    queries.flatten().collect()
}

fn ended(events: &[SequencedEvent]) -> Message {
    match events.last().map(|event| &event.event) {
        Some(Event::Done { message }) => (**message).clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_model_puts_a_leaning_question_in_full() {
    let full = "Who designed the bridges of Budapest?";
    let model = model(says(&format!("\"{full}\"\n")), says("Bridges"));
    let chatbot = chatbot(model.clone(), Rewriting::Auto).await;
    let events = follow_up(&chatbot).await;
    assert_eq!(rewritten(&events), [full]);
    assert_eq!(ended(&events).state, MessageState::Complete);
    let asked: Vec<_> = model.requests();
    let answered = asked.iter().rfind(|request| request.grounding.is_some()).unwrap();
    let question = answered.messages.last().map(|message| message.content.as_str());
    assert_eq!(question, Some(SECOND), "the model that answers sees what was asked");
    insta::assert_snapshot!(told(&model, REWRITE).unwrap());
}

#[tokio::test]
async fn a_model_that_does_not_rewrite_costs_only_its_try() {
    for steps in [
        vec![Step::Fail(ErrorKind::Unavailable)],
        says("I'm sorry, I can't help with that."),
        says("Two\nlines"),
        says(""),
    ] {
        let chatbot = chatbot(model(steps, says("Bridges")), Rewriting::Auto).await;
        let events = follow_up(&chatbot).await;
        let queries = rewritten(&events);
        assert!(queries.len() == 1 && queries[0].contains("danube"), "{queries:?}");
        assert_eq!(ended(&events).state, MessageState::Complete);
    }
}

#[tokio::test]
async fn rewriting_can_be_left_to_rules_or_switched_off() {
    for (rewriting, n_queries) in [(Rewriting::Heuristic, 1), (Rewriting::Off, 0)] {
        let model = model(says("never asked for"), says("Bridges"));
        let chatbot = chatbot(model.clone(), rewriting).await;
        assert_eq!(rewritten(&follow_up(&chatbot).await).len(), n_queries, "{rewriting:?}");
        assert!(!model.requests().iter().any(|request| wants(request, REWRITE)));
    }
}

#[tokio::test]
async fn a_model_names_a_session_that_nobody_named() {
    let ctx = Context::local();
    let model = model(says(SECOND), says("\"The bridges of Budapest.\""));
    let chatbot = chatbot(model.clone(), Rewriting::Auto).await;
    let session = chatbot.create_session(&ctx, SessionPatch::default(), None).await.unwrap();
    let mut events = chatbot.watch_session(&ctx, session.id).await.unwrap();
    chatbot.ask(TurnRequest::new(FIRST).in_session(session.id)).await.unwrap();
    let title = loop {
        match events.next().await {
            Some(SessionEvent::Session { session }) if session.title.starts_with("The") => {
                break session.title;
            }
            Some(_) => {}
            None => panic!("no title came"),
        }
    };
    assert_eq!(title, "The bridges of Budapest");
    insta::assert_snapshot!(told(&model, TITLE).unwrap());
}

#[tokio::test]
async fn what_has_no_room_is_summed_up_until_a_document_behind_it_is_deleted() {
    let ctx = Context::local();
    let long = format!("William Clark [1]. {}", "He built and built. ".repeat(60));
    let model = ScriptedModel::with(move |request| match request {
        _ if wants(request, SUMMARY) => says("They spoke of bridges."),
        _ if wants(request, TITLE) => says("Bridges"),
        _ => says(&long),
    });
    let info = ModelInfo {
        name: "small".to_owned(),
        context_window: Some(1024),
        max_output_tokens: Some(256),
        quotes_only: false,
        usd_per_million: None,
    };
    let model = model.with_info(info);
    let mut config = EngineConfig::default();
    config.turns.rewrite = Rewriting::Off;
    let chatbot =
        Chatbot::builder().config(config).custom_model(model.clone()).build().await.unwrap();
    let document = add(&chatbot, "Bridges", TEXT).await;
    let session = chatbot.ask(FIRST).await.unwrap().session_id;
    let has_summary = |request: &ChatRequest| {
        request.system.as_deref().is_some_and(|system| system.contains("<summary"))
    };
    let ask = async || {
        chatbot.ask(TurnRequest::new(FIRST).in_session(session)).await.unwrap();
        let asked = model.requests();
        has_summary(asked.iter().rfind(|request| request.grounding.is_some()).unwrap())
    };
    let mut n_asked = 0;
    while !ask().await {
        n_asked += 1;
        assert!(n_asked < 50, "nothing was summed up");
    }
    insta::assert_snapshot!(told(&model, SUMMARY).unwrap());
    chatbot.delete_document(&ctx, document.id).await.unwrap();
    add(&chatbot, "Other", TEXT).await;
    assert!(!ask().await, "a summary outlived a document behind it");
}

#[tokio::test]
async fn a_profile_says_what_models_are_told() {
    let model = model(says(SECOND), says("Bridges"));
    let mut config = EngineConfig::default();
    let pirate = PromptProfile {
        ungrounded: "Talk like a pirate. {{Arr}}".to_owned(),
        ..PromptProfile::default()
    };
    config.prompts.insert("pirate".to_owned(), pirate.clone());
    let built = |config| Chatbot::builder().config(config).custom_model(model.clone()).build();
    let chatbot = built(config.clone()).await.unwrap();
    let request = TurnRequest {
        profile: Some("pirate".to_owned()),
        strategy: Strategy::None,
        ..TurnRequest::new("Ahoy?")
    };
    chatbot.ask(request.clone()).await.unwrap();
    let told: Vec<_> = model.requests().into_iter().filter_map(|request| request.system).collect();
    assert!(told.iter().any(|system| system == "Talk like a pirate. {Arr}"), "{told:?}");
    let unknown = TurnRequest { profile: Some("parrot".to_owned()), ..request };
    let refused = chatbot.ask(unknown).await.map(drop).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::InvalidInput));

    let wrong = PromptProfile { grounded: "Use {sources}.".to_owned(), ..pirate };
    config.prompts.insert("pirate".to_owned(), wrong);
    let refused = built(config).await.map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConfigInvalid);
    assert!(refused.message().contains("prompts.pirate.grounded"), "{refused}");
}
