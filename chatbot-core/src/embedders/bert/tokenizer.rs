//! Word pieces, as BERT's tokenizer makes them: words of a cleaned text, each the longest pieces that the vocabulary has.
//!
//! Names of special tokens that stand in a text, such as `[SEP]`, are words like others: a document cannot speak to the
//! model in its own signs.

use std::collections::HashMap;

use serde::Deserialize;
use unicode_categories::UnicodeCategories as _;
use unicode_normalization::UnicodeNormalization as _;

use crate::error::{Error, ErrorKind, Result};

/// Turns a text into the numbers of its word pieces.
#[derive(Debug)]
pub(crate) struct Tokenizer {
    /// Pieces that begin a word.
    starts: HashMap<Box<str>, u32>,
    /// Pieces that go on with one, without the `##` before them.
    continuations: HashMap<Box<str>, u32>,
    unknown: u32,
    pub(crate) first: u32,
    pub(crate) last: u32,
    max_word_chars: usize,
    longest_piece: usize,
    lowercase: bool,
    strip_accents: bool,
    spaces_around_ideographs: bool,
}

#[derive(Deserialize)]
struct File {
    model: Model,
    #[serde(default)]
    normalizer: Option<Normalizer>,
}

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<Box<str>, u32>,
    #[serde(default = "unknown_token")]
    unk_token: String,
    #[serde(default = "max_word_chars")]
    max_input_chars_per_word: usize,
}

#[derive(Deserialize)]
#[serde(default)]
struct Normalizer {
    lowercase: bool,
    strip_accents: Option<bool>,
    handle_chinese_chars: bool,
}

impl Default for Normalizer {
    fn default() -> Self {
        Self { lowercase: true, strip_accents: None, handle_chinese_chars: true }
    }
}

/// What stands for a word that no pieces make up.
pub(crate) const UNKNOWN: &str = "[UNK]";

fn unknown_token() -> String {
    UNKNOWN.to_owned()
}

/// A longer word is unknown as a whole: the limit of the original.
const fn max_word_chars() -> usize {
    100
}

impl Tokenizer {
    /// The tokenizer that a `tokenizer.json` describes.
    ///
    /// # Errors
    /// `config_invalid` where it is not one of word pieces with the special tokens of BERT.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self> {
        let file: File = serde_json::from_slice(bytes).map_err(|error| {
            Error::new(
                ErrorKind::ConfigInvalid,
                "The model's `tokenizer.json` is not one of word pieces.",
            )
            .with_source(error)
        })?;
        let normalizer = file.normalizer.unwrap_or_default();
        let vocabulary = file.model.vocab.iter().map(|(piece, id)| (&**piece, *id));
        Ok(Self {
            max_word_chars: file.model.max_input_chars_per_word,
            lowercase: normalizer.lowercase,
            strip_accents: normalizer.strip_accents.unwrap_or(normalizer.lowercase),
            spaces_around_ideographs: normalizer.handle_chinese_chars,
            ..Self::of_pieces(vocabulary, &file.model.unk_token)?
        })
    }

    /// The tokenizer of an uncased BERT, with these pieces and their numbers.
    ///
    /// # Errors
    /// `config_invalid` where the special tokens of BERT are not among them.
    pub(crate) fn of_pieces<'a>(
        vocabulary: impl Iterator<Item = (&'a str, u32)>,
        unknown: &str,
    ) -> Result<Self> {
        let (mut starts, mut continuations) = (HashMap::new(), HashMap::new());
        let mut longest_piece = 1;
        for (piece, id) in vocabulary {
            longest_piece = longest_piece.max(piece.len());
            match piece.strip_prefix("##") {
                Some(rest) if !rest.is_empty() => continuations.insert(rest.into(), id),
                _ => starts.insert(piece.into(), id),
            };
        }
        let normalizer = Normalizer::default();
        Ok(Self {
            unknown: special(&starts, unknown)?,
            first: special(&starts, "[CLS]")?,
            last: special(&starts, "[SEP]")?,
            starts,
            continuations,
            max_word_chars: max_word_chars(),
            longest_piece,
            lowercase: normalizer.lowercase,
            strip_accents: normalizer.lowercase,
            spaces_around_ideographs: normalizer.handle_chinese_chars,
        })
    }

    /// The pieces of `text`, without the signs for its beginning and end.
    pub(crate) fn pieces(&self, text: &str) -> Vec<u32> {
        let clean = self.normalized(text);
        let mut pieces = Vec::with_capacity(clean.len() / 4);
        for word in clean.split_whitespace() {
            let mut start = 0;
            for (at, c) in word.char_indices().filter(|(_, c)| is_punctuation(*c)) {
                let end = at + c.len_utf8();
                self.push_word(word.get(start..at).unwrap_or_default(), &mut pieces);
                self.push_word(word.get(at..end).unwrap_or_default(), &mut pieces);
                start = end;
            }
            self.push_word(word.get(start..).unwrap_or_default(), &mut pieces);
        }
        pieces
    }

    fn normalized(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len() + text.len() / 8);
        for c in text.chars().filter(|c| !is_dropped(*c)) {
            if c.is_whitespace() {
                clean.push(' ');
            } else if self.spaces_around_ideographs && is_ideograph(c) {
                clean.extend([' ', c, ' ']);
            } else {
                clean.push(c);
            }
        }
        if self.strip_accents && !clean.is_ascii() {
            clean = clean.nfd().filter(|c| !c.is_mark_nonspacing()).collect();
        }
        if self.lowercase {
            clean = clean.chars().flat_map(char::to_lowercase).collect();
        }
        clean
    }

    fn push_word(&self, word: &str, pieces: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        let n_before = pieces.len();
        let is_short =
            word.len() <= self.max_word_chars || word.chars().count() <= self.max_word_chars;
        if !is_short || self.push_pieces(word, pieces).is_none() {
            pieces.truncate(n_before);
            pieces.push(self.unknown);
        }
    }

    fn push_pieces(&self, word: &str, pieces: &mut Vec<u32>) -> Option<()> {
        let mut rest = word;
        let mut known = &self.starts;
        while !rest.is_empty() {
            let mut end = rest.floor_char_boundary(self.longest_piece);
            let id = loop {
                if end == 0 {
                    return None;
                }
                if let Some(id) = known.get(rest.get(..end)?) {
                    break *id;
                }
                end = rest.floor_char_boundary(end - 1);
            };
            pieces.push(id);
            rest = rest.get(end..)?;
            known = &self.continuations;
        }
        Some(())
    }
}

fn special(vocabulary: &HashMap<Box<str>, u32>, token: &str) -> Result<u32> {
    vocabulary.get(token).copied().ok_or_else(|| {
        Error::new(ErrorKind::ConfigInvalid, format!("The model's vocabulary has no `{token}`."))
    })
}

fn is_dropped(c: char) -> bool {
    let is_space = matches!(c, '\t' | '\n' | '\r');
    matches!(c, '\0' | '\u{fffd}') || (!is_space && c.is_other())
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || (!c.is_ascii() && c.is_punctuation())
}

/// The blocks that the original takes for Chinese: each of their characters is a word.
const fn is_ideograph(c: char) -> bool {
    matches!(
        c,
        '\u{4e00}'..='\u{9fff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{20000}'..='\u{2a6df}'
            | '\u{2a700}'..='\u{2b73f}'
            | '\u{2b740}'..='\u{2b81f}'
            | '\u{2b920}'..='\u{2ceaf}'
            | '\u{f900}'..='\u{faff}'
            | '\u{2f800}'..='\u{2fa1f}'
    )
}
