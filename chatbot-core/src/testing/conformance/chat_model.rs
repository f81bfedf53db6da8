//! What every [`ChatModel`] must do.

use std::time::Duration;

use futures_util::StreamExt as _;

use crate::context::Context;
use crate::error::{ErrorKind, Result};
use crate::traits::{ChatModel, ChatRequest, ModelEvent};

/// Runs the whole suite. `request` must be one that the model answers with some text.
///
/// # Panics
/// Where the model breaks the contract.
pub async fn run(model: &dyn ChatModel, request: &ChatRequest) {
    assert!(!model.info().name.is_empty(), "a model has a name");
    answers_and_ends(model, request).await;
    a_whole_answer_is_the_stream_folded(model, request).await;
    a_cancelled_context_is_refused(model, request).await;
    a_deadline_that_passed_is_refused(model, request).await;
    dropping_a_stream_leaves_the_model_usable(model, request).await;
}

async fn events(model: &dyn ChatModel, request: &ChatRequest) -> Vec<ModelEvent> {
    let stream = model.stream(&Context::local(), request.clone()).await;
    let Ok(stream) = stream else {
        panic!("the model does not answer: {stream:?}", stream = stream.err())
    };
    stream
        .map(|event| event.unwrap_or_else(|error| panic!("the stream fails: {error:?}")))
        .collect()
        .await
}

async fn answers_and_ends(model: &dyn ChatModel, request: &ChatRequest) {
    let events = events(model, request).await;
    let is_finish = |event: &&ModelEvent| matches!(event, ModelEvent::Finish(_));
    assert_eq!(events.iter().filter(is_finish).count(), 1, "exactly one end");
    assert!(events.last().as_ref().is_some_and(is_finish), "nothing comes after the end");
    let texts = events.iter().filter_map(|event| match event {
        ModelEvent::Text(text) | ModelEvent::Thinking(text) => Some(text),
        ModelEvent::ToolCall(_)
        | ModelEvent::Warning(_)
        | ModelEvent::Usage(_)
        | ModelEvent::Finish(_) => None,
    });
    let texts: Vec<_> = texts.collect();
    assert!(!texts.is_empty(), "an answer has text");
    assert!(texts.iter().all(|text| !text.is_empty()), "a piece of text is never empty");
}

async fn a_whole_answer_is_the_stream_folded(model: &dyn ChatModel, request: &ChatRequest) {
    let reply = model.complete(&Context::local(), request.clone()).await;
    let Ok(reply) = reply else { panic!("the model does not answer: {:?}", reply.err()) };
    assert!(!reply.text.is_empty() && reply.finish_reason.is_some(), "a whole answer is whole");
}

async fn outcome(model: &dyn ChatModel, ctx: &Context, request: &ChatRequest) -> Result<()> {
    let mut stream = model.stream(ctx, request.clone()).await?;
    while let Some(event) = stream.next().await {
        event?;
    }
    Ok(())
}

async fn a_cancelled_context_is_refused(model: &dyn ChatModel, request: &ChatRequest) {
    let ctx = Context::local();
    ctx.cancel();
    let kind = outcome(model, &ctx, request).await.map_err(|error| error.kind());
    assert_eq!(kind, Err(ErrorKind::Cancelled), "nothing is done for who has left");
}

async fn a_deadline_that_passed_is_refused(model: &dyn ChatModel, request: &ChatRequest) {
    let ctx = Context::local().with_timeout(Duration::ZERO);
    let kind = outcome(model, &ctx, request).await.map_err(|error| error.kind());
    assert_eq!(kind, Err(ErrorKind::Timeout), "nothing is begun too late");
}

async fn dropping_a_stream_leaves_the_model_usable(model: &dyn ChatModel, request: &ChatRequest) {
    let stream = model.stream(&Context::local(), request.clone()).await;
    if let Ok(mut stream) = stream {
        let _ = stream.next().await;
    }
    answers_and_ends(model, request).await;
}
