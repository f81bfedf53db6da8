//! Words that say which language a text is in, and little else.
//!
//! *Source*: the lists of the NLTK corpus (mostly from the Snowball project), as the crate `stop-words` carries them.

use std::collections::HashMap;
use std::sync::OnceLock;

/// The languages that have a list: ISO 639-3 code and the list's name.
const LISTS: [(&str, &str); 16] = [
    ("eng", "en"),
    ("deu", "de"),
    ("fra", "fr"),
    ("spa", "es"),
    ("ita", "it"),
    ("por", "pt"),
    ("nld", "nl"),
    ("dan", "da"),
    ("swe", "sv"),
    ("nob", "no"),
    ("fin", "fi"),
    ("hun", "hu"),
    ("ron", "ro"),
    ("tur", "tr"),
    ("rus", "ru"),
    ("ell", "el"),
];

/// Some of the languages that have a list, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Languages(u16);

impl Languages {
    pub(super) fn contains(self, code: &str) -> bool {
        self.codes().any(|known| known == code)
    }

    fn codes(self) -> impl Iterator<Item = &'static str> {
        LISTS
            .iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, list)| list.0)
    }
}

/// The languages in which `word` (in lower case) is a stop word.
pub(super) fn languages_of(word: &str) -> Languages {
    words().get(word).copied().unwrap_or_default()
}

/// Whether `word` (in lower case) is a stop word in any language.
pub(super) fn is_stop_word(word: &str) -> bool {
    words().contains_key(word)
}

/// Counts, per language, the words that are stop words in it.
#[derive(Debug, Default)]
pub(super) struct Votes([u32; LISTS.len()]);

impl Votes {
    pub(super) fn count(&mut self, word: &str) {
        let languages = languages_of(word).0;
        for (bit, votes) in self.0.iter_mut().enumerate() {
            *votes += u32::from(languages >> bit & 1);
        }
    }

    /// The language with the most votes, its votes, and those of the next; the first in the list where several are
    /// equal.
    pub(super) fn winner(&self) -> (&'static str, u32, u32) {
        let (mut code, mut best, mut second) = ("eng", 0, 0);
        for (&votes, list) in self.0.iter().zip(&LISTS) {
            if votes > best {
                (code, second, best) = (list.0, best, votes);
            } else {
                second = second.max(votes);
            }
        }
        (code, best, second)
    }

    /// The votes of a language.
    pub(super) fn of(&self, code: &str) -> u32 {
        let votes = self.0.iter().zip(&LISTS).find(|(_, list)| list.0 == code);
        votes.map_or(0, |(votes, _)| *votes)
    }
}

fn words() -> &'static HashMap<String, Languages> {
    static WORDS: OnceLock<HashMap<String, Languages>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let mut words: HashMap<String, Languages> = HashMap::new();
        for (bit, (_, list)) in LISTS.iter().enumerate() {
            let entries = stop_words::lookup(list).unwrap_or_default();
            for word in entries.iter().flat_map(|entry| entry.split('\'')).filter(|w| !w.is_empty())
            {
                words.entry(word.to_lowercase()).or_default().0 |= 1 << bit;
            }
        }
        words
    })
}
