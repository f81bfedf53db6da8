//! What kinds of characters there are, as far as terms are concerned.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};

/// Whether a character is part of a word.
pub(super) fn is_word(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() } else { is_word_beyond_ascii(c) }
}

fn is_word_beyond_ascii(c: char) -> bool {
    c.is_alphanumeric() || is_invisible(c) || is_combining_mark(c)
}

/// Characters inside words that are not seen: soft hyphens, joiners, variation selectors.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200C}' | '\u{200D}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}')
}

/// Whether a script is written without spaces between words, or glues particles to them (Hangul), so that terms are
/// cut by length: Han, kana, Hangul, Thai, Lao, Myanmar, Khmer, Tibetan.
///
/// *Source*: the script blocks of the Unicode standard.
pub(super) fn is_unspaced(c: char) -> bool {
    let code = u32::from(c);
    code >= 0x0E00
        && matches!(code,
            0x0E00..=0x0FFF          // Thai, Lao, Tibetan
            | 0x1000..=0x109F        // Myanmar
            | 0x1100..=0x11FF        // Hangul letters
            | 0x1780..=0x17FF        // Khmer
            | 0x2E80..=0x2FDF        // radicals
            | 0x3005..=0x3007        // iteration mark, zero
            | 0x3041..=0x30FF        // Hiragana, Katakana
            | 0x3105..=0x318F        // Bopomofo, Hangul letters
            | 0x31A0..=0x31BF | 0x31F0..=0x31FF
            | 0x3400..=0x4DBF | 0x4E00..=0x9FFF
            | 0xA960..=0xA97F | 0xA9E0..=0xA9FF | 0xAA60..=0xAA7F
            | 0xAC00..=0xD7FF | 0xF900..=0xFAFF
            | 0x20000..=0x323AF)
        && is_word_beyond_ascii(c)
}

/// Whether a character belongs to the one before it.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && (is_invisible(c) || is_combining_mark(c))
}

/// `text` in the form NFKC, which makes wide, narrow and composed forms the same.
pub(super) fn compatible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfkc().collect())
}

/// Appends `word` in lower case, without invisible characters, and at most `max_bytes` of it.
pub(super) fn push_lower(out: &mut String, word: &str, max_bytes: usize) {
    let limit = out.len() + max_bytes;
    for c in word.chars() {
        if out.len() + 4 > limit {
            break;
        }
        match c {
            'A'..='Z' => out.push(c.to_ascii_lowercase()),
            '\0'..='\x7f' => out.push(c),
            'ς' => out.push('σ'),
            '’' | 'ʼ' => out.push('\''),
            c if is_invisible(c) => {}
            c => out.extend(c.to_lowercase()),
        }
    }
}

/// Appends `word` with the accents of European, Arabic and Hebrew letters taken off. Marks of other scripts are
/// vowels and stay.
pub(super) fn push_folded(out: &mut String, word: &str) {
    if word.is_ascii() {
        out.push_str(word);
        return;
    }
    for c in word.nfkd() {
        match c {
            '\u{300}'..='\u{36F}' | '\u{591}'..='\u{5C7}' | '\u{64B}'..='\u{65F}' | '\u{670}' => {}
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            'đ' => out.push('d'),
            'ı' => out.push('i'),
            c => out.push(c),
        }
    }
}
