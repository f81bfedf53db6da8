//! Words whose dot is their own.

use std::collections::HashMap;
use std::sync::OnceLock;

/// What may follow an abbreviation within a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Abbreviation {
    /// A word: a sentence never ends here.
    Before,
    /// A number.
    Number,
    /// Anything, but a sentence may end here as well.
    Within,
}

/// What `word`, without its last dot, is short for something in front of; `None` for other words.
pub(super) fn abbreviation(word: &str) -> Option<Abbreviation> {
    static KNOWN: OnceLock<HashMap<&'static str, Abbreviation>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| parse(include_str!("abbreviations.txt")));
    known.get(word.to_lowercase().as_str()).copied()
}

fn parse(table: &'static str) -> HashMap<&'static str, Abbreviation> {
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    let words = rows.flat_map(|row| {
        let mut words = row.split_whitespace();
        let kind = match words.next() {
            Some("before") => Abbreviation::Before,
            Some("number") => Abbreviation::Number,
            _ => Abbreviation::Within,
        };
        words.map(move |word| (word, kind))
    });
    words.collect()
}
