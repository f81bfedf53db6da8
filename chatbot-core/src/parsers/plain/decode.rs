//! Which encoding bytes are in, and the text they stand for.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::types::Warning;

/// What is looked at to tell UTF-16 and UTF-32 from 8-bit encodings.
const SAMPLE_BYTES: usize = 4096;
/// A UTF-8 text may hold one broken sequence for this many good ones and still be one.
const GOOD_PER_BROKEN: usize = 4;

/// A text and what was odd about its bytes.
#[derive(Debug)]
pub(in crate::parsers) struct Decoded {
    /// The text, with `\n` as its only line break.
    pub(in crate::parsers) text: String,
    pub(in crate::parsers) warnings: Vec<Warning>,
}

/// An encoding with more than one byte for each character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wide {
    Utf16 { big: bool },
    Utf32 { big: bool },
}

/// The text of `bytes` in the encoding they seem to be in.
pub(in crate::parsers) fn decode(bytes: &[u8]) -> Decoded {
    decode_as(bytes, None)
}

/// The text of `bytes`; in `stated`, unless a byte order mark or valid UTF-8 says otherwise.
pub(in crate::parsers) fn decode_as(bytes: &[u8], stated: Option<&'static Encoding>) -> Decoded {
    let mut warnings = Vec::new();
    let (text, broken) = match wide_encoding(bytes) {
        Some(Wide::Utf32 { big }) => utf32(bytes, big),
        Some(Wide::Utf16 { big }) => lossy(if big { UTF_16BE } else { UTF_16LE }, bytes),
        None => narrow(bytes, stated, &mut warnings),
    };
    if broken {
        warnings.push(Warning::new(
            "invalid_characters",
            "Some bytes stand for no character and were replaced.",
        ));
    }
    let text = line_breaks(text.strip_prefix('\u{FEFF}').unwrap_or(&text));
    Decoded { text, warnings }
}

fn narrow<'a>(
    bytes: &'a [u8],
    stated: Option<&'static Encoding>,
    warnings: &mut Vec<Warning>,
) -> (Cow<'a, str>, bool) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (Cow::Borrowed(text), false);
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") || mostly_utf8(bytes) {
        return lossy(UTF_8, bytes);
    }
    if let Some(stated) = stated.filter(|encoding| *encoding != UTF_8) {
        let (text, broken) = lossy(stated, bytes);
        if !broken {
            return (text, false);
        }
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let guess = detector.guess(None, Utf8Detection::Allow);
    warnings.push(Warning::new(
        "guessed_encoding",
        format!("The encoding was guessed to be {}. UTF-8 needs no guess.", guess.name()),
    ));
    lossy(guess, bytes)
}

fn lossy<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> (Cow<'a, str>, bool) {
    encoding.decode_without_bom_handling(bytes)
}

/// Whether the sequences that are not ASCII are UTF-8 but for a few.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut broken) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    // Without a single good sequence, a broken one here and there is dirt in a text of ASCII where it stands alone in
    // kilobytes, and a legacy encoding otherwise.
    good >= broken * GOOD_PER_BROKEN || (good == 0 && broken * 2048 < bytes.len())
}

/// Recognises UTF-16 and UTF-32 by a byte order mark or by where the zeros of Latin text and line breaks stand.
pub(super) fn wide_encoding(bytes: &[u8]) -> Option<Wide> {
    match bytes {
        [0xFF, 0xFE, 0, 0, ..] => return Some(Wide::Utf32 { big: false }),
        [0, 0, 0xFE, 0xFF, ..] => return Some(Wide::Utf32 { big: true }),
        [0xFF, 0xFE, ..] => return Some(Wide::Utf16 { big: false }),
        [0xFE, 0xFF, ..] => return Some(Wide::Utf16 { big: true }),
        _ => {}
    }
    let sample = bytes.get(..SAMPLE_BYTES.min(bytes.len()))?;
    let mut zeros = [0_usize; 4];
    for quad in sample.chunks_exact(4) {
        for (count, byte) in zeros.iter_mut().zip(quad) {
            *count += usize::from(*byte == 0);
        }
    }
    let n = sample.len() / 4;
    let most = |count: usize| count * 10 >= n * 9;
    let few = |count: usize| count * 50 <= n;
    let [a, b, c, d] = zeros;
    // A handful of bytes may have its zeros anywhere.
    if n < 4 {
        return None;
    }
    if most(a) && most(b) && few(d) {
        return Some(Wide::Utf32 { big: true });
    }
    if most(c) && most(d) && few(a) {
        return Some(Wide::Utf32 { big: false });
    }
    // Half of a text in which spaces and line breaks are the only Latin is still unlike any 8-bit encoding.
    let some = |x: usize, y: usize| (x + y) * 10 >= n;
    let likely = |x: usize, y: usize| some(x, y) && (x + y >= n || !reads_well(sample));
    if likely(a, c) && few(b) && few(d) {
        return Some(Wide::Utf16 { big: true });
    }
    if likely(b, d) && few(a) && few(c) {
        return Some(Wide::Utf16 { big: false });
    }
    None
}

