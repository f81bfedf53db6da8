//! Puts a question in full where it leans on what was said before.
//!
//! "And in 2023?" finds nothing. A model could rewrite it, at the price of a call before every search; this is the
//! rewrite that costs nothing and works without one: the search gets the telling words of the question before, and of
//! the one before that while those lean on others too. Only the search sees them; the model sees the conversation.

use std::collections::HashSet;

use crate::text::query_terms;
use crate::types::{Message, MessageRole};

/// Questions with at most this many telling words may lean on what was said before.
const MAX_TERMS_OF_ELLIPTIC: usize = 3;

/// Earlier questions that are looked back at.
const MAX_LOOK_BACK: usize = 2;

/// What to search for instead of `question`; `None` where it stands by itself or is the first one.
pub(crate) fn follow_up(question: &str, path: &[Message]) -> Option<String> {
    if !leans(question) {
        return None;
    }
    let mut seen: HashSet<String> =
        query_terms(question).into_iter().map(|term| term.surface).collect();
    let mut added = Vec::new();
    let earlier = path.iter().rev().filter(|message| message.role == MessageRole::User);
    for message in earlier.take(MAX_LOOK_BACK) {
        let terms = query_terms(&message.content).into_iter().map(|term| term.surface);
        added.extend(terms.filter(|term| seen.insert(term.clone())));
        if !leans(&message.content) {
            break;
        }
    }
    (!added.is_empty()).then(|| format!("{question} {}", added.join(" ")))
}

/// Whether a question only makes sense after another one.
fn leans(question: &str) -> bool {
    let has_pronoun = question
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .any(|word| PRONOUNS.contains(&word.to_lowercase().as_str()));
    has_pronoun || query_terms(question).len() <= MAX_TERMS_OF_ELLIPTIC
}

/// Words that point back, in languages that are often asked in.
const PRONOUNS: &[&str] = &[
    "it", "its", "he", "his", "him", "she", "her", "they", "them", "their", "this", "that",
    "these", "those", "there", "él", "ella", "ellos", "ellas", "eso", "esa", "ese", "su", "sus",
    "il", "elle", "ils", "elles", "leur", "leurs", "cela", "ça", "er", "sie", "es", "dessen",
    "deren", "ihr", "ihre", "sein", "seine",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{MessageId, MessageState, Metadata, SessionId, Timestamp, Timings, Usage};

    fn asked(content: &str) -> Message {
        Message {
            id: MessageId::new(),
            session_id: SessionId::new(),
            parent_id: None,
            role: MessageRole::User,
            state: MessageState::Complete,
            content: content.to_owned(),
            citations: Vec::new(),
            unsupported: Vec::new(),
            sources: Vec::new(),
            abstained: false,
            model: None,
            usage: Usage::default(),
            timings: Timings::default(),
            warnings: Vec::new(),
            finish_reason: None,
            error: None,
            feedback: None,
            metadata: Metadata::default(),
            sibling_ids: Vec::new(),
            created_at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn a_question_that_leans_takes_the_telling_words_along() {
        let path = [asked("How many bridges cross the Danube in Budapest?")];
        let search = follow_up("And in 2023?", &path).expect("leans");
        assert!(search.starts_with("And in 2023?") && search.contains("danube"), "{search}");
        assert!(follow_up("Who designed them?", &path).is_some_and(|s| s.contains("bridges")));
    }

    #[test]
    fn the_look_back_ends_where_a_question_stands_by_itself() {
        let path = [
            asked("Tell me about the history of porcelain in Saxony during wars"),
            asked("How many bridges cross the Danube in Budapest?"),
            asked("Who designed them?"),
        ];
        let search = follow_up("When was that?", &path).expect("leans");
        assert!(search.contains("designed") && search.contains("danube"), "{search}");
        assert!(!search.contains("porcelain"), "{search}");
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
