//! Text for load: made up, the same for the same seed, and shaped like language where it matters to a search engine.
//!
//! Words follow Zipf's law, with English function words as the most frequent ones, so that language detection, stop
//! words and stems behave as on real text; sentences, paragraphs and headings have the lengths of a report. The words
//! themselves are syllables put together, and mean nothing.

use crate::chance::Chance;

/// The words that English uses most, in about that order.
const FUNCTION_WORDS: &[&str] = &[
    "the", "of", "and", "to", "in", "a", "is", "that", "for", "it", "as", "was", "with", "be",
    "by", "on", "not", "he", "this", "are", "or", "his", "from", "at", "which", "but", "have",
    "an", "had", "they", "you", "were", "their", "one", "all", "we", "can", "her", "has", "there",
    "been", "if", "more", "when", "will", "would", "who", "so", "no", "she", "other", "its", "may",
    "these", "what", "them", "than", "some", "him", "time", "into", "only", "could", "new", "then",
];
const ONSETS: &[&str] = &[
    "b", "br", "c", "ch", "d", "f", "g", "gr", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr",
    "v", "w",
];
const VOWELS: &[&str] = &["a", "e", "i", "o", "u", "ea", "ai", "ou"];
const CODAS: &[&str] = &["", "l", "n", "r", "s", "t", "nd", "rk", "st", "m"];
const ENDINGS: &[&str] = &["", "", "", "s", "ed", "ing", "er", "ly", "ness", "ment"];
/// Distinct words: what a few megabytes of reports use.
const N_WORDS: usize = 20_000;
/// Shifts the law at its head, as it is measured on English (Mandelbrot's constant).
const SHIFT: f64 = 2.7;

/// Makes text.
#[derive(Debug, Clone)]
pub struct Prose {
    words: Vec<String>,
    /// The share of all text up to each word.
    cumulative: Vec<f64>,
    chance: Chance,
}

impl Prose {
    /// The text of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut prose =
            Self { words: Vec::new(), cumulative: Vec::new(), chance: Chance::new(seed) };
        prose.words.extend(FUNCTION_WORDS.iter().map(|word| (*word).to_owned()));
        while prose.words.len() < N_WORDS {
            let word = prose.coined();
            prose.words.push(word);
        }
        let mut sum = 0.0;
        for rank in 0..u32::try_from(N_WORDS).unwrap_or(u32::MAX) {
            sum += 1.0 / (f64::from(rank) + SHIFT);
            prose.cumulative.push(sum);
        }
        prose
    }

    /// About `n_bytes` of paragraphs under headings.
    #[must_use]
    pub fn text(&mut self, n_bytes: usize) -> String {
        let mut text = String::with_capacity(n_bytes + 1024);
        while text.len() < n_bytes {
            let heading = self.words_joined(3);
            text.push_str(&capitalised(&heading));
            text.push_str("\n\n");
            for _ in 0..self.chance.between(3, 6) {
                text.push_str(&self.paragraph());
                text.push_str("\n\n");
            }
        }
        text
    }

    /// A paragraph of three to eight sentences.
    #[must_use]
    pub fn paragraph(&mut self) -> String {
        let n_sentences = self.chance.between(3, 8);
        let sentences: Vec<String> = (0..n_sentences).map(|_| self.sentence()).collect();
        sentences.join(" ")
    }

    /// A question about `text`: some of the words of one of its sentences.
    #[must_use]
    pub fn question_about(&mut self, text: &str) -> String {
        let sentences: Vec<&str> = text.split(['.', '\n']).filter(|s| s.len() > 40).collect();
        let sentence =
            sentences.get(self.chance.below(sentences.len().max(1))).copied().unwrap_or("it");
        let rare: Vec<&str> =
            sentence.split_whitespace().filter(|word| word.len() > 5).take(4).collect();
        format!("What is said about {}?", rare.join(" ").replace(',', ""))
    }

    /// A word that is in no text, for a fact that only one document holds.
    #[must_use]
    pub fn name(&mut self) -> String {
        let name = format!("{}{}q", self.coined(), self.coined());
        capitalised(&name)
    }

    fn sentence(&mut self) -> String {
        let n_words = self.chance.between(6, 28);
        let mut sentence = capitalised(&self.words_joined(n_words));
        sentence.push('.');
        sentence
    }

    fn words_joined(&mut self, n_words: usize) -> String {
        let mut joined = String::new();
        for at in 0..n_words {
            if at > 0 {
                joined.push_str(if self.chance.below(14) == 0 { ", " } else { " " });
            }
            joined.push_str(self.word());
        }
        joined
    }

    fn word(&mut self) -> &str {
        let total = self.cumulative.last().copied().unwrap_or_default();
        let at = self.chance.share() * total;
        let rank = self.cumulative.partition_point(|sum| *sum < at);
        self.words.get(rank).map_or("the", String::as_str)
    }

    fn coined(&mut self) -> String {
        let mut word = String::new();
        for _ in 0..self.chance.between(1, 3) {
            for part in [ONSETS, VOWELS, CODAS] {
                word.push_str(self.one_of(part));
            }
        }
        word.push_str(self.one_of(ENDINGS));
        word
    }

    fn one_of(&mut self, parts: &'static [&'static str]) -> &'static str {
        let at = self.chance.below(parts.len());
        parts.get(at).copied().unwrap_or_default()
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn a_seed_gives_its_text_and_another_seed_another() {
        assert_eq!(Prose::new(1).text(5_000), Prose::new(1).text(5_000));
        assert_ne!(Prose::new(1).text(5_000), Prose::new(2).text(5_000));
    }

    #[test]
    fn words_are_as_unevenly_used_as_in_language() {
        let text = Prose::new(7).text(300_000).to_lowercase();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
        for word in words {
            *counts.entry(word).or_default() += 1;
        }
        let n_words: usize = counts.values().sum();
        let share = 100 * counts["the"] / n_words;
        assert!((2..=8).contains(&share), "`the` is {share} % of the words");
        let once = counts.values().filter(|count| **count == 1).count();
        assert!(once > counts.len() / 5, "only {once} of {} words stand once", counts.len());
        let language = chatbot_core::text::detect_language(&text[..4_000]);
        assert_eq!(language.map(|language| language.as_str().to_owned()).as_deref(), Some("eng"));
    }
}
