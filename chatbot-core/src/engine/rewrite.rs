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
