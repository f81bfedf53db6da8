//! Which terms a text has.

use std::collections::HashSet;

use super::analyse;
use crate::types::Language;

/// The distinct terms of a text, for asking whether it has a term of a question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TermSet {
    surfaces: HashSet<String>,
    stems: HashSet<String>,
}

impl TermSet {
    /// The terms of `texts`, stemmed for `language`.
    #[must_use]
    pub fn of(texts: &[&str], language: Option<&Language>) -> Self {
        let terms = analyse(texts, language);
        let set = |terms: &str| terms.split_ascii_whitespace().map(str::to_owned).collect();
        Self { surfaces: set(terms.surfaces()), stems: set(terms.stems()) }
    }

    /// Whether the text has the term: as it stands, or one of its stems.
    #[must_use]
    pub fn has(&self, surface: &str, stems: &[String]) -> bool {
        self.surfaces.contains(surface) || stems.iter().any(|stem| self.stems.contains(stem))
    }

    /// Distinct terms.
    #[must_use]
    pub fn len(&self) -> usize {
        self.surfaces.len()
    }

    /// Whether the text has no terms.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.surfaces.is_empty()
    }
}
