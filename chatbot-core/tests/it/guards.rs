//! Guards in turns: what they keep from the model, and what they keep from the reader.

use async_trait::async_trait;
use chatbot_core::config::EngineConfig;
use chatbot_core::guards::{GuardAction, GuardSide, PatternRule};
use chatbot_core::testing::{ScriptedModel, Step, turn_violations};
use chatbot_core::traits::{Guard, GuardFailure, Verdict};
use chatbot_core::types::{Event, FinishReason, Message, MessageState, SequencedEvent, Strategy};
use chatbot_core::{Chatbot, ChatbotBuilder, Context, Error, ErrorKind, Result, TurnRequest};

use crate::support::{add, all};

const MAIL: &str = "ada@example.com";
const TEXT: &str = "Copper conducts heat well. Glass does not.";

fn rule(on: GuardSide, action: GuardAction) -> PatternRule {
    let pattern = r"[\w.]+@[\w.]+\w".to_owned();
    PatternRule { pattern, on, action, replacement: None, message: None }
}

fn with_rules(guards: Vec<PatternRule>) -> ChatbotBuilder {
    Chatbot::builder().config(EngineConfig { guards, ..EngineConfig::default() })
}

async fn built(builder: ChatbotBuilder, model: &ScriptedModel) -> Chatbot {
    let chatbot = builder.custom_model(model.clone()).build().await.unwrap();
    add(&chatbot, "Metals", TEXT).await;
    chatbot
}

async fn turn(chatbot: &Chatbot, request: TurnRequest) -> (Vec<SequencedEvent>, Message) {
    let events = all(chatbot.stream(request).await.unwrap()).await;
    assert_eq!(turn_violations(&events), Vec::<String>::new());
    let message = match events.last().map(|event| event.event.clone()) {
        Some(Event::Done { message } | Event::Failed { message, .. }) => *message,
        other => panic!("{other:?}"),
    };
    (events, message)
}

