//! The newest messages that fit.

use async_trait::async_trait;

use crate::context::Context;
use crate::error::Result;
use crate::traits::{HistoryPolicy, ModelMessage, TokenCounter};
use crate::types::{Message, MessageRole, MessageState, Source};

/// Tokens that a message costs besides its text: its role and its delimiters.
const TOKENS_PER_MESSAGE: usize = 4;

/// Shows the newest messages that fit, whole, beginning with a question.
///
/// Answers that failed or were stopped are left out together with their questions: a model would take up their
/// thread. So are answers that rest on a document that is deleted now, and markers of earlier sources: the same number
/// means another source in the next answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowHistory;

#[async_trait]
impl HistoryPolicy for WindowHistory {
    async fn select(
        &self,
        _ctx: &Context,
        path: &[Message],
        counter: &dyn TokenCounter,
        max_tokens: usize,
    ) -> Result<Vec<ModelMessage>> {
        let mut left = max_tokens;
        let mut newest_first = Vec::new();
        for (question, answer) in exchanges(path).into_iter().rev() {
            let pair = [shown(answer), shown(question)];
            let costs =
                pair.iter().map(|message| counter.count(&message.content) + TOKENS_PER_MESSAGE);
            match left.checked_sub(costs.sum()) {
                Some(rest) => left = rest,
                None => break,
            }
            newest_first.extend(pair);
        }
        newest_first.reverse();
        Ok(newest_first)
    }
}

/// Questions with their answers, as far as both may be shown again.
fn exchanges(path: &[Message]) -> Vec<(&Message, &Message)> {
    let pairs = path.windows(2).filter_map(|pair| match pair {
        [question, answer] => Some((question, answer)),
        _ => None,
    });
    pairs
        .filter(|(question, answer)| {
            question.role == MessageRole::User
                && answer.role == MessageRole::Assistant
                && answer.state == MessageState::Complete
                && !answer.content.is_empty()
                && !answer.sources.iter().any(|source| source.deleted)
        })
        .collect()
}

fn shown(message: &Message) -> ModelMessage {
    let content = match message.role {
        MessageRole::User => message.content.clone(),
        MessageRole::Assistant => without_markers(&message.content, &message.sources),
    };
    ModelMessage { role: message.role, content }
}

fn without_markers(content: &str, sources: &[Source]) -> String {
    sources.iter().fold(content.to_owned(), |text, source| {
        let marker = format!("[{}]", source.index);
        text.replace(&format!(" {marker}"), "").replace(&marker, "")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EstimatedTokens;
    use crate::testing::message;

    fn exchange(question: &str, answer: &str, state: MessageState) -> [Message; 2] {
        [
            message(MessageRole::User, MessageState::Complete, question),
            message(MessageRole::Assistant, state, answer),
        ]
    }

    async fn shown(path: &[Message], max_tokens: usize) -> Vec<String> {
        let ctx = Context::local();
        let selected = WindowHistory.select(&ctx, path, &EstimatedTokens, max_tokens).await;
        selected.expect("never fails").into_iter().map(|message| message.content).collect()
    }

    #[tokio::test]
    async fn the_newest_that_fit_are_shown_in_order_and_whole() {
        let path = [
            exchange("one", "first", MessageState::Complete),
            exchange("two", "second", MessageState::Complete),
        ]
        .concat();
        assert_eq!(shown(&path, 1000).await, ["one", "first", "two", "second"]);
        assert_eq!(shown(&path, 14).await, ["two", "second"]);
        assert!(shown(&path, 5).await.is_empty());
    }

    #[tokio::test]
    async fn what_failed_or_was_stopped_is_left_out_with_its_question() {
        let path = [
            exchange("one", "first", MessageState::Complete),
            exchange("two", "half of", MessageState::Cancelled),
            exchange("three", "", MessageState::Failed),
        ]
        .concat();
        assert_eq!(shown(&path, 1000).await, ["one", "first"]);
    }
}
