//! What a turn searches for: the question, put in full where it leans on what was said before.

use super::run::Run;
use crate::context::Context;
use crate::engine::rewrite;
use crate::engine::search::Found;
use crate::engine::wording::Writer;
use crate::error::Result;
use crate::text::query_terms;
use crate::types::{Event, Message, MessageRole, MessageState, Rewriting, SearchRequest};

/// What a question is searched by.
#[derive(Debug)]
pub(super) struct Searched {
    /// What is searched for.
    pub(super) query: String,
    /// The questions that it may lean on, oldest first.
    pub(super) after: Vec<String>,
    /// What the answer has to be about.
    pub(super) subject: String,
}

impl Searched {
    /// Takes the question as it stands.
    fn plain(question: &str) -> Self {
        let question = question.to_owned();
        Self { query: question.clone(), after: Vec::new(), subject: question }
    }

    /// What was found, without the terms that only helped to find it: an answer is not measured by them.
    pub(super) fn about_the_subject(&self, mut found: Found) -> Found {
        if !self.after.is_empty() {
            let subject = query_terms(&self.subject);
            found.terms.retain(|term| subject.iter().any(|known| known.surface == term.surface));
        }
        found
    }
}

impl Run {
    /// What is searched for: the question, put in full where it leans on what was said before.
    pub(super) async fn searched(&self, ctx: &Context, path: &[Message]) -> Result<Searched> {
        let asked = &self.begun.user_message.content;
        let after = questions(path);
        let rewriting = self.engine.settings.rewriting;
        if !self.grounded() || after.is_empty() || rewriting == Rewriting::Off {
            return Ok(Searched::plain(asked));
        }
        let context = rewrite::context(asked, &after);
        if self.may_write(rewriting, !context.is_empty()) {
            let profile = self.engine.profile(self.request.profile.as_deref())?;
            let writer = Writer {
                model: &self.model,
                session: self.begun.session.id,
                message: Some(self.live.id),
                profile,
            };
            if let Some(full) = self.engine.in_full(ctx, writer, asked, path).await {
                if full != *asked {
                    self.live.emit(Event::Rewritten { queries: vec![full.clone()] });
                }
                return Ok(Searched::plain(&full));
            }
            ctx.check()?;
        }
        if let Some(words) = rewrite::with_words(asked, &context) {
            self.live.emit(Event::Rewritten { queries: vec![words] });
        }
        let subject = rewrite::subject(asked, &after);
        Ok(Searched { query: asked.clone(), after, subject })
    }

    /// Whether the model puts the question in full.
    fn may_write(&self, rewriting: Rewriting, leans: bool) -> bool {
        let is_wanted = match rewriting {
            Rewriting::Auto => leans,
            Rewriting::Model => true,
            Rewriting::Heuristic | Rewriting::Off => false,
        };
        is_wanted && !self.model.info().quotes_only
    }
}

/// The questions on the path, oldest first, as many as a search takes.
fn questions(path: &[Message]) -> Vec<String> {
    let asked = path.iter().filter(|message| {
        message.role == MessageRole::User
            && message.state == MessageState::Complete
            && message.content.len() <= SearchRequest::MAX_QUERY_BYTES
    });
    let asked: Vec<_> = asked.map(|message| message.content.clone()).collect();
    let first = asked.len().saturating_sub(SearchRequest::MAX_AFTER);
    asked.into_iter().skip(first).collect()
}
