//! The rolling summary: what was said before the exchanges that a prompt has room for.
//!
//! A model makes it once, after a turn has ended and nobody waits, of what that turn's prompt had to leave out, and goes
//! on from it later. It is kept by the last message it covers, so that a branch has what was said on it. With any
//! document behind it, it is gone; whatever stops its making, the next turn begins it again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::Engine;
use super::budget::Budget;
use super::wording::{BACKGROUND_TIMEOUT, Writer, neutral, said};
use crate::context::Context;
use crate::error::Result;
use crate::traits::{ChatModel, KeepSummary};
use crate::types::{
    CallPurpose, DocumentId, Message, MessageId, MessageRole, MessageState, SessionId, Summary,
};

/// Words of a summary: what fits an eighth of the smallest window in use, with room for long words.
pub(super) const SUMMARY_WORDS: usize = 250;

/// The longest summary that is kept, in characters: one that is longer is no summary.
const MAX_SUMMARY_CHARS: usize = 4000;

/// The sessions that are being summed up.
#[derive(Debug, Default)]
pub(super) struct Summing(Mutex<HashSet<SessionId>>);

impl Summing {
    fn locked<T>(&self, work: impl FnOnce(&mut HashSet<SessionId>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What to sum up.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) model: Arc<dyn ChatModel>,
    pub(super) session: SessionId,
    pub(super) profile: Option<String>,
    /// The summary so far.
    pub(super) before: Option<Summary>,
    /// What was said since and had no room, oldest first.
    pub(super) left_out: Vec<Message>,
}

impl Engine {
    /// The newest summary of what was said on this path; `None` where there is none.
    pub(super) async fn summary(
        &self,
        ctx: &Context,
        session: SessionId,
        path: &[Message],
    ) -> Result<Option<Summary>> {
        if !self.settings.summaries || path.is_empty() {
            return Ok(None);
        }
        let path = path.iter().map(|message| message.id).collect();
        self.store().summary(ctx, session, path).await
    }

    /// Sums up what was left out, where the session is not being summed up already.
    pub(super) async fn sum_up(&self, ctx: &Context, sum: Sum) -> Result<()> {
        if !self.summing.locked(|sessions| sessions.insert(sum.session)) {
            return Ok(());
        }
        let session = sum.session;
        let made = self.make_summary(ctx, sum).await;
        self.summing.locked(|sessions| sessions.remove(&session));
        made
    }

    async fn make_summary(&self, ctx: &Context, sum: Sum) -> Result<()> {
        let max_tokens = Budget::of(sum.model.info(), None).room() / 2;
        let part = self.first_part(&sum.left_out, max_tokens);
        let Some(last) = part.last() else { return Ok(()) };
        let before = sum.before.as_ref().map(|before| neutral(&before.text));
        let before = before.map(|text| format!("Summary so far: {text}\n")).unwrap_or_default();
        let lines: String = part.iter().filter_map(said).collect();
        let material = format!("<conversation>\n{before}{lines}</conversation>");
        let profile = self.profile(sum.profile.as_deref())?;
        let writer = Writer { model: &sum.model, session: sum.session, message: None, profile };
        let system = self.filled_in(&profile.summary);
        let ctx = &ctx.child().with_timeout(BACKGROUND_TIMEOUT);
        let Some(text) = self.written(ctx, writer, CallPurpose::Summary, (system, material)).await
        else {
            return Ok(());
        };
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_SUMMARY_CHARS {
            return Ok(());
        }
        let keep = KeepSummary {
            summary: Summary { covers: last.id, text: text.to_owned() },
            extends: sum.before.map(|before| before.covers),
            documents: documents(part),
        };
        self.store().keep_summary(ctx, sum.session, keep).await.map(|_| ())
    }

    /// As many of the messages as fit into one call, up to an answer.
    fn first_part<'a>(&self, messages: &'a [Message], max_tokens: usize) -> &'a [Message] {
        let (mut used, mut n) = (0, 0);
        for (at, message) in (1..).zip(messages) {
            used += said(message).map_or(0, |line| self.parts.counter.count(&line));
            if used > max_tokens && n > 0 {
                break;
            }
            if message.role == MessageRole::Assistant {
                n = at;
            }
        }
        messages.get(..n).unwrap_or_default()
    }
}

/// The documents that the messages rest on.
fn documents(messages: &[Message]) -> HashSet<DocumentId> {
    let told = messages.iter().filter(|message| said(message).is_some());
    told.flat_map(|message| message.sources.iter().map(|source| source.document_id)).collect()
}

/// The messages of the path that a prompt with the last `n_shown` of it leaves out, and no summary covers.
pub(super) fn left_out(path: &[Message], n_shown: usize, covered: Option<MessageId>) -> &[Message] {
    let (mut left, mut end) = (n_shown, path.len());
    for (at, pair) in path.windows(2).enumerate().rev() {
        if left == 0 {
            break;
        }
        if is_exchange(pair) {
            left = left.saturating_sub(2);
            end = at;
        }
    }
    let place = |id| path.iter().position(|message| message.id == id).map(|at| at + 1);
    let begin = covered.and_then(place).unwrap_or_default();
    path.get(begin..end).unwrap_or_default()
}

fn is_exchange(pair: &[Message]) -> bool {
    let [question, answer] = pair else { return false };
    question.role == MessageRole::User
        && answer.role == MessageRole::Assistant
        && answer.state == MessageState::Complete
        && !answer.content.is_empty()
        && !answer.sources.iter().any(|source| source.deleted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::message;

    fn path(n_exchanges: usize) -> Vec<Message> {
        let exchange = |n: usize| {
            [MessageRole::User, MessageRole::Assistant]
                .map(|role| message(role, MessageState::Complete, &format!("{n}")))
        };
        (0..n_exchanges).flat_map(exchange).collect()
    }

    #[test]
    fn what_is_neither_shown_nor_covered_is_left_out() {
        let path = path(5);
        let texts = |messages: &[Message]| -> String {
            messages.iter().map(|message| message.content.clone()).collect()
        };
        assert_eq!(texts(left_out(&path, 4, None)), "001122");
        assert_eq!(texts(left_out(&path, 4, Some(path[1].id))), "1122");
        assert_eq!(texts(left_out(&path, 10, None)), "");
        assert_eq!(texts(left_out(&path, 4, Some(path[9].id))), "");
        assert_eq!(texts(left_out(&path, 0, None)).len(), 10);
    }
}