fn codes(message: &Message) -> Vec<&str> {
    message.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

#[tokio::test]
async fn what_is_hidden_in_a_question_reaches_no_model_now_or_later() {
    let model = ScriptedModel::replying("Copper does [1].");
    let chatbot =
        built(with_rules(vec![rule(GuardSide::Input, GuardAction::Rewrite)]), &model).await;
    let question = format!("I am {MAIL}. Which metals conduct heat?");
    let (events, message) = turn(&chatbot, TurnRequest::new(&question)).await;
    assert_eq!(codes(&message), ["input_rewritten"]);
    let Event::Started { user_message_id, .. } = events[0].event else { panic!() };
    let stored = chatbot.message(&Context::local(), user_message_id).await.unwrap();
    assert_eq!(stored.content, question, "it stays as it was asked");

    let (_, again) =
        turn(&chatbot, TurnRequest::new("And it?").in_session(message.session_id)).await;
    assert_eq!((again.state, codes(&again).len()), (MessageState::Complete, 0));
    let asked = model.requests();
    // The answers, the second question in full, and perhaps the session's name already.
    assert!(asked.len() >= 3, "{asked:?}");
    assert!(asked.iter().all(|request| !format!("{request:?}").contains(MAIL)), "{asked:?}");
    let last = asked.iter().rfind(|request| request.grounding.is_some()).unwrap();
    assert!(last.messages[0].content.contains("[hidden]"), "{:?}", last.messages);
}

#[tokio::test]
async fn a_question_that_is_not_let_through_is_stored_and_neither_searched_nor_asked() {
    let model = ScriptedModel::replying("Never said.");
    let chatbot = built(with_rules(vec![rule(GuardSide::Input, GuardAction::Block)]), &model).await;
    let (events, message) = turn(&chatbot, TurnRequest::new(format!("Who is {MAIL}?"))).await;
    assert_eq!((message.state, message.content.as_str()), (MessageState::Failed, ""));
    assert_eq!(message.error.map(|error| error.code), Some(ErrorKind::ContentBlocked));
    assert!(!events.iter().any(|event| matches!(event.event, Event::Sources { .. })));
    assert_eq!(model.requests().len(), 0);
}

/// What a guard replaces was never sent, however the model cuts its text; citations mark the text that was sent.
#[tokio::test]
async fn what_is_replaced_in_an_answer_was_never_sent() {
    const SAID: &str =
        "Copper conducts heat well [1]. Ask ada@example.com for more. Glass does not [1].";
    const SENT: &str = "Copper conducts heat well [1]. Ask [hidden] for more. Glass does not [1].";
    // The question says how the answer is cut: after so many bytes, or everywhere.
    let model = ScriptedModel::with(|request| {
        let asked = request.messages.last().map_or("", |message| message.content.as_str());
        let pieces: Vec<String> = match asked.parse::<usize>() {
            Ok(at) => vec![SAID[..at].to_owned(), SAID[at..].to_owned()],
            Err(_) => SAID.chars().map(String::from).collect(),
        };
        let steps = pieces.into_iter().map(Step::Text);
        steps.chain([Step::Finish(FinishReason::Stop)]).collect()
    });
    let guarded = || with_rules(vec![rule(GuardSide::Output, GuardAction::Rewrite)]);
    let chatbot = guarded().embedder("none").custom_model(model).build().await.unwrap();
    for asked in (0..SAID.len()).map(|at| at.to_string()).chain(["everywhere".to_owned()]) {
        let request = TurnRequest { strategy: Strategy::None, ..TurnRequest::new(&asked) };
        let (_, message) = turn(&chatbot, request).await;
        assert_eq!(message.content, SENT.replace(" [1]", ""), "cut at {asked}");
        assert_eq!(codes(&message), ["output_rewritten"]);
    }
    let model = ScriptedModel::replying(SAID);
    let chatbot =
        built(with_rules(vec![rule(GuardSide::Output, GuardAction::Rewrite)]), &model).await;
    let (_, message) = turn(&chatbot, TurnRequest::new("Which metals conduct heat?")).await;
    assert_eq!((message.content.as_str(), message.citations.len()), (SENT, 2));
}

#[tokio::test]
async fn an_answer_ends_before_what_is_not_let_through() {
    let model = ScriptedModel::replying(
        "Copper conducts heat well [1]. Ask ada@example.com now. Glass does not.",
    );
    let chatbot = built(with_rules(vec![rule(GuardSide::Both, GuardAction::Block)]), &model).await;
    let (events, message) = turn(&chatbot, TurnRequest::new("Which metals conduct heat?")).await;
    assert_eq!(message.state, MessageState::Failed);
    assert_eq!(message.error.map(|error| error.code), Some(ErrorKind::ContentBlocked));
    assert_eq!(message.content.trim_end(), "Copper conducts heat well [1].");
    assert!(!format!("{events:?}").contains("example.com"));
}

#[tokio::test]
async fn a_remark_is_made_once_and_changes_nothing() {
    let text = "Ask ada@example.com [1]. Or bob@example.com.";
    let model = ScriptedModel::replying(text);
    let chatbot = built(with_rules(vec![rule(GuardSide::Output, GuardAction::Warn)]), &model).await;
    let (_, message) = turn(&chatbot, TurnRequest::new("Which metals conduct heat?")).await;
    assert_eq!((message.content.as_str(), codes(&message)), (text, vec!["guard"]));
}

/// Thoughts are shown too.
#[tokio::test]
async fn thoughts_are_guarded_as_answers_are() {
    let steps = ["I know ada@exam", "ple.com. So"].map(|text| Step::Thinking(text.to_owned()));
    let end = [Step::Text("Copper.".to_owned()), Step::Finish(FinishReason::Stop)];
    let model = ScriptedModel::new(steps.into_iter().chain(end).collect());
    let chatbot =
        built(with_rules(vec![rule(GuardSide::Output, GuardAction::Rewrite)]), &model).await;
    let (events, _) = turn(&chatbot, TurnRequest::new("Which metals conduct heat?")).await;
    let thoughts = events.iter().filter_map(|event| match &event.event {
        Event::Thinking { delta } => Some(delta.as_str()),
        _ => None,
    });
    assert_eq!(thoughts.collect::<String>(), "I know [hidden]. So");
}

/// Fails, or puts one text in the place of another.
#[derive(Debug)]
struct Odd {
    on_error: GuardFailure,
    replaces: Option<(&'static str, &'static str)>,
}

#[async_trait]
impl Guard for Odd {
    fn name(&self) -> &str {
        "odd"
    }

    async fn check_input(&self, _ctx: &Context, _text: &str) -> Result<Verdict> {
        Ok(Verdict::Pass)
    }

    async fn check_output(&self, _ctx: &Context, text: &str) -> Result<Verdict> {
        let (this, that) = self.replaces.ok_or_else(|| Error::internal("It does not work."))?;
        Ok(Verdict::Rewrite(text.replace(this, that)))
    }

    fn on_error(&self) -> GuardFailure {
        self.on_error
    }
}

#[tokio::test]
async fn a_guard_that_cannot_check_lets_nothing_through_unless_it_says_so() {
    for (on_error, expected) in
        [(GuardFailure::Block, Some(ErrorKind::ContentBlocked)), (GuardFailure::Pass, None)]
    {
        let model = ScriptedModel::replying("Copper does [1].");
        let builder = Chatbot::builder().guard(Odd { on_error, replaces: None });
        let chatbot = built(builder, &model).await;
        let (_, message) = turn(&chatbot, TurnRequest::new("Which metals conduct heat?")).await;
        assert_eq!(message.error.map(|error| error.code), expected);
        assert_eq!(message.content.is_empty(), expected.is_some());
    }
}

#[tokio::test]
async fn each_guard_sees_what_the_one_before_left() {
    let model = ScriptedModel::replying("A metal.");
    let odd = |this, that| Odd { on_error: GuardFailure::Block, replaces: Some((this, that)) };
    let builder = Chatbot::builder().guard(odd("A", "B")).guard(odd("B", "C"));
    let chatbot = built(builder, &model).await;
    let (_, message) = turn(&chatbot, TurnRequest::new("Which metals conduct heat?")).await;
    assert_eq!(message.content, "C metal.");
}

#[tokio::test]
async fn a_pattern_that_cannot_be_used_is_refused_at_the_start() {
    let bad = PatternRule { pattern: "(".to_owned(), ..rule(GuardSide::Both, GuardAction::Warn) };
    let built = with_rules(vec![bad]).build().await;
    assert_eq!(built.map(drop).map_err(|error| error.kind()), Err(ErrorKind::ConfigInvalid));
}
