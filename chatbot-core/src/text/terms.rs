//! Terms: what an index knows of a text.

use std::collections::HashMap;

use super::language::plausible_languages;
use super::stems::Stems;
use super::stop_words::{Votes, languages_of};
use super::tokens::{Token, TokenKind, scan};
use crate::types::Language;

/// Names the way in which texts become terms. A change of it rebuilds every lexical index.
pub const ANALYSER: &str = "surface+stem/2";

/// The most distinct terms of a question that are looked for; a longer one is a document, and its beginning will do.
const MAX_QUERY_TERMS: usize = 128;

/// The terms of a text in reading order, twice: as they stand (normalised), and reduced to stems.
///
/// # Shape
/// Both lists are kept as one string each, with single spaces between terms; no term contains white space.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    surfaces: String,
    stems: String,
}

impl Terms {
    /// The surface forms, separated by single spaces.
    #[must_use]
    pub fn surfaces(&self) -> &str {
        &self.surfaces
    }

    /// The stems, separated by single spaces.
    #[must_use]
    pub fn stems(&self) -> &str {
        &self.stems
    }
}

/// A term of a question, as it stands and reduced to its stems.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryTerm {
    /// The surface form, normalised.
    pub surface: String,
    /// Its stems, one per language it may be in; without doubles.
    pub stems: Vec<String>,
    /// How much it counts; 1 is usual.
    pub weight: f32,
}

/// The terms of `texts`, one after the other, stemmed for `language`.
#[must_use]
pub fn analyse(texts: &[&str], language: Option<&Language>) -> Terms {
    let stems = Stems::new(language.map(Language::as_str));
    let n_bytes: usize = texts.iter().map(|text| text.len() + 1).sum();
    let mut terms =
        Terms { surfaces: String::with_capacity(n_bytes), stems: String::with_capacity(n_bytes) };
    for text in texts {
        scan(text, &mut |token| {
            if !terms.surfaces.is_empty() {
                terms.surfaces.push(' ');
                terms.stems.push(' ');
            }
            terms.surfaces.push_str(token.text);
            push_stem(&mut terms.stems, &stems, token.text, token.kind);
        });
    }
    terms
}

fn push_stem(out: &mut String, stems: &Stems, word: &str, kind: TokenKind) {
    match kind {
        TokenKind::Word => stems.push(out, word),
        TokenKind::Exact | TokenKind::Gram => out.push_str(word),
    }
}

/// The distinct terms of a question, stemmed for each of the languages it may be in. Words that tell nothing are left
/// out where others remain.
///
/// # Shape
/// In the order in which they first occur, at most 128. One that occurs n times weighs the square root of n.
#[must_use]
pub fn query_terms(question: &str) -> Vec<QueryTerm> {
    let words = words_of(question);
    let languages = languages_of_question(question, &words);
    let shouted = words.iter().all(|word| word.capitals || word.kind != TokenKind::Word);
    let is_noise = |word: &Word| {
        // "US" and "IT" are names, unless everything is written like that.
        let is_name = word.capitals && !shouted;
        let likeliest = languages.first().copied().unwrap_or_default();
        word.kind == TokenKind::Word && !is_name && languages_of(&word.text).contains(likeliest)
    };
    let telling: Vec<&Word> = words.iter().filter(|word| !is_noise(word)).collect();
    let chosen = if telling.is_empty() { words.iter().collect() } else { telling };
    let stems: Vec<Stems> = languages.iter().map(|language| Stems::new(Some(language))).collect();
    chosen.into_iter().map(|word| word.query_term(&stems)).collect()
}

/// The languages a question may be in, likeliest first. Only words tell: not those of another script that stand in a
/// question without spaces.
fn languages_of_question(question: &str, words: &[Word]) -> Vec<&'static str> {
    let mut votes = Votes::default();
    let (spaced, others): (Vec<_>, Vec<_>) =
        words.iter().partition(|word| word.kind == TokenKind::Word);
    if spaced.len() > others.len() {
        spaced.iter().for_each(|word| votes.count(&word.text));
    }
    plausible_languages(question, &votes)
}

/// A distinct word of a question.
struct Word {
    text: String,
    kind: TokenKind,
    capitals: bool,
    count: u16,
}

impl Word {
    fn query_term(&self, languages: &[Stems]) -> QueryTerm {
        let mut stems: Vec<String> = Vec::with_capacity(languages.len());
        for language in languages {
            let mut stem = String::new();
            push_stem(&mut stem, language, &self.text, self.kind);
            if !stems.contains(&stem) {
                stems.push(stem);
            }
        }
        QueryTerm { surface: self.text.clone(), stems, weight: f32::from(self.count).sqrt() }
    }
}

fn words_of(question: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    scan(question, &mut |token: Token<'_>| {
        let known = places.get(token.text).and_then(|at| words.get_mut(*at));
        if let Some(word) = known {
            word.count = word.count.saturating_add(1);
            word.capitals |= token.capitals;
        } else if words.len() < MAX_QUERY_TERMS {
            places.insert(token.text.to_owned(), words.len());
            let (text, kind, capitals) = (token.text.to_owned(), token.kind, token.capitals);
            words.push(Word { text, kind, capitals, count: 1 });
        }
    });
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surfaces(question: &str) -> Vec<String> {
        query_terms(question).into_iter().map(|term| term.surface).collect()
    }

    #[test]
    fn words_that_tell_nothing_are_left_out_where_others_remain() {
        assert_eq!(surfaces("Who leads the team?"), ["leads", "team"]);
        assert_eq!(surfaces("¿Cuál es el equipo de la final?"), ["cuál", "equipo", "final"]);
        assert_eq!(surfaces("who is it"), ["who", "is", "it"]);
    }

    #[test]
    fn names_in_capitals_are_not_noise() {
        assert_eq!(surfaces("Who did the US and IT invite?"), ["us", "it", "invite"]);
        assert_eq!(surfaces("WHO IS THE KING"), ["king"]);
    }

    #[test]
    fn a_question_and_a_passage_mean_the_same_by_a_stem() {
        let spanish = Language::from_static("spa");
        let passage = analyse(&["Las canciones cantadas"], Some(&spanish));
        let term = query_terms("¿Quién canta la canción?").pop().unwrap();
        assert!(
            term.stems.iter().any(|stem| passage.stems().split(' ').any(|known| known == stem))
        );
        assert_ne!(passage.surfaces(), passage.stems());
        assert_eq!(passage.surfaces(), "las canciones cantadas");
    }

    #[test]
    fn a_word_that_comes_twice_counts_once_but_more() {
        let terms = query_terms("wing flow over wing wing wing");
        assert_eq!(terms[0].surface, "wing");
        assert!((terms[0].weight - 2.0).abs() < 1e-6);
        assert_eq!(terms.len(), 2);
    }

    #[test]
    fn an_endless_question_has_a_limit() {
        let question: String = (0..100_000).map(|n| format!("word{n} ")).collect();
        assert_eq!(query_terms(&question).len(), MAX_QUERY_TERMS);
    }

    #[test]
    fn both_lists_have_as_many_terms() {
        let text = "C++ 黑豹队 running Straße 1,000 ½ ﷺ \u{FDFA} a\u{308}";
        let terms = analyse(&[text, "", "title"], None);
        let count = |list: &str| list.split(' ').count();
        assert_eq!(count(terms.surfaces()), count(terms.stems()));
        assert!(!terms.surfaces().contains("  ") && !terms.stems().contains("  "));
    }
}
