//! Puts a question in full where it leans on what was said before.
//!
//! "And in 2023?" finds nothing. A model could rewrite it, at the price of a call before every search; this is the
//! rewrite that costs nothing and works without one: the search gets the telling words of the question before. Only
//! the search sees them; the model sees the conversation.

use std::collections::HashSet;

use crate::text::query_terms;
use crate::types::{Message, MessageRole};

/// A question with more telling words stands by itself, whatever else it holds. Adding words to such questions made
/// the search worse on public conversations; adding them to the others made it better, on both halves of them.
const MAX_TERMS: usize = 3;

/// What to search for instead of `question`; `None` where it stands by itself or is the first one.
pub(crate) fn follow_up(question: &str, path: &[Message]) -> Option<String> {
    let before = path.iter().rev().find(|message| message.role == MessageRole::User)?;
    let own = query_terms(question);
    if own.len() > MAX_TERMS || !points_back(question) {
        return None;
    }
    let mut seen: HashSet<String> = own.into_iter().map(|term| term.surface).collect();
    let terms = query_terms(&before.content).into_iter().map(|term| term.surface);
    let added: Vec<String> = terms.filter(|term| seen.insert(term.clone())).collect();
    (!added.is_empty()).then(|| format!("{question} {}", added.join(" ")))
}

/// Whether a question has a word, or begins in a way, that only makes sense after another one.
fn points_back(question: &str) -> bool {
    let question = question.trim_start_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let mut words = question.split(|c: char| !c.is_alphanumeric() && c != '\'');
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
    use crate::testing::message;
    use crate::types::MessageState;

    fn asked(content: &str) -> Message {
        message(MessageRole::User, MessageState::Complete, content)
    }

    #[test]
    fn a_question_that_leans_takes_the_telling_words_along() {
        let path = [asked("How many bridges cross the Danube in Budapest?")];
        let search = follow_up("And in 2023?", &path).expect("leans");
        assert!(search.starts_with("And in 2023?") && search.contains("danube"), "{search}");
        assert!(follow_up("Who designed them?", &path).is_some_and(|s| s.contains("bridges")));
    }

    #[test]
    fn only_the_question_before_is_looked_at() {
        let path = [
            asked("Tell me about the history of porcelain in Saxony during wars"),
            asked("How many bridges cross the Danube in Budapest?"),
        ];
        let search = follow_up("When was that?", &path).expect("leans");
        assert!(search.contains("danube") && !search.contains("porcelain"), "{search}");
    }

    #[test]
    fn a_first_question_and_one_that_is_whole_stay_as_they_are() {
        assert_eq!(follow_up("Who designed them?", &[]), None);
        let path = [asked("How many bridges cross the Danube in Budapest?")];
        assert_eq!(
            follow_up("Which porcelain manufactory in Saxony exported most vases?", &path),
            None
        );
    }
}
