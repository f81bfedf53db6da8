//! What turns use, and what they may.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chatbot_core::config::{Allowance, Budgets, EngineConfig, PriceConfig, TurnConfig};
use chatbot_core::stores::SqliteStore;
use chatbot_core::testing::{FixedClock, ScriptedModel, Step};
use chatbot_core::traits::{LedgerStore as _, ReserveCall, Store as _, SystemClock};
use chatbot_core::types::{
    CallEstimate, CallId, CallPurpose, FinishReason, Message, MessageState, PrincipalId, Strategy,
    Usage, UsageQuery, UsageTotals,
};
use chatbot_core::{Chatbot, Context, ErrorKind, TurnRequest};

use crate::support::add;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A thousand tokens read and a hundred written.
fn model() -> ScriptedModel {
    let usage = Usage { input_tokens: 1_000, output_tokens: 100, cost_usd: None, estimated: false };
    let text = Step::Text("In France.".to_owned());
    ScriptedModel::new(vec![text, Step::Usage(usage), Step::Finish(FinishReason::Stop)])
}

/// Settings with a price of two and ten dollars.
fn config(user_day: Allowance) -> EngineConfig {
    let price = PriceConfig { input: 2.0, output: 10.0 };
    EngineConfig {
        embedder: "none".to_owned(),
        prices: [("script*".to_owned(), price)].into(),
        budgets: Budgets { user_day, ..Budgets::default() },
        // Naming a session is a call too; here each question is one.
        turns: TurnConfig { titles: false, ..TurnConfig::default() },
        ..EngineConfig::default()
    }
}

fn tokens(tokens: u64) -> Allowance {
    Allowance { tokens: Some(tokens), usd: None }
}

async fn ask(chatbot: &Chatbot) -> Message {
    let request = TurnRequest { strategy: Strategy::None, ..TurnRequest::new("Where is it?") };
    chatbot.ask(request).await.unwrap()
}

async fn used(chatbot: &Chatbot) -> UsageTotals {
    chatbot.usage(&Context::local(), &UsageQuery::default()).await.unwrap().total
}

