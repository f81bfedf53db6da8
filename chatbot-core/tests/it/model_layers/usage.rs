//! What was used, once for each call.

use chatbot_core::history::EstimatedTokens;
use chatbot_core::layers::Metering;
use chatbot_core::types::Usage;

use super::*;

fn metered(model: Arc<dyn ChatModel>) -> (Metering, Arc<Ledger>) {
    let ledger = Arc::new(Ledger::default());
    (Metering::new(model, Arc::new(EstimatedTokens), ledger.clone()), ledger)
}

fn used(input_tokens: u64, output_tokens: u64) -> Step {
    Step::Usage(Usage { input_tokens, output_tokens, cost_usd: None, estimated: false })
}

fn scripted(steps: Vec<Step>) -> Arc<ScriptedModel> {
    Arc::new(ScriptedModel::new(steps).with_info(info("m")))
}

#[tokio::test]
async fn usage_said_twice_counts_once_and_has_its_price() {
    let steps = [vec![used(7, 1)], vec![Step::Text("a".into())], vec![used(7, 3)]].concat();
    let steps = [steps, vec![Step::Finish(FinishReason::Stop)]].concat();
    let (model, ledger) = metered(scripted(steps));
    let events = outcome(&model, &Context::local()).await;
    let usage =
        Usage { input_tokens: 7, output_tokens: 3, cost_usd: Some(37e-6), estimated: false };
    let said: Vec<_> =
        events.iter().filter(|event| matches!(event, Ok(ModelEvent::Usage(_)))).collect();
    assert_eq!(said, [&Ok(ModelEvent::Usage(usage))]);
    assert!(matches!(events.last(), Some(Ok(ModelEvent::Finish(_)))));
    let records = ledger.records();
    assert_eq!((records.len(), records[0].usage, records[0].error), (1, usage, None));
    assert_eq!(records[0].model, "m");
    assert!(records[0].first_content.is_some());
}

#[tokio::test]
async fn what_is_not_said_is_estimated_and_marked() {
    let (model, ledger) = metered(scripted(answer("In the middle of France.")));
    outcome(&model, &Context::local()).await;
    let usage = ledger.records()[0].usage;
    assert!(usage.estimated && usage.input_tokens > 3 && usage.output_tokens > 3, "{usage:?}");
}

#[tokio::test]
async fn a_broken_answer_is_counted_with_what_came_of_it() {
    let text = Step::Text("In the middle of France, where ".repeat(5));
    for last in [vec![Step::Fail(ErrorKind::Unavailable)], Vec::new()] {
        let steps = [vec![used(70, 1), text.clone()], last].concat();
        let (model, ledger) = metered(scripted(steps));
        outcome(&model, &Context::local()).await;
        let records = ledger.records();
        let [record] = records.as_slice() else { panic!("{records:?}") };
        assert!(record.error.is_some());
        let Usage { input_tokens, output_tokens, estimated, .. } = record.usage;
        assert!(input_tokens == 70 && output_tokens > 20 && estimated, "{record:?}");
    }
}

#[tokio::test]
async fn what_nobody_waits_for_is_counted_and_what_was_refused_costs_nothing() {
    let (model, ledger) = metered(scripted(vec![Step::Text("In".into()), Step::Hang]));
    let mut stream = model.stream(&Context::local(), request()).await.unwrap();
    stream.next().await;
    drop(stream);
    let records = ledger.records();
    assert_eq!((records.len(), records[0].error), (1, Some(ErrorKind::Cancelled)));
    assert!(records[0].usage.input_tokens > 0);

    let (model, ledger) = metered(Fickle::failing("m", overloaded));
    outcome(&model, &Context::local()).await;
    let records = ledger.records();
    assert_eq!((records.len(), records[0].error), (1, Some(ErrorKind::Unavailable)));
    assert_eq!(records[0].usage, Usage::default());
}