/// Whether bytes are UTF-8 as people write it but for a zero here and there: dirt, not halves of characters. In UTF-16,
/// other scripts than Latin are full of control characters or broken sequences when they are read so.
fn reads_well(sample: &[u8]) -> bool {
    let is_control = |b: &u8| b.is_ascii_control() && !b"\0\t\n\r\x0C\x1B".contains(b);
    // The sample may end inside a character.
    let is_utf8 = match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    is_utf8 && !sample.iter().any(is_control)
}

fn utf32(bytes: &[u8], big: bool) -> (Cow<'static, str>, bool) {
    let mut broken = !bytes.len().is_multiple_of(4);
    let decode_one = |quad: &[u8]| {
        let quad: [u8; 4] = quad.try_into().unwrap_or_default();
        let code = if big { u32::from_be_bytes(quad) } else { u32::from_le_bytes(quad) };
        char::from_u32(code).unwrap_or_else(|| {
            broken = true;
            char::REPLACEMENT_CHARACTER
        })
    };
    let text: String = bytes.chunks_exact(4).map(decode_one).collect();
    (Cow::Owned(text), broken)
}

/// `text` with every kind of line break as `\n`; a form feed ends a page, and so a paragraph.
fn line_breaks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{C}', '\u{B}']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let mut chars = from.chars();
        match chars.next() {
            Some('\r') if chars.as_str().starts_with('\n') => {}
            Some('\u{C}' | '\u{2029}') => out.push_str("\n\n"),
            _ => out.push('\n'),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wide(text: &str, mark: bool, big: bool) -> Vec<u8> {
        let mark = mark.then_some(0xFEFF);
        let units = mark.into_iter().chain(text.encode_utf16());
        units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    }

    proptest! {
        #[test]
        fn utf8_and_utf16_with_a_mark_come_back_as_they_were(text in "[^\r\u{85}\u{2028}\u{2029}\u{C}\u{B}\0\u{FEFF}]{0,200}", big: bool) {
            prop_assert_eq!(&decode(text.as_bytes()).text, &text);
            prop_assert_eq!(&decode(&wide(&text, true, big)).text, &text);
        }

        #[test]
        fn latin_utf16_needs_no_mark(text in "[a-z \n.]{8,200}", big: bool) {
            prop_assert_eq!(decode(&wide(&text, false, big)).text, text);
        }

        #[test]
        fn anything_decodes_to_text_without_carriage_returns(bytes: Vec<u8>) {
            prop_assert!(!decode(&bytes).text.contains('\r'));
        }
    }

    #[test]
    fn legacy_encodings_are_recognised() {
        let russian = "Однажды, в студеную зимнюю пору я из лесу вышел; был сильный мороз.";
        let (bytes, ..) = encoding_rs::IBM866.encode(russian);
        assert_eq!(decode(&bytes).text, russian);
        let spanish = "El niño comió paella con ñoquis. ¿Cuánto cuesta?";
        let (bytes, ..) = encoding_rs::WINDOWS_1252.encode(spanish);
        assert_eq!(decode(&bytes).text, spanish);
    }

    #[test]
    fn broken_bytes_are_replaced_with_a_warning() {
        let decoded = decode("süße Grüße, schöne Öfen \u{FFFD}".replace('\u{FFFD}', "").as_bytes());
        assert!(decoded.warnings.is_empty());
        let mut bytes = "süße Grüße, schöne Öfen".as_bytes().to_vec();
        bytes.push(0xFF);
        let decoded = decode(&bytes);
        assert_eq!(decoded.text, "süße Grüße, schöne Öfen\u{FFFD}");
        assert_eq!(decoded.warnings[0].code, "invalid_characters");
    }

    #[test]
    fn a_stray_zero_does_not_make_a_text_wide() {
        for text in
            ["The cooling\0 pump is oiled.", "ein\0 süßer Ofen, schön, groß", "a\0bcdefg hijklmnop"]
        {
            assert_eq!(decode(text.as_bytes()).text, text);
        }
        for text in [
            "Однажды, в студеную пору.",
            "मैं घर पर हूँ। वह आया।",
            "α β γ δ ε ζ η θ ι κ",
            "漢 字 仮 名 交 じ り 文",
        ] {
            assert_eq!(decode(&wide(text, false, false)).text, text);
            assert_eq!(decode(&wide(text, false, true)).text, text);
        }
    }

    #[test]
    fn every_line_break_becomes_the_same() {
        assert_eq!(decode(b"a\r\nb\rc\nd\x0Ce").text, "a\nb\nc\nd\n\ne");
    }
}