#[tokio::test]
async fn a_turn_has_its_price_and_stays_in_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let open = async || {
        let config = config(Allowance::default());
        let builder = Chatbot::builder().config(config).data_dir(folder.path());
        builder.custom_model(model()).build().await.unwrap()
    };
    let chatbot = open().await;
    let message = ask(&chatbot).await;
    let usage = message.usage;
    assert_eq!((usage.tokens(), usage.cost_usd, usage.estimated), (1_100, Some(0.003), false));
    chatbot.close().await.unwrap();
    let chatbot = open().await;
    let totals = used(&chatbot).await;
    assert_eq!((totals.n_calls, totals.input_tokens, totals.cost_usd), (1, 1_000, 0.003));
    let other = Context::new(PrincipalId::new("other"));
    let theirs = chatbot.usage(&other, &UsageQuery::default()).await.unwrap();
    assert_eq!(theirs.total.n_calls, 0, "it is the asker's own");
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn a_spent_budget_fails_the_turn_before_the_model_is_asked_and_begins_anew() {
    let clock = Arc::new(FixedClock::default());
    let model = model();
    let builder = Chatbot::builder().config(config(tokens(1_300))).clock(clock.clone());
    let chatbot = builder.custom_model(model.clone()).build().await.unwrap();
    assert_eq!(ask(&chatbot).await.state, MessageState::Complete);
    let cut = model.requests()[0].max_output_tokens.unwrap();
    assert!((256..1_300).contains(&cut), "the reply was held to {cut} tokens");

    let refused = ask(&chatbot).await;
    assert_eq!(refused.state, MessageState::Failed);
    let error = refused.error.unwrap();
    assert_eq!(error.code, ErrorKind::BudgetExceeded);
    assert!(error.message.contains("1100 of 1300 tokens"), "{}", error.message);
    assert_eq!((refused.usage.tokens(), refused.usage.cost_usd), (0, Some(0.0)));
    assert_eq!(model.requests().len(), 1, "the model was not asked");

    clock.advance(DAY);
    assert_eq!(ask(&chatbot).await.state, MessageState::Complete);
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn where_the_budget_is_spent_the_documents_are_quoted_where_that_is_wanted() {
    let model = model();
    let mut config = EngineConfig { model: "scripted".to_owned(), ..config(tokens(100)) };
    config.resilience.fallback = vec!["extractive".to_owned()];
    let builder = Chatbot::builder().config(config).custom_model(model.clone());
    let chatbot = builder.build().await.unwrap();
    add(&chatbot, "metals", "Copper conducts heat well. Glass does not.").await;
    let answer = chatbot.ask("What conducts heat well?").await.unwrap();
    assert_eq!(answer.state, MessageState::Complete);
    assert!(answer.content.starts_with("Copper conducts heat well"), "{}", answer.content);
    assert_eq!(answer.warnings[0].code, "model_fallback");
    assert_eq!((model.requests().len(), answer.model.as_deref()), (0, Some("extractive")));
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn a_hundred_questions_at_once_stay_within_the_budget() {
    // It writes as much as it may, so that nothing is given back.
    let model = ScriptedModel::with(|request| {
        let output_tokens = request.max_output_tokens.unwrap_or_default() as u64;
        let usage = Usage { input_tokens: 1, output_tokens, ..Usage::default() };
        vec![Step::Text("In".into()), Step::Usage(usage), Step::Finish(FinishReason::Length)]
    });
    let builder = Chatbot::builder().config(config(tokens(20_000)));
    let chatbot = builder.custom_model(model.clone()).build().await.unwrap();
    let asked = (0..100).map(|_| ask(&chatbot));
    let answers = futures_util::future::join_all(asked).await;
    let n_complete = answers.iter().filter(|m| m.state == MessageState::Complete).count();
    assert!((4..10).contains(&n_complete), "{n_complete}");
    assert_eq!(model.requests().len(), n_complete);
    let totals = used(&chatbot).await;
    assert_eq!(totals.n_calls, n_complete as u64);
    assert!(totals.input_tokens + totals.output_tokens <= 20_000, "{totals:?}");
    chatbot.close().await.unwrap();
}

async fn die_in_a_call(data_dir: &Path) {
    let path = data_dir.join("store.db");
    let store = SqliteStore::open(&path, Arc::new(SystemClock)).await.unwrap();
    let call = ReserveCall {
        id: CallId::new(),
        session: None,
        message: None,
        purpose: CallPurpose::Answer,
        model: "scripted".to_owned(),
        estimate: CallEstimate { input_tokens: 800, max_output_tokens: 400, usd_per_million: None },
        budgets: Budgets::default(),
        ended: Vec::new(),
    };
    store.reserve(&Context::local(), call).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn what_a_dead_process_had_set_aside_stays_spent() {
    let folder = tempfile::tempdir().unwrap();
    die_in_a_call(folder.path()).await;
    let builder = Chatbot::builder().config(config(tokens(1_300))).data_dir(folder.path());
    let chatbot = builder.custom_model(model()).build().await.unwrap();
    let totals = used(&chatbot).await;
    assert_eq!((totals.n_calls, totals.n_estimated, totals.n_failed), (1, 1, 1));
    assert_eq!(ask(&chatbot).await.state, MessageState::Failed, "1200 of 1300 are spent");
    chatbot.close().await.unwrap();
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let negative = PriceConfig { input: -1.0, output: 0.0 };
    let prices =
        EngineConfig { prices: [("x".to_owned(), negative)].into(), ..EngineConfig::default() };
    let nothing = config(tokens(0));
    let dollars = config(Allowance { tokens: None, usd: Some(f64::NAN) });
    for config in [prices, nothing, dollars] {
        let refused = config.validate().map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::ConfigInvalid));
    }
}
