//! An estimate of tokens that needs no tokenizer.

use crate::traits::TokenCounter;

/// Characters of alphabetic scripts that make one token. The byte-pair vocabularies of current chat models come to 4.0
/// to 4.8 characters a token on English prose; the smaller figure leaves some room for other languages and for code.
const CHARS_PER_TOKEN: usize = 4;

/// Estimates tokens: one for each character of Chinese, Japanese, Korean and other dense scripts, one for four
/// characters of anything else, punctuation and digits more often.
///
/// The estimate is made to be a little too high, since a prompt that is too long is refused and one that is a little
/// short is not noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EstimatedTokens;

impl TokenCounter for EstimatedTokens {
    fn count(&self, text: &str) -> usize {
        let (mut tokens, mut word) = (0, 0_usize);
        for c in text.chars() {
            if c.is_alphabetic() && !is_dense(c) {
                word += 1;
                continue;
            }
            tokens += word.div_ceil(CHARS_PER_TOKEN + 1);
            word = 0;
            // A single space belongs to the word after it; whatever else stands alone is a token or part of a short one.
            tokens += usize::from(c != ' ');
        }
        tokens + word.div_ceil(CHARS_PER_TOKEN + 1)
    }
}

/// Scripts in which a character is about a token.
const fn is_dense(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1100}'..='\u{11FF}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7AF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_near_what_tokenizers_say_and_never_far_below() {
        let english = "The quick brown fox jumps over the lazy dog near the old river bank.";
        assert!((14..=22).contains(&EstimatedTokens.count(english)));
        let count = EstimatedTokens.count("黑豹队的防守丢了多少分？");
        assert!((10..=14).contains(&count));
        assert_eq!(EstimatedTokens.count(""), 0);
    }

    #[test]
    fn longer_texts_are_never_fewer_tokens() {
        let text = "Numbers like 1,234.5 and names, e.g. Ångström; 日本 too.";
        let counts = text.char_indices().map(|(at, _)| EstimatedTokens.count(&text[..at]));
        let counts: Vec<_> = counts.collect();
        assert!(counts.is_sorted());
    }
}
