//! Which characters a glyph stands for.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The text of a glyph as people type it: ligatures and presentation forms taken apart, spaces made plain. `None` where
/// it stands for no visible character.
pub(super) fn readable(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{FB00}'..='\u{FB4F}' | '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}' => {
                out.extend(c.nfkc().filter(|c| *c != ' '));
            }
            // Superscripts of Latin letters and digits mean something; other compatibility forms of radicals do not.
            '\u{2E80}'..='\u{2FDF}' | '\u{F900}'..='\u{FAFF}' => out.extend(c.nfkc()),
            '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' | '\t' => {
                out.push(' ');
            }
            '\u{AD}' => out.push('-'),
            '\u{FFFD}' | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'.. => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    // A mark that is shown alone stands on a space.
    if out.contains(is_combining_mark) && out.chars().all(|c| c == ' ' || is_combining_mark(c)) {
        out.retain(|c| c != ' ');
    }
    (!out.is_empty()).then_some(out)
}

/// The character of a code in the encoding that Western fonts use where they state none.
pub(super) fn western(code: u32) -> Option<char> {
    let byte = u8::try_from(code).ok().filter(|byte| *byte >= 0x20)?;
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ligatures_come_apart_and_private_characters_go() {
        assert_eq!(readable("\u{FB01}").as_deref(), Some("fi"));
        assert_eq!(readable("\u{FEFB}").as_deref(), Some("\u{644}\u{627}"));
        assert_eq!(readable("\u{A0}").as_deref(), Some(" "));
        assert_eq!(readable("\u{F0B7}"), None);
        assert_eq!(readable(" \u{64B}").as_deref(), Some("\u{64B}"));
        assert_eq!(western(0x80), Some('€'));
    }
}
