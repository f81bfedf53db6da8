//! How many tokens a text is, roughly and always the same.

/// Quarters of a token. English averages four characters per token in byte-pair vocabularies (the rule of thumb that
/// model vendors publish); letters of other alphabets split about twice as finely; scripts without spaces take about
/// one token per character.
const PER_ASCII: usize = 1;
const PER_LETTER: usize = 2;
const PER_IDEOGRAPH: usize = 4;

/// The estimated tokens in `text`: a fixed rule, so that chunks and prompts are measured alike whatever the model.
#[must_use]
pub fn estimate_tokens(text: &str) -> usize {
    quarter_tokens(text).div_ceil(4)
}

/// [`estimate_tokens`] in quarters, which add up without rounding.
#[must_use]
pub(crate) fn quarter_tokens(text: &str) -> usize {
    if text.is_ascii() {
        return text.len() * PER_ASCII;
    }
    text.chars().map(quarters).sum()
}

/// The quarters of one character.
#[must_use]
pub(crate) fn quarters(c: char) -> usize {
    match c {
        '\0'..='\u{7F}' => PER_ASCII,
        // Thai to Khmer, kana, ideographs, Hangul, and what lies beyond the basic plane.
        '\u{0E00}'..='\u{0FFF}'
        | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17FF}'
        | '\u{2E80}'..='\u{A4CF}'
        | '\u{AC00}'..='\u{D7AF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FF00}'..='\u{FFEF}'
        | '\u{10000}'.. => PER_IDEOGRAPH,
        _ => PER_LETTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_weigh_what_their_tokens_do() {
        assert_eq!(estimate_tokens("four per token!!"), 4);
        assert_eq!(estimate_tokens("日本語"), 3);
        assert_eq!(estimate_tokens("слово"), 3);
        assert_eq!(estimate_tokens(""), 0);
    }
}
