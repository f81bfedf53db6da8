//! Reduces words to stems.

use rust_stemmers::{Algorithm, Stemmer};

use super::characters::push_folded;

/// Stems the words of one passage: each script by a language that is written in it, the passage's own where that
/// fits.
pub(super) struct Stems {
    latin: Option<Stemmer>,
    cyrillic: Option<Stemmer>,
    greek: Stemmer,
    arabic: Stemmer,
    tamil: Stemmer,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Script {
    Latin,
    Cyrillic,
    Greek,
    Arabic,
    Tamil,
    Other,
}

impl Stems {
    /// Stems for a passage in `language` (ISO 639-3). English words occur in texts of any script, so they are the
    /// Latin ones where the language is not known or not written in Latin letters.
    pub(super) fn new(language: Option<&str>) -> Self {
        let cyrillic = match language {
            Some("ukr" | "bel" | "bul" | "mkd" | "srp") => None,
            _ => Some(Stemmer::create(Algorithm::Russian)),
        };
        Self {
            latin: latin_algorithm(language).map(Stemmer::create),
            cyrillic,
            greek: Stemmer::create(Algorithm::Greek),
            arabic: Stemmer::create(Algorithm::Arabic),
            tamil: Stemmer::create(Algorithm::Tamil),
        }
    }

    /// Appends the stem of `word`, which is in lower case, without accents.
    pub(super) fn push(&self, out: &mut String, word: &str) {
        match self.stemmer(word) {
            Some(stemmer) => push_folded(out, &stemmer.stem(word)),
            None => push_folded(out, word),
        }
    }

    fn stemmer(&self, word: &str) -> Option<&Stemmer> {
        match script(word) {
            Script::Latin => self.latin.as_ref(),
            Script::Cyrillic => self.cyrillic.as_ref(),
            Script::Greek => Some(&self.greek),
            Script::Arabic => Some(&self.arabic),
            Script::Tamil => Some(&self.tamil),
            Script::Other => None,
        }
    }
}

/// The script of a word's first letter; `Other` for what begins with a digit.
fn script(word: &str) -> Script {
    match word.chars().next().map_or(0, u32::from) {
        0x61..=0x7A | 0xC0..=0x24F | 0x1E00..=0x1EFF => Script::Latin,
        0x370..=0x3FF | 0x1F00..=0x1FFF => Script::Greek,
        0x400..=0x52F => Script::Cyrillic,
        0x600..=0x6FF | 0x750..=0x77F => Script::Arabic,
        0xB80..=0xBFF => Script::Tamil,
        _ => Script::Other,
    }
}

/// The Snowball algorithm for Latin words; `None` for a Latin language that has none.
fn latin_algorithm(language: Option<&str>) -> Option<Algorithm> {
    Some(match language {
        Some("deu") => Algorithm::German,
        Some("fra") => Algorithm::French,
        Some("spa") => Algorithm::Spanish,
        Some("ita") => Algorithm::Italian,
        Some("por") => Algorithm::Portuguese,
        Some("nld") => Algorithm::Dutch,
        Some("dan") => Algorithm::Danish,
        Some("swe") => Algorithm::Swedish,
        Some("nob" | "nno") => Algorithm::Norwegian,
        Some("fin") => Algorithm::Finnish,
        Some("hun") => Algorithm::Hungarian,
        Some("ron") => Algorithm::Romanian,
        Some("tur") => Algorithm::Turkish,
        Some(
            "pol" | "ces" | "slk" | "hrv" | "slv" | "lit" | "lav" | "est" | "vie" | "cat" | "ind"
            | "tgl" | "epo" | "lat" | "afr" | "zul" | "sna" | "uzb" | "tuk" | "aze" | "jav",
        ) => return None,
        _ => Algorithm::English,
    })
}
