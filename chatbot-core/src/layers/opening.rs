//! Where an answer begins, and what is held for as long as it lasts: what several layers need to know of a stream.

use futures_util::{StreamExt as _, stream};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{ChatModel, ChatRequest, ModelEvent, ModelStream};

/// An answer that has begun: its first piece is there, or it ended without any. What fails before that fails here, where
/// nobody has seen anything yet.
pub(super) async fn opened(
    model: &dyn ChatModel,
    ctx: &Context,
    request: ChatRequest,
) -> Result<ModelStream> {
    let mut stream = model.stream(ctx, request).await?;
    let mut head = Vec::new();
    loop {
        let event = ctx.run(async { stream.next().await.transpose() }).await?;
        let event = event.ok_or_else(broken_off)?;
        let is_begun = event.is_content() || matches!(event, ModelEvent::Finish(_));
        head.push(event);
        if is_begun {
            return Ok(stream::iter(head.into_iter().map(Ok)).chain(stream).boxed());
        }
    }
}

fn broken_off() -> Error {
    Error::new(ErrorKind::BadResponse, "The model's answer was broken off. Ask again.")
        .with_operation("model.stream")
}

/// What watches an answer from its beginning to its end.
pub(super) trait Watch: Send + 'static {
    /// Sees an event, and may put others in its place. After an error or a [`ModelEvent::Finish`] it is dropped, and the
    /// stream with it.
    fn see(&mut self, event: Result<ModelEvent>) -> Vec<Result<ModelEvent>>;

    /// The stream ended without an end.
    fn broke_off(&mut self) -> Vec<Result<ModelEvent>> {
        Vec::new()
    }
}

/// The stream under the eyes of `watch`, which is dropped as soon as the answer is over, even where the stream is kept.
pub(super) fn watched(stream: ModelStream, watch: impl Watch) -> ModelStream {
    let state = Some((stream, watch));
    let pieces = stream::unfold(state, async |state| {
        let (mut stream, mut watch) = state?;
        let Some(event) = stream.next().await else {
            return Some((stream::iter(watch.broke_off()), None));
        };
        let is_over = matches!(event, Err(_) | Ok(ModelEvent::Finish(_)));
        let events = stream::iter(watch.see(event));
        Some((events, (!is_over).then_some((stream, watch))))
    });
    pieces.flatten().boxed()
}

/// Keeps a thing for as long as an answer lasts.
pub(super) struct Hold<T>(pub(super) T);

impl<T: Send + 'static> Watch for Hold<T> {
    fn see(&mut self, event: Result<ModelEvent>) -> Vec<Result<ModelEvent>> {
        vec![event]
    }
}
