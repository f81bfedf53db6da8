//! The sentences that may answer, and what speaks for each.

use std::collections::HashSet;

use super::addressed::{is_about_conversation, is_addressed};
use super::wanted::Wanted;
use crate::text::{TermSet, detect_language, query_terms, sentences};
use crate::traits::{Grounding, TermEvidence};
use crate::types::{Source, Span};

/// How much each thing that speaks for a sentence counts; the share of the question that it has itself counts 1.
///
/// *Source*: fitted by gradient descent on half of the public SQuAD 1.1 questions, then rounded; the other half, and
/// Spanish and Chinese questions that were not fitted on, lose less than half a point by the rounding.
mod weights {
    /// The share of the question that only the sentence before has: what a pronoun points to.
    pub(super) const BEFORE: f32 = 0.4;
    /// The share that only title and headings have.
    pub(super) const ABOVE: f32 = 0.4;
    /// The passage's score, as a share of the best passage's.
    pub(super) const PASSAGE: f32 = 1.2;
    /// Holding the kind of thing that is asked for.
    pub(super) const WANTED: f32 = 0.3;
    /// Being the heading itself: it has the question's words, and says nothing. As much as all of the words count.
    pub(super) const HEADING: f32 = -1.0;
    /// Being a line of a program or the rule of a table, which says nothing without its neighbours.
    pub(super) const SIGNS: f32 = -1.0;
    /// Giving orders to whoever answers. Little, so that a row of a table that has such an order in one cell still answers; enough
    /// that a sentence that says the same without orders comes first. Not fitted: the sets have no such sentences.
    pub(super) const ADDRESSED: f32 = -0.3;
}

/// Words from which on a question is found in a sentence: two may stand together in any.
const MIN_ECHO_WORDS: usize = 3;

/// A sentence of a source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// The source's place in the list of sources.
    pub(super) source: usize,
    /// Where it is in the source's text.
    pub(super) span: Span,
    /// How well it answers.
    pub(super) score: f32,
    /// Whether it, or the sentence before it, has any term of the question, or it means something near.
    pub(super) is_related: bool,
    /// Whether it gives orders to whoever answers, where the question is not about such.
    pub(super) is_addressed: bool,
    /// Whether it holds the question, word for word: what asks does not answer.
    is_echo: bool,
}

/// Every sentence of the sources, in reading order; one that stands in several sources only once, and one that holds the
/// question only where there is no other.
pub(super) fn candidates(grounding: &Grounding) -> Vec<Candidate> {
    let question = Question::new(grounding);
    let scores = grounding.sources.iter().map(|source| source.score);
    let best = scores.fold(f32::MIN_POSITIVE, f32::max);
    let mut seen = HashSet::new();
    let mut candidates = Vec::new();
    for (at, source) in grounding.sources.iter().enumerate().filter(|(_, source)| !source.deleted) {
        let weight = weights::PASSAGE * (source.score / best).max(0.0);
        let mut rated = question.rate(at, source);
        rated.retain(|c| seen.insert(c.span.slice(&source.text).unwrap_or_default()));
        candidates.extend(rated.into_iter().map(|c| Candidate { score: c.score + weight, ..c }));
    }
    if candidates.iter().any(|candidate| !candidate.is_echo) {
        candidates.retain(|candidate| !candidate.is_echo);
    }
    candidates
}

/// A question, ready to rate sentences by.
struct Question {
    terms: Vec<Term>,
    /// See [`words`]; `None` where it is too short to be told from a turn of phrase.
    words: Option<String>,
    own: TermSet,
    wanted: Wanted,
    is_about_conversation: bool,
}

/// A term of the question with its share of all that the terms tell.
struct Term {
    surface: String,
    stems: Vec<String>,
    share: f32,
}

impl Question {
    fn new(grounding: &Grounding) -> Self {
        let rarity = |surface: &str| {
            let known = grounding.terms.iter().find(|term| term.surface == surface);
            known.map_or(1.0, TermEvidence::rarity)
        };
        let terms = query_terms(&grounding.question);
        let total: f32 = terms.iter().map(|term| rarity(&term.surface)).sum();
        let terms = terms.into_iter().map(|term| Term {
            share: rarity(&term.surface) / total.max(f32::MIN_POSITIVE),
            surface: term.surface,
            stems: term.stems,
        });
        let words = words(&grounding.question);
        Self {
            terms: terms.collect(),
            words: (words.split_whitespace().count() >= MIN_ECHO_WORDS).then_some(words),
            own: TermSet::of(&[&grounding.question], None),
            wanted: Wanted::by(&grounding.question),
            is_about_conversation: is_about_conversation(&grounding.question.to_lowercase()),
        }
    }

    /// The sentences of the source at this place, and how well each answers.
    fn rate(&self, at: usize, source: &Source) -> Vec<Candidate> {
        let language = detect_language(&source.text);
        let heading = source.heading.as_deref().unwrap_or_default();
        let above = TermSet::of(&[&source.title, heading], language.as_ref());
        let mut before = TermSet::default();
        let mut rated = Vec::new();
        for span in sentences(&source.text) {
            let text = span.slice(&source.text).unwrap_or_default();
            if !text.contains(char::is_alphanumeric) {
                continue;
            }
            let here = TermSet::of(&[text], language.as_ref());
            let mut score =
                f32::from(u8::from(self.wanted.is_in(text, &self.own))) * weights::WANTED;
            if is_heading(text, source) {
                score += weights::HEADING;
            }
            let is_addressed = !self.is_about_conversation && is_addressed(text);
            if is_addressed {
                score += weights::ADDRESSED;
            }
            let is_signs = is_mostly_signs(text);
            if is_signs {
                score += weights::SIGNS;
            }
            let (mut is_related, mut has_all) = (false, true);
            for term in &self.terms {
                let (is_here, was_before) = (term.is_in(&here), term.is_in(&before));
                is_related |= is_here || was_before;
                has_all &= is_here;
                score += term.share
                    * match (is_here, was_before, term.is_in(&above)) {
                        (true, ..) => 1.0,
                        (false, was_before, is_above) => {
                            f32::from(u8::from(was_before)) * weights::BEFORE
                                + f32::from(u8::from(is_above)) * weights::ABOVE
                        }
                    };
            }
            is_related &= !is_signs;
            let is_echo =
                has_all && self.words.as_ref().is_some_and(|own| words(text).contains(own));
            rated.push(Candidate { source: at, span, score, is_related, is_addressed, is_echo });
            before = here;
        }
        rated
    }
}

/// The words of a text in lower case, a space around each: how a text is found in another whatever stands between words.
fn words(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(" ".to_owned(), |all, word| all + &word.to_lowercase() + " ")
}

/// Whether more than a third of a text is brackets and operators: prose has one in ten at most.
fn is_mostly_signs(text: &str) -> bool {
    let signs = text.matches(|c| "(){}[]<>=;_|&\\".contains(c)).count();
    signs * 3 > text.chars().filter(|c| !c.is_whitespace()).count()
}

/// Whether a sentence is the title or the heading that it stands under, the last step of its path.
fn is_heading(sentence: &str, source: &Source) -> bool {
    let sentence = sentence.trim();
    sentence == source.title.trim()
        || source.heading.as_deref().is_some_and(|path| {
            let before = path.trim_end().strip_suffix(sentence);
            before.is_some_and(|before| !before.ends_with(char::is_alphanumeric))
        })
}

impl Term {
    fn is_in(&self, set: &TermSet) -> bool {
        set.has(&self.surface, &self.stems)
    }
}
