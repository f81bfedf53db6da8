//! What a question leans on where it goes on from others.
//!
//! "And in 2023?" finds nothing. A model can put it in full, at the price of a call before the search; this is what costs
//! nothing and works without one: the search gets the words of the conversation that the question is about, at a lower
//! weight than its own, so that they decide between passages that its own words do not tell apart. Only the search
//! gets them; a model that writes sees the conversation.

use crate::text::query_terms;
use crate::traits::QueryContext;

/// A question with more telling words than these is measured by its own words alone.
const MAX_TERMS: usize = 3;

/// How much the words of the question before count where a question points back. On public conversations, weights
/// from 0.4 to 0.6 found about the same; 1 found less.
const POINTED_AT: f32 = 0.5;

/// What `question` leans on, of the questions before it, oldest first; nothing where it stands by itself or is the first.
pub(crate) fn context(question: &str, after: &[String]) -> Vec<QueryContext> {
    let last = after.last().filter(|_| points_back(question));
    last.map(|last| QueryContext { text: last.clone(), weight: POINTED_AT }).into_iter().collect()
}

/// The question with the telling words of its context after it; `None` where it has none to add.
pub(crate) fn with_words(question: &str, context: &[QueryContext]) -> Option<String> {
    let mut known: Vec<String> =
        query_terms(question).into_iter().map(|term| term.surface).collect();
    let n_own = known.len();
    for text in context.iter().map(|context| &context.text) {
        for term in query_terms(text) {
            if !known.contains(&term.surface) {
                known.push(term.surface);
            }
        }
    }
    let added = known.get(n_own..).unwrap_or_default();
    (!added.is_empty()).then(|| format!("{question} {}", added.join(" ")))
}

/// What an answer has to be about: a short question that points back is about what it points to, and no other one is
/// measured by words that it does not have.
pub(crate) fn subject(question: &str, after: &[String]) -> String {
    let is_short = query_terms(question).len() <= MAX_TERMS;
    let context = if is_short { context(question, after) } else { Vec::new() };
    with_words(question, &context).unwrap_or_else(|| question.to_owned())
}

fn is_between(c: char) -> bool {
    !c.is_alphanumeric() && c != '\''
}

/// Whether a question has a word, or begins in a way, that only makes sense after another one.
fn points_back(question: &str) -> bool {
    let question = question.trim_start_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let mut words = question.split(is_between);
    OPENINGS.iter().any(|opening| question.starts_with(opening))
        || words.any(|word| POINTERS.contains(&word))
}

/// How a question begins that goes on from another one.
const OPENINGS: &[&str] = &[
    "and ",
    "what about",
    "how about",
    "so ",
    "then ",
    "but ",
    "or ",
    "also ",
    "any ",
    "no,",
    "y ",
    "et ",
    "und ",
];

/// Words that point back. Only those that mean nothing common in another language: a question is not long enough to
/// tell its language.
const POINTERS: &[&str] = &[
    "it", "its", "he", "his", "him", "she", "her", "they", "them", "their", "those", "these",
    "this", "that", "there", "one", "ones", "other", "others", "else", "same", "another", "él",
    "ella", "ellos", "ellas", "eso", "elle", "elles", "ils", "cela", "dessen", "deren", "davon",
    "dazu",
];

#[cfg(test)]
mod tests {
    use super::*;

    const BRIDGES: &str = "How many bridges cross the Danube in Budapest?";

    fn asked(questions: &[&str]) -> Vec<String> {
        questions.iter().map(|question| (*question).to_owned()).collect()
    }

    #[test]
    fn a_question_that_points_back_leans_on_the_one_before() {
        let after = asked(&[BRIDGES]);
        for question in ["And in 2023?", "Who designed them?"] {
            let found = context(question, &after);
            assert_eq!(found.first().map(|c| c.text.as_str()), Some(BRIDGES), "{question}");
            assert!(found.iter().all(|c| c.weight > 0.0 && c.weight < 1.0), "{found:?}");
            let subject = subject(question, &after);
            assert!(subject.starts_with(question) && subject.contains("danube"), "{subject}");
        }
    }

    #[test]
    fn only_the_question_before_is_pointed_at() {
        let after =
            asked(&["Tell me about the history of porcelain in Saxony during wars", BRIDGES]);
        let words = with_words("When was that?", &context("When was that?", &after));
        let words = words.expect("leans");
        assert!(words.contains("danube") && !words.contains("porcelain"), "{words}");
    }

    #[test]
    fn a_long_question_leans_too_and_is_measured_by_its_own_words() {
        let after = asked(&[BRIDGES]);
        let question = "Which engineers from Scotland had designed those before the war?";
        assert_eq!(context(question, &after).len(), 1);
        assert_eq!(subject(question, &after), question);
    }

    #[test]
    fn a_first_question_and_one_that_is_whole_stay_as_they_are() {
        assert_eq!(context("Who designed them?", &[]), []);
        let whole = "Which porcelain manufactory in Saxony exported most vases?";
        assert_eq!(context(whole, &asked(&[BRIDGES])), []);
        assert_eq!(with_words(whole, &[]), None);
    }
}
