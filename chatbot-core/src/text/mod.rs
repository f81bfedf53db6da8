//! What texts are made of: words, stems, sentences, languages. Plain functions on slices, shared by indexing,
//! searching, answering and citing, so that all of them mean the same by a term.

mod abbreviations;
mod characters;
mod estimate;
mod language;
mod lines;
mod nul;
mod sentences;
mod stems;
mod stop_words;
mod term_set;
mod terms;
mod tokens;

pub use estimate::estimate_tokens;
pub(crate) use estimate::{quarter_tokens, quarters};
pub use language::{detect_language, question_language};
pub(crate) use nul::refuse_nul;
pub use sentences::sentences;
pub use term_set::TermSet;
pub use terms::{ANALYSER, QueryTerm, Terms, analyse, query_terms};
